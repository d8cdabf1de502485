"""Was this allowed then? Answered by the decision point's own function, from what held then.

The rules come from the change log, everything else from the streams (`past_rules.py`,
`past_facts.py`); nothing from what is in force now. What it costs: the change log is read from its
beginning up to the instant, so an answer takes longer the more rules ever changed; what is read
of the streams is found by index, but for the catalogue's, which the database looks through.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from policies.codec import written
from policies.enforcer import Enforcer
from policies.refusals import Code, RefusedError
from policies.rules import Rule
from policies.types import USE_ACTS
from policies.use import UseAnswer, UseQuestion, answer, asked_of, purposes_of, questions
from services import calendar, clock
from services.past_facts import AsOf, Facts, PastFacts
from services.past_rules import Begins, PastRules, begins, position_at, positions_within

MOST_CHANGES = 2_000
"""How many instants of a day are looked at, at most, at which something may have changed."""


@dataclass(frozen=True)
class Given:
    """An answer as it was, and the lines that it came of, as they were then."""

    found: UseAnswer
    lines: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Stretch:
    """From this instant on, until the next stretch's, this was the answer."""

    since: datetime
    given: Given


@dataclass
class Day:
    """One New Zealand day, or as much of it as the record tells: from `first` to before `last`.
    `cut` is the instant from which on nothing was looked at any more, because too much changed;
    it is known when all stretches have been read."""

    first: datetime
    last: datetime
    cut: datetime | None = None


def answer_at(connection: Connection, question: UseQuestion, at: datetime) -> Given:
    """The answer to `question` as it was at the instant `at`, whichever gateway had asked.

    Raises:
        RefusedError: as invalid, for an instant that has not come, or of which nothing, or not
            the rules, had been written down.
    """
    require_told(connection, at)
    facts = PastFacts.read(connection, question.subject, question.item)
    enforcer = PastRules(connection).at(position_at(connection, at))
    return _given(enforcer, question, facts.at(AsOf(at)), at)


def day_of(connection: Connection, day: date) -> Day:
    """The part of `day` (in New Zealand) of which the record tells what held. Raises RefusedError
    as `answer_at`, where it tells of no part."""
    now, since = clock.now(connection), begins(connection)
    first, last = calendar.start_of(day), calendar.end_of(day)
    if first > now:
        raise _not_told("on", "That day has not come yet.", "Ask about a day that has begun.")
    if last <= since.rules:
        raise _before("on", last, since)
    return Day(max(first, since.rules), min(last, now))


def stretches(connection: Connection, question: UseQuestion, day: Day) -> Iterator[Stretch]:
    """The answer at the beginning of `day`, and anew at each instant at which anything that it
    relies on changed. It may be the same again."""
    facts, rules = (
        PastFacts.read(connection, question.subject, question.item),
        PastRules(connection),
    )
    changed = positions_within(connection, day.first, day.last, MOST_CHANGES + 1)
    instants, positions = [each for each, _ in changed], [each for _, each in changed]
    before = position_at(connection, day.first)
    waiting = [day.first, *instants, *(x for x in facts.instants() if day.first < x < day.last)]
    heapq.heapify(waiting)
    seen: datetime | None = None
    looked = 0
    while waiting:
        at = heapq.heappop(waiting)
        if at == seen or at >= day.last > day.first:
            continue
        looked += 1
        if looked > MOST_CHANGES:
            day.cut = at
            return
        number = bisect_right(instants, at)
        enforcer = rules.at(positions[number - 1] if number else before)
        for turn in rules.turns(at, day.last):
            if turn not in waiting:
                heapq.heappush(waiting, turn)
        seen = at
        yield Stretch(at, _given(enforcer, question, facts.at(AsOf(at)), at))


def require_told(connection: Connection, at: datetime) -> None:
    """Nothing, when the record tells what held at `at`. Raises RefusedError as `answer_at`."""
    if at > clock.now(connection):
        raise _not_told("at", "That instant has not come yet.", "Ask about one that has passed.")
    since = begins(connection)
    if at < since.rules:
        raise _before("at", at, since)


def _given(enforcer: Enforcer, question: UseQuestion, facts: Facts, at: datetime) -> Given:
    if question.act not in USE_ACTS:
        return Given(UseAnswer(False, Code.NO_RULE))
    found = answer(enforcer, question, facts.item, facts.grants, at, facts.unsettled)
    if not found.decision:
        return Given(found, (found.rule,) if found.rule else ())
    assert facts.item is not None
    assert found.grant is not None
    assert found.slice is not None
    terms = facts.grants[found.grant].terms
    assert terms is not None
    asked = asked_of(
        facts.item, question.act, purposes_of(question.purpose, terms.area), found.slice,
        terms.items[facts.item.id],
    )  # fmt: skip
    lines = {each.id: each for one in questions(asked, at) for each in enforcer.may(one).matched}
    return Given(found, tuple(lines[name] for name in sorted(lines)))


def _before(field: str, at: datetime, since: Begins) -> RefusedError:
    if at < since.entries:
        sentence = f"The record begins at {written(since.entries)}; nothing before it can be told."
    else:
        sentence = f"Which rules were in force is written down since {written(since.rules)} alone."
    return _not_told(field, sentence, "Ask about a later time.")


def _not_told(field: str, sentence: str, step: str) -> RefusedError:
    return RefusedError(Code.INVALID, field=field, sentence=sentence, next=step)
