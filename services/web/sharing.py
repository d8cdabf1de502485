"""What all bodies share and change only together, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from policies.body.commands import Change
from policies.types import Outcome
from services.queries import sharing as queries
from services.sharing import Word
from services.web import body_shapes, fields
from services.web.signed import PROBLEMS, Built, MaybePerson, Person, Recorded

router = APIRouter(prefix="/v1", tags=["sharing"], responses=PROBLEMS)
Json = dict[str, Any]


@router.get("/proposals")
async def list_proposals(viewer: MaybePerson, accord: Built) -> list[Json]:
    """Changes of what all share: who is welcome, the operator, the reviewer, the desk; what
    each body has said, and who is still waited for."""
    found: list[Json] = await accord.path.look(lambda sight: queries.proposals(sight, viewer))
    return found


@router.get("/desk")
async def read_desk(accord: Built) -> Json:
    """The desk that looks first whether everything is there, if the bodies named one; in how
    many working days; and how long each request has waited there, for anybody to see. It
    decides nothing."""
    found: Json = await accord.path.look(queries.desk)
    return found


@router.post("/proposals", status_code=201)
async def propose(command: body_shapes.Propose, viewer: Person, accord: Built) -> Recorded:
    """Your body proposes a change. It holds once every body has said yes."""
    change = Change(command.kind, command.subject, command.days)
    return Recorded.of(
        await accord.sharing.propose(viewer, command.body, command.sent(), change, command.why)
    )


@router.post("/proposals/{proposal}/words", status_code=201)
async def say(
    proposal: fields.AtPath, command: body_shapes.Say, viewer: Person, accord: Built
) -> Recorded:
    """The secretary records what your body came to about a proposal."""
    word = Word(
        Outcome(command.outcome), command.voices, command.held_on, command.method, command.minutes
    )
    sent = command.sent(proposal=proposal)
    return Recorded.of(await accord.sharing.say(viewer, command.body, sent, proposal, word))
