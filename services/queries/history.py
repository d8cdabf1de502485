"""What may be told of how things were, and to whom.

Whoever asks about their own access is answered; so are a body's people about data of peoples and
places that it speaks for, a gateway's keeper about the collections that it serves, and whoever
runs this deployment. For anybody else there is nothing here. What bodies hide stays hidden: its
answer then is told as it would be told now, and nothing tells when it came or went but the
answers themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from policies import explain
from policies.body.commands import DEPLOYMENT, Mandate
from policies.codec import written
from policies.refusals import Code, Refused, RefusedError
from policies.routing import Item
from policies.slices import ANY, Part
from policies.types import STORIES
from policies.use import SLICE_OBLIGATION, UseAnswer, UseQuestion
from services import answered as answers
from services import calendar, decisions, facts, history
from services.answered import Checking, Recorded
from services.past_facts import PastFacts
from services.past_rules import PastRules, begins
from services.path import Sight
from services.people import Viewer, speaking
from services.store.schema import gateways

Json = dict[str, Any]

MOST_ANSWERS = 500
"""How many recorded answers of a day are shown."""

ALARM = (
    "The record comes to another answer than the one given then. Keep an export, and tell whoever"
    " runs this deployment and the bodies concerned."
)


@dataclass(frozen=True)
class Asker:
    """In what standing somebody asks: their bodies, which are told what they hide themselves; and
    the gateways whose answers are theirs to see, None for all."""

    own: frozenset[str]
    gateways: frozenset[str] | None = None


def at_instant(sight: Sight, viewer: Viewer, question: UseQuestion, at: datetime) -> Json:
    """The answer at an instant, and what was answered on its day.

    Raises:
        RefusedError: it is not theirs to ask; the instant is none that the record tells of.
    """
    asker = _asker(sight, viewer, question)
    given = history.answer_at(sight.connection, question, at)
    day = calendar.today(at)
    first, last = calendar.start_of(day), calendar.end_of(day)
    return {
        **_shown(sight, given, asker),
        "at": written(at),
        "answered": _answered(sight, question, first, last, asker, at),
    }


def of_day(sight: Sight, viewer: Viewer, question: UseQuestion, day: date) -> Json:
    """The answer in each stretch of a New Zealand day, and what was answered in it. Raises
    RefusedError as `at_instant`."""
    asker = _asker(sight, viewer, question)
    part = history.day_of(sight.connection, day)
    found: list[Json] = []
    for each in history.stretches(sight.connection, question, part):
        shown = _shown(sight, each.given, asker)
        if not found or shown != {k: v for k, v in found[-1].items() if k != "from"}:
            # What makes no difference that may be told makes no stretch either.
            found.append({**shown, "from": written(each.since)})
    end = written(part.cut or part.last)
    ends = [*(each["from"] for each in found[1:]), end]
    return {
        "on": day.isoformat(),
        "stretches": [{**each, "until": until} for each, until in zip(found, ends, strict=True)],
        "cut_at": written(part.cut) if part.cut else None,
        "answered": _answered(sight, question, part.first, part.last, asker),
    }


def _asker(sight: Sight, viewer: Viewer, question: UseQuestion) -> Asker:
    """In what standing the viewer may ask this. Raises RefusedError for anybody else."""
    own = frozenset(sight.bodies.of(viewer.person))
    if DEPLOYMENT in own:
        sight.permitted("deployment:history:ask", sight.bodies.roles(viewer.person, DEPLOYMENT))
        return Asker(own - {DEPLOYMENT})
    item = next(iter(facts.read_items(sight.connection, [question.item])), None)
    concerned = [
        each for each in sorted(own & speaking(sight.bodies)) if _speaks(sight, each, item)
    ]
    for body in concerned:
        sight.permitted("body:history:ask", sight.bodies.roles(viewer.person, body))
        return Asker(own)
    if viewer.person == question.subject:
        sight.permitted("person:history:ask", ("role:anyone",))
        _not_a_story(sight, question, item)
        return Asker(own)
    kept = _kept(sight, own, item)
    for body in sorted(set(kept.values())):
        sight.permitted("body:history:ask", sight.bodies.roles(viewer.person, body))
        return Asker(own, frozenset(kept))
    raise RefusedError(Code.NOT_FOUND)


def _speaks(sight: Sight, body: str, item: Item | None) -> bool:
    """Whether the body speaks, today, for any people or place whose data the item is."""
    mandate: Mandate = sight.bodies.states[body].mandate
    if item is None or item.said is None or (mandate.until and mandate.until <= sight.now):
        return False
    return _among(mandate.peoples, item.said.peoples) or _among(mandate.places, item.said.places)


def _among(own: frozenset[str], part: Part[str]) -> bool:
    return bool(own) if part == ANY else bool(own & frozenset(part))


def _kept(sight: Sight, own: frozenset[str], item: Item | None) -> dict[str, str]:
    """The gateways that serve the item and are kept by one of these bodies, with that body."""
    if item is None:
        return {}
    rows = sight.connection.execute(sa.select(gateways).where(gateways.c.owner.in_(sorted(own))))
    return {row.id: row.owner for row in rows if item.collection in row.collections}


def _not_a_story(sight: Sight, question: UseQuestion, item: Item | None) -> None:
    """That a story is held is told to those who were granted it. Raises RefusedError."""
    classes = item.said.classes if item and item.said else frozenset()
    if classes & STORIES:
        past = PastFacts.read(sight.connection, question.subject, question.item)
        if not past.held:
            raise RefusedError(Code.NOT_FOUND)


def _shown(sight: Sight, given: history.Given, asker: Asker) -> Json:
    """An answer as it is told: in the words in which it would be told now."""
    found = given.found
    if found.decision:
        assert found.slice is not None
        return {
            "decision": True,
            "context": {
                "obligations": [
                    {"id": SLICE_OBLIGATION, "slice": found.slice.to_json()},
                    *({"id": each} for each in found.also),
                ],
                "reason_user": {"200": "A grant in force allowed this, within its slice."},
                "grant": found.grant,
                "rules": [explain.told(each, decided=False) for each in given.lines],
            },
        }
    told = decisions.tell(sight.connection, _opened(found, asker))
    assert isinstance(told.refused, Refused)
    lines = given.lines if told.refused.facts else ()
    return {
        "decision": False,
        "context": {
            "code": str(told.refused.code),
            "reason_user": {"403": told.words or told.refused.sentence},
            "next": told.refused.next_step,
            "rules": [explain.told(each, decided=True) for each in lines],
        },
    }


def _opened(found: UseAnswer, asker: Asker) -> UseAnswer:
    """A body's own people may know which of its restrictions it was."""
    rule = found.rule
    if rule is None or not rule.hidden or rule.adopter not in asker.own:
        return found
    return replace(found, code=Code.RESTRICTED)


def _answered(
    sight: Sight,
    question: UseQuestion,
    first: datetime,
    last: datetime,
    asker: Asker,
    about: datetime | None = None,
) -> Json:
    """What gateways answered; of more than are shown, those nearest to `about`, or the first."""
    connection = sight.connection
    by = answers.gateways(connection) if asker.gateways is None else asker.gateways
    found = answers.within(connection, question, about or first, last, MOST_ANSWERS + 1, by)
    if about is not None:
        more = MOST_ANSWERS + 1
        before = answers.within(connection, question, first, about, more, by, newest=True)
        found = sorted([*before, *found], key=lambda each: abs(each.at - about))
    shown = sorted(found[:MOST_ANSWERS], key=lambda each: each.at)
    checking = Checking(connection, begins(connection), PastRules(connection))
    return {
        "answers": [_recorded(each, checking) for each in shown],
        "more": len(found) > MOST_ANSWERS,
    }


def _recorded(each: Recorded, checking: Checking) -> Json:
    again = checking.again(each)
    told: Json = {
        "at": written(each.at),
        "entry": each.entry,
        "gateway": each.gateway,
        "purpose": each.answered.purpose,
        "decision": each.answered.decision,
        "code": each.answered.code,
        "agrees": again.agrees if again.found is not None else None,
    }
    if again.found is None:
        told["why"] = again.why
    elif not again.agrees:
        code = str(again.found.code or "allowed")
        told["alarm"] = ALARM
        told["comes_to"] = {"decision": again.found.decision, "code": code}
    return told
