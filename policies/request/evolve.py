"""A request's events, folded into its state one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from policies.conditions import Condition
from policies.request import events as e
from policies.request import waiting
from policies.request.state import Decision, Dispute, Question, Record, RequestState, Status
from policies.request.waiting import Wait
from policies.stream import Meta
from policies.types import Outcome, RouteEntry

T = TypeVar("T")


def evolve(state: RequestState, event: e.Event, meta: Meta) -> RequestState:
    """The state after `event`, which the entry `meta` recorded."""
    return _with_clocks(_evolve(state, event, meta), meta.at)


def _evolve(state: RequestState, event: e.Event, meta: Meta) -> RequestState:  # noqa: C901  one arm an event
    match event:
        case e.Submitted():
            return RequestState(
                status=Status.AT_DESK if event.pinned.desk else Status.DECIDING,
                applicant=event.applicant,
                content=event.content,
                pinned=event.pinned,
                slice=event.content.slice,
                items=frozenset(event.pinned.items),
                round=1,
                remind_at=event.remind_at,
                changed_at=meta.sequence,
            )
        case e.Forwarded():
            return replace(state, status=Status.DECIDING, changed_at=meta.sequence)
        case e.Returned():
            return replace(state, status=Status.RETURNED)
        case e.Resubmitted():
            return replace(
                state, status=Status.AT_DESK, content=event.content, pinned=event.pinned,
                slice=event.content.slice, items=frozenset(event.pinned.items),
                changed_at=meta.sequence,
            )  # fmt: skip
        case e.QuestionAsked():
            return replace(
                state, questions={**state.questions, event.question: Question(event.body)}
            )
        case e.QuestionAnswered():
            answered = replace(state.questions[event.question], answered=True)
            return replace(state, questions={**state.questions, event.question: answered})
        case e.StoodAside():
            aside = state.stood_aside.get(event.body, frozenset()) | {event.person}
            return replace(state, stood_aside={**state.stood_aside, event.body: aside})
        case e.Spoken():
            voices = {**state.voices.get(event.body, {}), event.person: event.voice}
            return replace(state, voices={**state.voices, event.body: voices})
        case e.ConditionSet():
            return replace(state, conditions=_with_condition(state.conditions, event.condition))
        case e.BodyDecided():
            state = _resting(state, event.body, meta)
            if event.outcome is Outcome.NOT_OURS:
                return _not_theirs(state, event.body)
            return replace(
                state,
                decisions={**state.decisions, event.body: Decision(event.outcome, meta.entry)},
                in_principle=_less(state.in_principle, event.body),
                meetings=_less(state.meetings, event.body),
            )
        case e.Advised():
            # The body itself speaks afresh: what was said within the subcommittee was advice.
            return replace(
                _resting(state, event.body, meta),
                advice={**state.advice, event.body: event.outcome},
                voices=_less(state.voices, event.body),
            )
        case e.AgreedInPrinciple():
            # It opens nothing: for a yes without an "if" they speak again.
            return replace(
                _resting(state, event.body, meta),
                in_principle={**state.in_principle, event.body: event.depends_on},
                voices=_less(state.voices, event.body),
            )
        case e.DecidedElsewhere():
            lapses = _less(state.lapses, event.body)
            if event.expires_at is not None:
                lapses = {**lapses, event.body: event.expires_at}
            return replace(state, lapses=lapses)
        case e.MeetingAsked():
            return replace(state, meetings={**state.meetings, event.body: event.meeting})
        case e.MeetingHeld():
            return replace(state, meetings=_less(state.meetings, event.body))
        case e.Disputed():
            rests_on = state.recorded[event.entry].about or event.entry
            dispute = Dispute(event.body, event.entry, event.person, rests_on, meta.at)
            return replace(state, disputes={**state.disputes, event.dispute: dispute})
        case e.DisputeAnswered():
            return _dispute_answered(state, event, meta)
        case e.Narrowed():
            return replace(
                state, slice=event.slice, items=event.items, changed_at=meta.sequence,
                narrowed=True,
            )  # fmt: skip
        case e.Rejustified():
            afresh = replace(
                state, round=event.round, slice=event.slice, items=event.items, voices={},
                decisions={}, changed_at=meta.sequence, narrowed=False, advice={},
                in_principle={}, meetings={}, lapses={}, waits={}, referred=frozenset(),
            )  # fmt: skip
            return _with_bodies_left(afresh)
        case e.BodiesAdded():
            # Nobody decides about a wider part than they have seen.
            return replace(_with_bodies(state, event.entries), changed_at=meta.sequence)
        case e.Accepted():
            return replace(state, status=Status.ACCEPTED, grant=event.grant, remind_at=None)
        case e.Withdrawn():
            return replace(state, status=Status.WITHDRAWN, remind_at=None)
        case e.Declined():
            return replace(state, status=Status.DECLINED, remind_at=None)
        case e.Reminded():
            waits = waiting.told(state.waits, event.times)
            return replace(state, remind_at=None, waits=waits)
        case e.DelegateCalled():
            called = replace(state.waits[event.body], called=True)
            return replace(state, waits={**state.waits, event.body: called})
        case e.Escalated():
            escalated = replace(state.waits[event.body], escalated=True)
            return replace(
                state, waits={**state.waits, event.body: escalated},
                referred=state.referred | {event.body},
            )  # fmt: skip
        case e.Closed():
            return replace(state, status=Status.CLOSED)
        case e.HuiRecorded():
            record = Record(event.body, frozenset(event.voices), event.recorded_by)
            return replace(state, recorded={**state.recorded, meta.entry: record})
        case e.ReviewRecorded():
            return state


def _with_clocks(state: RequestState, at: datetime) -> RequestState:
    """Whose turn it is from `at` on, and whose clock stands still meanwhile."""
    waits = {}
    for who in sorted(state.waited_for()):
        wait = state.waits.get(who, Wait(at))
        asking = any(each.body == who and not each.answered for each in state.questions.values())
        for still, why in (
            (asking, waiting.ANSWER),
            (who in state.meetings, waiting.MEETING),
        ):
            wait = wait.halted(at, why) if still else wait.resumed(at, why)
        waits[who] = wait
    return state if waits == state.waits else replace(state, waits=waits)


def _less(values: Mapping[str, T], body: str) -> Mapping[str, T]:
    return {name: each for name, each in values.items() if name != body}


def _dispute_answered(state: RequestState, event: e.DisputeAnswered, meta: Meta) -> RequestState:
    """Where the record does not stand, what rested on it is void: the body decides afresh.
    An answer that is itself a written record can be disputed as the first one could."""
    dispute = state.disputes[event.dispute]
    state = replace(state, disputes={**state.disputes, event.dispute: replace(dispute, open=False)})
    if written := state.recorded.get(meta.entry):
        about = replace(written, about=dispute.rests_on)
        state = replace(state, recorded={**state.recorded, meta.entry: about})
    if event.stands or dispute.rests_on not in state.rests_on.get(event.body, ()):
        return state
    return _afresh(state, frozenset({event.body}))


def _resting(state: RequestState, body: str, meta: Meta) -> RequestState:
    """From here on what this body has come to rests on this entry too."""
    entries = state.rests_on.get(body, frozenset()) | {meta.entry}
    return replace(state, rests_on={**state.rests_on, body: entries})


def _afresh(state: RequestState, bodies: frozenset[str]) -> RequestState:
    """These bodies decide from the beginning: what they said in this round is void."""
    return replace(
        state,
        decisions={body: each for body, each in state.decisions.items() if body not in bodies},
        voices={body: each for body, each in state.voices.items() if body not in bodies},
        advice={body: each for body, each in state.advice.items() if body not in bodies},
        in_principle={b: each for b, each in state.in_principle.items() if b not in bodies},
        rests_on={body: each for body, each in state.rests_on.items() if body not in bodies},
        lapses={body: each for body, each in state.lapses.items() if body not in bodies},
        not_ours=state.not_ours - bodies,
    )


def _with_condition(
    conditions: Mapping[str, Condition], condition: Condition
) -> Mapping[str, Condition]:
    kept = {
        each.id: each
        for each in conditions.values()
        if each.body != condition.body or each.kind != condition.kind or each.kind == "own_words"
    }
    return {**kept, condition.id: condition}


def _not_theirs(state: RequestState, body: str) -> RequestState:
    """The body is asked no more, and so sets no condition and says nothing in principle."""
    return replace(
        state,
        not_ours=state.not_ours | {body},
        conditions={k: each for k, each in state.conditions.items() if each.body != body},
        in_principle=_less(state.in_principle, body),
    )


def _with_bodies_left(state: RequestState) -> RequestState:
    """A condition goes with its body: one that is asked no more sets none. Of the records only
    those still count by which a body is left out, of a part for which others decide."""
    asked = state.bodies()
    out = state.not_ours & {entry.body for entry in state.left()}
    return replace(
        state,
        conditions={k: each for k, each in state.conditions.items() if each.body in asked},
        rests_on={body: each for body, each in state.rests_on.items() if body in out},
    )


def _with_bodies(state: RequestState, entries: tuple[RouteEntry, ...]) -> RequestState:
    """The route with `entries` in it: each of their bodies is asked, and decides afresh."""
    assert state.pinned is not None
    fresh = {(each.body, each.capacity) for each in entries}
    kept = tuple(each for each in state.pinned.route if (each.body, each.capacity) not in fresh)
    widened = replace(state, pinned=replace(state.pinned, route=kept + entries))
    return _afresh(widened, frozenset(each.body for each in entries))
