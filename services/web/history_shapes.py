"""What a question about the past looks like: AuthZEN's subject, action, resource and context, and
beside them an instant or a day. A misspelt field is refused: left out, it would change what is
asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from policies.types import USE_ACTS
from policies.use import UseQuestion
from services.basis import OBLIGATIONS
from services.web.fields import Day, Id, Instant, Purpose
from services.web.shapes import Shape, SliceShape

_Obligation = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9][a-z0-9./_\-]*$")]


class Subject(Shape):
    """Who would have used it."""

    type: Literal["person"]
    id: Id


class Action(Shape):
    """What they would have done."""

    name: Literal[USE_ACTS]  # type: ignore[valid-type]


class Resource(Shape):
    """With what."""

    type: Literal["item"]
    id: Id


class Context(Shape):
    """For what; in which narrower slice, if any; which use it was, for every use beyond reading;
    what the gateway could apply, by default all that there is."""

    purpose: Annotated[Purpose, StringConstraints(min_length=1)]
    named: Id | None = None
    slice: SliceShape | None = None
    obligations_supported: list[_Obligation] = Field(
        default_factory=lambda: sorted(OBLIGATIONS), max_length=50
    )


class PastEvaluation(Shape):
    """Might this subject do this, with this resource, in this context, then?"""

    subject: Subject
    action: Action
    resource: Resource
    context: Context
    at: Instant | None = None
    on: Day | None = None

    @model_validator(mode="after")
    def _one_time(self) -> PastEvaluation:
        if (self.at is None) == (self.on is None):
            raise ValueError("Say either at which instant (at), or on which day (on).")
        return self

    def question(self) -> UseQuestion:
        """As the decision point takes it."""
        context = self.context
        return UseQuestion(
            self.subject.id,
            self.action.name,
            self.resource.id,
            context.purpose,
            context.slice.read() if context.slice else None,
            frozenset(context.obligations_supported),
            context.named,
        )
