"""Accord's decision point behind AuthZEN's API: who may use which item, for what, now.

Whatever a gateway says about the time is ignored: the service clock decides. So are the
`properties` of what is asked about: what Accord has to go by, it knows itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from policies import explain
from policies.codec import written
from policies.refusals import Refused
from policies.use import SLICE_OBLIGATION, UseQuestion
from services import decisions
from services.bootstrap import Accord
from services.decisions import Told
from services.use_facts import NOTHING, UNREADABLE, Gateway
from services.web import authzen
from services.web.authzen import Answers, Decision, Evaluation, Name, Unreadable
from services.web.shapes import SliceShape

_KNOWN_SHAPES = {
    "person": re.compile(r"person-[0-9a-f-]{36}"),
    "act": re.compile(r"[a-z][a-z_.]{0,59}"),
    "item": re.compile(r"\S+"),
    "purpose": re.compile(r"[a-z0-9][a-z0-9-]{0,79}"),
    "named": re.compile(r"[\w][\w.-]{0,79}"),
}
"""What is none of these is asked, and recorded, as `NOTHING`: answers are kept for good, and a
gateway might send a name where an id belongs."""


class Context(BaseModel):
    """For what; in which narrower slice, if any; what the gateway can apply; and for every use
    beyond reading which one it is (`named`)."""

    purpose: Name = NOTHING
    named: Name | None = None
    slice: SliceShape | None = None
    obligations_supported: list[Name] = Field(default_factory=list, max_length=50)


class UseEvaluation(Evaluation[Context]):
    """May this subject do this (``use.read`` and its like), with this item, in this context?"""

    model_config = ConfigDict(
        json_schema_extra={
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
    )


router = authzen.router(UseEvaluation)


class Entrance:
    """Lets a custodian's gateways in."""

    def __init__(self, accord: Accord) -> None:
        """`accord` is the process's own."""
        self._accord = accord

    @property
    def address(self) -> str:
        """Where people and gateways find this Accord."""
        return self._accord.settings.address

    async def admit(self, credential: str) -> UsePoint:
        """The decision point for the gateway with this credential. Raises RefusedError."""
        deciding = self._accord.decisions
        return UsePoint(deciding, await deciding.known(credential))


class UsePoint:
    """Answers one gateway, within what it serves."""

    def __init__(self, deciding: decisions.Decisions, gateway: Gateway) -> None:
        """`deciding` answers and records."""
        self._deciding = deciding
        self._gateway = gateway

    async def evaluate(
        self, asked: Sequence[Evaluation[Context] | Unreadable], stop_at: bool | None
    ) -> Answers:
        """As `authzen.DecisionPoint`. The records of all answers are in one commit."""
        questions = [
            UNREADABLE if isinstance(each, Unreadable) else _question(each) for each in asked
        ]
        found = await self._deciding.decide(self._gateway, questions, stop_at)
        answers = []
        for each, told in zip(asked, found.told, strict=False):
            context = _context(told)
            if isinstance(each, Unreadable):
                context["error"] = {"status": 400, "message": each.because}
            answers.append(Decision(decision=told.answer.decision, context=context))
        return Answers(answers, found.may_leave)


def _question(asked: Evaluation[Context]) -> UseQuestion:
    context = asked.context or Context()
    if asked.subject.type != "person" or asked.resource.type != "item":
        subject, item = NOTHING, NOTHING
    else:
        subject, item = _known("person", asked.subject.id), _known("item", asked.resource.id)
    return UseQuestion(
        subject,
        _known("act", asked.action.name),
        item,
        _known("purpose", context.purpose),
        context.slice.read() if context.slice else None,
        frozenset(context.obligations_supported),
        _known("named", context.named) if context.named else None,
    )


def _known(kind: str, sent: str) -> str:
    return sent if _KNOWN_SHAPES[kind].fullmatch(sent) else NOTHING


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
            "lines": explain.lines(answer.matched, answer.rule),
            "for_a_yes": [],
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
        # Of what may not be told there is no line among those that matched (`use.rules_say`).
        "lines": explain.lines(answer.matched, answer.rule),
        "for_a_yes": [vars(each) for each in explain.for_a_yes(answer.code, answer.matched)],
        "record": told.entry,
    }
