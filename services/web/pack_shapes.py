"""What the API takes about packs; see `shapes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from policies.pack import FILES, MOST_VERSIONS
from services.packs import Adopting
from services.web.fields import Id, Short
from services.web.shapes import CommandShape, ForBody, Shape

MOST_CHARACTERS = 5_000_000
"""The longest file of a pack, in characters; the loader has its own bound in bytes and lines."""

Number = Annotated[int, Field(strict=True, ge=1, le=MOST_VERSIONS + 1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# Not stripped, and not looked at for control marks: the loader says by line what is wrong.
Table = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]


class ForkPack(ForBody):
    """A pack of the body's own, called `name`, from a version (the newest, where none is named) of
    one that it may read."""

    name: Short
    pack: Id
    version: Number | None = None


class EditPack(CommandShape):
    """All files of the pack, anew. `based_on` is the version that was edited: the newest."""

    based_on: Number
    files: dict[Literal[FILES], Table] = Field(min_length=1)  # type: ignore[valid-type]

    def read(self) -> Mapping[str, bytes]:
        """As they lie on a disk."""
        return {name: text.encode() for name, text in self.files.items()}


class InsteadOf(Shape):
    """An adopted pack whose adoption ends with the new one, and the SHA-256 of what was shown."""

    pack: Id
    sha256: Sha256


class AdoptPack(CommandShape):
    """What the preview gave under `confirm`: which version, the SHA-256 of its document, and that
    of what the body has in force of this pack now (null: nothing)."""

    pack: Id
    version: Number
    sha256: Sha256
    in_force: Sha256 | None
    instead_of: InsteadOf | None = None

    def read(self) -> Adopting:
        """As the use case takes it."""
        other = self.instead_of
        return Adopting(
            self.pack,
            self.version,
            self.sha256,
            self.in_force,
            other.pack if other else None,
            other.sha256 if other else None,
        )


class WithdrawPack(CommandShape):
    """Withdraw from a pack."""

    pack: Id
