"""Was this allowed then? Over HTTP, in the shapes of AuthZEN's Authorization API 1.0."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.queries import history as queries
from services.web.history_shapes import PastEvaluation
from services.web.signed import PROBLEMS, Built, Person

router = APIRouter(prefix="/v1/history", tags=["history"], responses=PROBLEMS)
Json = dict[str, Any]


@router.post("/evaluation")
async def evaluate(asked: PastEvaluation, viewer: Person, accord: Built) -> Json:
    """Whether this was allowed `at` an instant, or through a New Zealand day (`on`), from what
    held then; and beside it what gateways were answered on that day. Yours to ask about your own
    access; about data of the peoples and places that your body speaks for; about collections
    whose gateway your body keeps; and for whoever runs this deployment."""
    question, at, day = asked.question(), asked.at, asked.on
    if at is not None:
        found: Json = await accord.path.look(
            lambda sight: queries.at_instant(sight, viewer, question, at)
        )
        return found
    assert day is not None
    stretches: Json = await accord.path.look(
        lambda sight: queries.of_day(sight, viewer, question, day)
    )
    return stretches
