"""What the API takes about the catalogue; see `shapes.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.catalogue.claiming import Subjects
from services.web.fields import Flag, Id, Ids, Short, Written
from services.web.shapes import CommandShape, ForBody, Shape


class Confirm(ForBody):
    """What a body says these items are."""

    items: Annotated[list[Id], Field(min_length=1, max_length=500)]
    classes: Annotated[list[Short], Field(min_length=1, max_length=20)]
    peoples: Ids | Literal["any"] = Field(default_factory=list)
    places: Ids | Literal["any"] = Field(default_factory=list)
    whole: Flag = False


class WriteHistory(ForBody):
    """A collection's history."""

    history: Written


class NameShape(CommandShape):
    """Peoples and places by id, each with its name."""

    peoples: dict[Id, Short] = Field(default_factory=dict, max_length=500)
    places: dict[Id, Short] = Field(default_factory=dict, max_length=500)


class SubjectsShape(Shape):
    """Items, peoples and places, by id."""

    items: Ids = Field(default_factory=list)
    peoples: Ids = Field(default_factory=list)
    places: Ids = Field(default_factory=list)

    def read(self) -> Subjects:
        """As the use case takes them."""
        return Subjects(frozenset(self.items), frozenset(self.peoples), frozenset(self.places))


class Claim(ForBody):
    """Ours too; or, with `against`, a mandate that is contested."""

    subjects: SubjectsShape
    statement: Written
    against: Id | None = None


class Search(ForBody):
    """Somebody named (`searcher`, a body) looks for those who care for this."""

    subjects: SubjectsShape
    searcher: Id
    words: Written


class EndSearch(ForBody):
    """What came of it."""

    words: Written


class Wishes(ForBody):
    """How whoever told it wishes a story to be treated, and the context it was told in."""

    wishes: Written
    context: Written
