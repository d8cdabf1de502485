"""The decision point in the wire shape of AuthZEN's Authorization API 1.0.

A refusal is an answer, and HTTP 200; only a question that cannot be read, or a
credential that is nobody's, is an error. Whatever a gateway says about the time is
ignored: the service clock decides.
"""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from policies.codec import written
from policies.refusals import Refused
from policies.use import SLICE_OBLIGATION, UseQuestion
from services.decisions import Told
from services.web.shapes import SliceShape
from services.web.signed import PROBLEMS, Built, FromGateway

router = APIRouter(tags=["decision point"], responses=PROBLEMS)
_KNOWN_SHAPES = {
    "person": re.compile(r"person-[0-9a-f-]{36}"),
    "act": re.compile(r"[a-z][a-z_.]{0,59}"),
    "item": re.compile(r"\S+"),
    "purpose": re.compile(r"[a-z0-9][a-z0-9-]{0,79}"),
    "named": re.compile(r"[\w][\w.-]{0,79}"),
}
_OTHER = "-"
"""What is asked, and recorded, in place of what can be nothing that Accord knows: answers
are kept for good, and a gateway might send a name where an id belongs."""
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=700, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]


class Subject(BaseModel):
    """Who would use it."""

    type: Name
    id: Name


class Action(BaseModel):
    """What they would do: ``use.read`` and its like."""

    name: Name


class Resource(BaseModel):
    """With what."""

    type: Name
    id: Name


class Context(BaseModel):
    """For what; in which narrower slice, if any; what the gateway can apply; and for every use
    beyond reading which one it is (`named`)."""

    purpose: Name = _OTHER
    named: Name | None = None
    slice: SliceShape | None = None
    obligations_supported: list[Name] = Field(default_factory=list, max_length=50)


class Evaluation(BaseModel):
    """May this subject do this, with this resource, in this context?"""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "subject": {"type": "person", "id": "person-…"},
                    "action": {"name": "use.read"},
                    "resource": {"type": "item", "id": "example_survey.people.clinic_visits"},
                    "context": {
                        "purpose": "example-wellbeing-study",
                        "obligations_supported": ["slice/1"],
                    },
                }
            ]
        }
    }

    subject: Subject
    action: Action
    resource: Resource
    context: Context = Context()


class Decision(BaseModel):
    """The answer. A yes carries the slice as an obligation, and until when it holds."""

    decision: bool
    context: dict[str, Any]


@router.post("/access/v1/evaluation")
async def evaluate(
    question: Evaluation,
    gateway: FromGateway,
    accord: Built,
) -> Decision:
    """Ask at the moment of use. The answer is recorded before it leaves. An `X-Request-ID` of
    the gateway's own comes back with it."""
    context = question.context
    if question.subject.type != "person" or question.resource.type != "item":
        subject, item = _OTHER, _OTHER
    else:
        subject, item = _known("person", question.subject.id), _known("item", question.resource.id)
    asked = UseQuestion(
        subject,
        _known("act", question.action.name),
        item,
        _known("purpose", context.purpose),
        context.slice.read() if context.slice else None,
        frozenset(context.obligations_supported),
        _known("named", context.named) if context.named else None,
    )
    told = await accord.decisions.decide(gateway, asked, str(uuid.uuid4()))
    return Decision(decision=told.answer.decision, context=_context(told))


@router.get("/.well-known/authzen-configuration")
async def configuration(accord: Built) -> dict[str, str]:
    """Where the decision point is, as AuthZEN's metadata says it."""
    base = accord.settings.address
    return {
        "policy_decision_point": base,
        "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
    }


def _known(kind: str, sent: str) -> str:
    return sent if _KNOWN_SHAPES[kind].fullmatch(sent) else _OTHER


def _context(told: Told) -> dict[str, Any]:
    answer = told.answer
    if answer.decision:
        assert answer.slice is not None
        assert answer.valid_until is not None
        return {
            "obligations": [
                {"id": SLICE_OBLIGATION, "slice": answer.slice.to_json()},
                *({"id": each, **told.travels.get(each, {})} for each in answer.also),
            ],
            "valid_until": written(answer.valid_until),
            "reason_user": {"200": "A grant in force allows this, within its slice."},
            "reasons": [{"grant": answer.grant}],
            "record": told.entry,
        }
    refused = told.refused
    assert isinstance(refused, Refused)
    reason: dict[str, str] = dict(refused.facts)
    return {
        "code": str(refused.code),
        "reason_user": {"403": told.words or refused.sentence},
        "next": refused.next_step,
        "reasons": [reason] if reason else [],
        "record": told.entry,
    }
