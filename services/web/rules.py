"""What the rules in force say, for whoever wants to know before asking."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from policies.types import USE_ACTS
from services.trying import Trying
from services.web import fields
from services.web.shapes import Shape, SliceShape
from services.web.signed import PROBLEMS, Built, Person

router = APIRouter(prefix="/v1/rules", tags=["rules"], responses=PROBLEMS)
Act = Annotated[str, Field(pattern=f"^({'|'.join(USE_ACTS)})$".replace(".", r"\."))]


class TryRules(Shape):
    """One use of one item. What is not said of a slice is any."""

    item: fields.Id
    act: Act = "use.read"
    purpose: fields.Purpose = "any-purpose"
    area: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9\-]{0,79})?$")] = ""
    slice: SliceShape | None = None


@router.post("/try")
async def try_rules(question: TryRules, viewer: Person, accord: Built) -> dict[str, Any]:
    """What rules and restrictions say of this use now: the answer, every line that spoke and may
    be told, who would have to decide, and what would have to change for a yes. It gives nothing,
    and no request is made."""
    asked = question.slice or SliceShape()
    told = await accord.rules.try_(
        viewer,
        Trying(question.item, question.act, question.purpose, question.area, asked.read()),
    )
    return dict(told)
