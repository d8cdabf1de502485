"""A restriction: placed over a body's own, bound until lifted by its kawa, never by a clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

import pytest
from builders import PEOPLES, PERSONS, PLACES, START, delegations, kawas, sitting, slices
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_in_memory import Stream
from second_kawa import outcomes

from policies.enforcer import Enforcer, Question
from policies.refusals import Code, Refused
from policies.restriction import commands as c
from policies.restriction import events as e
from policies.restriction.state import Status
from policies.rules import EVERY, Pack, Rule
from policies.slices import ANY, Slice
from policies.types import SYSTEM, USE_ACTS, Envelope, Kawa, KawaRule, Outcome, TextId, Voice

RIVER, HILL, ISLAND = PEOPLES
BODY = "body-river"
TEXT = TextId("text-1")
ALLOW = Rule("ALL-1", EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, "allow", "A test.")
SOMEBODY = st.sampled_from(PERSONS)
MISSED = st.sampled_from([0, 0, 0, 1, 2])
acts = st.frozensets(st.sampled_from(USE_ACTS), min_size=1)
scopes = st.builds(c.Scope, slices(), acts=acts)


def denying(state) -> Rule:
    """The line by which an open restriction reaches live access."""
    asked = json.dumps(state.scope.slice.to_json())
    hidden = state.visibility is c.Visibility.HIDDEN
    return Rule(
        "R-1", EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, asked, "deny", "It binds.",
        adopter=state.body, restriction="restriction-1", hidden=hidden,
    )  # fmt: skip


@lru_cache(maxsize=64)
def enforced(line: Rule) -> Enforcer:
    return Enforcer([Pack((ALLOW,))], [line])


class Restrictions(RuleBasedStateMachine):
    """One restriction, its body, and a clock that lifts nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("restriction", "x")
        self.now = START
        self.number = self.version = 0
        self.members: set[str] = {PERSONS[0]}
        self.secretaries: set[str] = {PERSONS[0]}
        self.kawa = Kawa(KawaRule.CONSENSUS)
        self.lent: dict[str, str] = {}
        self.pause: str | None = None
        self.voices: dict[str, Voice] = {}
        self.placed: e.Placed | None = None
        self.lifted = False

    def sitting(self, body: str = BODY):
        pens = tuple(sorted(self.secretaries))
        plain = sitting(body, *self.members, kawa=self.kawa, secretaries=pens, version=self.version)
        return replace(plain, delegates=self.delegates(), pause=self.pause)

    def delegates(self) -> dict[str, str]:
        return {who: to for who, to in self.lent.items() if who in self.members}

    def may_speak(self) -> set[str]:
        return self.members | set(self.delegates().values())

    def send(self, command: object, actor: str, missed: int = 0) -> object:
        self.number += 1
        return self.carry(
            Envelope(f"command-{self.number}", "restriction-1", 0, actor, self.now, command), missed
        )

    def carry(self, envelope: Envelope, missed: int = 0) -> object:
        before = self.stream.sequence
        found = self.stream.send(envelope, missed)
        if self.stream.sequence > before:
            events = [each for at, _, each in self.stream.events if at == self.stream.sequence]
            for each in events:
                getattr(self, f"_{type(each).__name__}")(each, self.stream.envelopes[-1], events)
        return found

    # What each event must have been.

    def _Placed(self, each, sent, events) -> None:  # noqa: N802
        assert self.placed is None
        assert sent.actor in self.members | self.secretaries
        asked, command = each.scope.slice, sent.command
        assert not asked.empty
        own_people = asked.peoples != ANY and asked.peoples <= command.peoples
        own_place = asked.places != ANY and asked.places <= command.places
        assert own_people or own_place, "a body restricted what is not its own"
        assert each.review_at is None or each.review_at > sent.at
        self.placed = each

    def _AwaitingLifting(self, each, sent, events) -> None:  # noqa: N802
        assert sent.actor == SYSTEM
        assert events == [each], "nothing else follows from a date"
        assert sent.at >= self.placed.review_at

    def _Spoken(self, each, sent, events) -> None:  # noqa: N802
        assert each.person == sent.actor
        assert each.person in self.may_speak()
        self.voices[each.person] = each.voice

    def _HuiRecorded(self, each, sent, events) -> None:  # noqa: N802
        assert sent.actor == each.recorded_by
        assert sent.actor in self.secretaries
        assert set(each.voices) <= self.may_speak()
        assert each.method == "hui" or not self.kawa.in_person

    def _Kept(self, each, sent, events) -> None:  # noqa: N802
        self._decided(Outcome.DECLINE, sent, events)
        self.voices = {}

    def _Lifted(self, each, sent, events) -> None:  # noqa: N802
        self._decided(Outcome.APPROVE, sent, events)
        self.lifted = True

    def _decided(self, outcome, sent, events) -> None:
        assert not self.lifted
        assert isinstance(sent.command, c.Conclude | c.RecordHui)
        assert sent.command.sitting.body == BODY, "another body's word"
        huis = [each for each in events if isinstance(each, e.HuiRecorded)]
        voices = huis[0].voices if huis else self.voices
        assert outcome in outcomes(self.kawa, voices, self.members, (), self.delegates())
        assert self.pause is None, "a body that pauses decided"
        assert huis or not self.kawa.in_person, "decided by a screen"

    # What happens.

    @initialize(
        scope=scopes,
        peoples=st.frozensets(st.sampled_from(PEOPLES)),
        places=st.frozensets(st.sampled_from(PLACES)),
        members=st.sets(SOMEBODY, min_size=1, max_size=4),
        pens=st.sets(SOMEBODY, max_size=2),
        decides=kawas(),
        review=st.none() | st.integers(-2, 40),
        hidden=st.booleans(),
    )
    def a_body_places_it(
        self, scope, peoples, places, members, pens, decides, review, hidden
    ) -> None:
        self.members, self.secretaries, self.kawa = set(members), set(pens), decides
        found = self.place(scope, peoples, places, review, hidden)
        if isinstance(found, Refused):
            # Refused: everything else comes to nothing, until it is placed over its own.
            assert self.send(c.Speak(self.sitting(), Voice.APPROVE), min(members)) is not None
            assert self.stream.state.status is Status.NONE
            own = c.Scope(Slice(frozenset({RIVER})))
            self.place(own, frozenset({RIVER}), places, abs(review or 1), hidden)
        assert self.placed is not None

    def place(self, scope, peoples, places, review, hidden) -> object:
        review_at = None if review is None else self.now + timedelta(days=review)
        shown = c.Visibility.HIDDEN if hidden else c.Visibility.SHOWN
        command = c.Place(
            self.sitting(), scope, TEXT, TEXT, shown, peoples, places, review_at, date(2026, 3, 1)
        )
        return self.send(command, min(self.members))

    @rule(who=SOMEBODY, voice=st.sampled_from(Voice), missed=MISSED)
    def somebody_speaks(self, who, voice, missed) -> None:
        self.send(c.Speak(self.sitting(), voice), who, missed)

    @rule(who=SOMEBODY, outcome=st.sampled_from(Outcome), missed=MISSED)
    def somebody_concludes(self, who, outcome, missed) -> None:
        self.send(c.Conclude(self.sitting(), outcome), who, missed)

    @rule(
        who=SOMEBODY,
        outcome=st.sampled_from(Outcome),
        voices=st.dictionaries(SOMEBODY, st.sampled_from(Voice), max_size=4),
        ahead=st.sampled_from([0, 0, 0, 5]),
        method=st.sampled_from(["hui", "hui", "phone"]),
    )
    def somebody_records_a_hui(self, who, outcome, voices, ahead, method) -> None:
        held = self.now.date() + timedelta(days=ahead)
        hui = c.RecordHui(self.sitting(), held, method, voices, outcome, TEXT)
        found = self.send(hui, who)
        assert not ahead or isinstance(found, Refused)

    @rule(lift=st.booleans())
    def the_members_say_one_thing_and_conclude(self, lift) -> None:
        voice = Voice.APPROVE if lift else Voice.DECLINE
        for person in sorted(self.members):
            self.send(c.Speak(self.sitting(), voice), person)
        outcome = Outcome.APPROVE if lift else Outcome.DECLINE
        self.send(c.Conclude(self.sitting(), outcome), min(self.members))

    @rule(voice=st.sampled_from(Voice))
    def another_body_has_no_word_in_it(self, voice) -> None:
        other = self.sitting("body-hill")
        for command in (
            c.Speak(other, voice),
            c.Conclude(other, Outcome.APPROVE),
            c.RecordHui(other, self.now.date(), "hui", {}, Outcome.APPROVE, TEXT),
        ):
            assert isinstance(self.send(command, min(self.members)), Refused)

    @rule(who=SOMEBODY)
    def somebody_joins_or_leaves(self, who) -> None:
        if self.members != {who}:
            self.members ^= {who}
            self.version += 1

    @rule(decides=kawas(), in_person=st.sampled_from([False, False, True]))
    def the_body_changes_its_kawa(self, decides, in_person) -> None:
        self.kawa = replace(decides, in_person=in_person)
        self.version += 1

    @rule(lent=delegations(), pause=st.sampled_from([None, None, "mourning"]))
    def the_body_writes_down_more_about_itself(self, lent, pause) -> None:
        self.lent, self.pause = lent, pause
        self.version += 1

    @rule(days=st.integers(0, 50))
    def time_passes(self, days) -> None:
        self.now += timedelta(days=days)

    @rule(who=st.sampled_from([SYSTEM, SYSTEM, PERSONS[0]]), missed=MISSED)
    def the_clock_strikes(self, who, missed) -> None:
        due = self.stream.machine.next_due(self.stream.state)
        found = self.send(c.ReviewPassed(), who, missed)
        fires = who == SYSTEM and due is not None and due <= self.now
        assert isinstance(found, Refused) is not fires
        if fires:
            assert self.stream.state.status is Status.AWAITING_LIFTING
            assert self.stream.machine.next_due(self.stream.state) is None

    @precondition(lambda self: self.stream.sequence)
    @rule(number=st.integers(0, 40), missed=MISSED)
    def a_command_comes_again(self, number, missed) -> None:
        sent = self.stream.envelopes[number % self.stream.sequence]
        before = self.stream.sequence
        assert self.carry(sent, missed) == self.stream.by_command[sent.id]
        assert self.stream.sequence == before

    # What holds at every moment.

    @invariant()
    def it_binds_until_it_was_lifted_by_its_bodys_kawa(self) -> None:
        if self.placed is None:
            return
        state = self.stream.state
        assert (state.status is Status.LIFTED) is self.lifted
        assert state.open is not self.lifted
        assert (state.scope, state.body) == (self.placed.scope, self.placed.body)

    @invariant()
    def while_it_binds_access_that_touches_it_is_refused(self) -> None:
        state = self.stream.state
        if self.placed is None or not state.open:
            return
        held = enforced(denying(state))
        asked = Question("role:grantee", "use.read", START, slice=state.scope.slice)
        hidden = state.visibility is c.Visibility.HIDDEN
        code = Code.NOT_PERMITTED_NOW if hidden else Code.RESTRICTED
        assert held.may(asked).code is code

    def teardown(self) -> None:
        self.stream.check_whole()
        for kind in sorted({type(each).__name__ for _, _, each in self.stream.events}):
            event(kind)


TestRestrictions = Restrictions.TestCase
TestRestrictions.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


# Told one by one.


def place(asked: Slice, peoples=(), places=(), actor: str = PERSONS[0], **but: object) -> object:
    told = Restrictions()
    scope = c.Scope(asked, **but)
    command = c.Place(
        told.sitting(), scope, TEXT, TEXT, c.Visibility.SHOWN, frozenset(peoples), frozenset(places)
    )
    return told.send(command, actor)


@given(slices(1), st.frozensets(st.sampled_from(PEOPLES)), st.frozensets(st.sampled_from(PLACES)))
def test_a_body_restricts_its_own_peoples_or_its_own_places_and_nothing_else(
    asked, peoples, places
) -> None:
    own_people = asked.peoples != ANY and asked.peoples <= peoples
    own_place = asked.places != ANY and asked.places <= places
    found = place(asked, peoples, places)
    if own_people or own_place:
        assert not isinstance(found, Refused)
    else:
        assert isinstance(found, Refused)
        assert found.code is Code.NOT_WITHIN


def test_any_people_is_nobodys_own_even_if_the_body_speaks_for_all_that_are_known() -> None:
    assert place(Slice(), PEOPLES, PLACES).code is Code.NOT_WITHIN


@pytest.mark.parametrize("acts", [frozenset(), frozenset({"use.read", "use.destroy"})])
def test_a_restriction_of_no_use_or_an_unknown_one_is_refused(acts) -> None:
    assert place(Slice(frozenset({RIVER})), [RIVER], acts=acts).code is Code.INVALID


def test_a_slice_that_nothing_matches_restricts_nothing_and_is_refused() -> None:
    assert place(Slice(frozenset()), [RIVER]).code is Code.INVALID


def test_an_outsider_places_nothing() -> None:
    assert place(Slice(frozenset({RIVER})), [RIVER], actor=PERSONS[5]).code is Code.NOT_A_MEMBER


def placed(review: int | None = None) -> Restrictions:
    told = Restrictions()
    told.place(c.Scope(Slice(frozenset({RIVER}))), frozenset({RIVER}), frozenset(), review, False)
    return told


def test_a_date_reached_lifts_nothing() -> None:
    told = placed(review=10)
    told.now += timedelta(days=10)
    told.send(c.ReviewPassed(), SYSTEM)
    assert told.stream.state.status is Status.AWAITING_LIFTING
    told.while_it_binds_access_that_touches_it_is_refused()
    told.now += timedelta(days=3650)
    assert isinstance(told.send(c.ReviewPassed(), SYSTEM), Refused)
    told.while_it_binds_access_that_touches_it_is_refused()
    told.the_members_say_one_thing_and_conclude(lift=True)
    assert told.stream.state.status is Status.LIFTED


def test_what_was_kept_is_spoken_about_afresh() -> None:
    told = placed()
    told.the_members_say_one_thing_and_conclude(lift=False)
    assert told.stream.of(e.Kept)
    found = told.send(c.Conclude(told.sitting(), Outcome.DECLINE), PERSONS[0])
    assert found.code is Code.NOT_YET


def test_what_was_lifted_is_over() -> None:
    told = placed()
    told.the_members_say_one_thing_and_conclude(lift=True)
    assert told.send(c.Speak(told.sitting(), Voice.DECLINE), PERSONS[0]).code is Code.ENDED
    assert told.stream.machine.next_due(told.stream.state) is None


def test_a_review_date_lies_ahead() -> None:
    told = Restrictions()
    own = c.Scope(Slice(frozenset({RIVER})))
    for review in (0, -1):
        assert told.place(own, frozenset({RIVER}), frozenset(), review, False).code is Code.INVALID


@pytest.mark.parametrize("outcome", [Outcome.NOT_OURS, Outcome.IN_PRINCIPLE])
def test_a_body_lifts_its_restriction_or_keeps_it(outcome) -> None:
    told = placed()
    told.send(c.Speak(told.sitting(), outcome.wants), PERSONS[0])
    assert told.send(c.Conclude(told.sitting(), outcome), PERSONS[0]).code is Code.INVALID


def test_in_a_pause_a_body_places_one_and_lifts_none() -> None:
    told = Restrictions()
    told.pause = "mourning"
    own = c.Scope(Slice(frozenset({RIVER})))
    assert not isinstance(told.place(own, frozenset({RIVER}), frozenset(), None, False), Refused)
    told.send(c.Speak(told.sitting(), Voice.APPROVE), PERSONS[0])
    assert told.send(c.Conclude(told.sitting(), Outcome.APPROVE), PERSONS[0]).code is Code.PAUSED
    hui = c.RecordHui(
        told.sitting(), START.date(), "hui", {PERSONS[0]: Voice.APPROVE}, Outcome.APPROVE, TEXT
    )
    assert told.send(hui, PERSONS[0]).code is Code.PAUSED
    told.pause = None
    told.the_members_say_one_thing_and_conclude(lift=True)
    assert told.stream.state.status is Status.LIFTED


def test_a_body_that_meets_face_to_face_lifts_by_a_hui_alone() -> None:
    told = placed()
    told.kawa = Kawa(KawaRule.CONSENSUS, in_person=True)
    told.send(c.Speak(told.sitting(), Voice.APPROVE), PERSONS[0])
    assert told.send(c.Conclude(told.sitting(), Outcome.APPROVE), PERSONS[0]).code is Code.IN_PERSON
    for method, code in (("phone", Code.IN_PERSON), ("hui", None)):
        hui = c.RecordHui(
            told.sitting(), START.date(), method, {PERSONS[0]: Voice.APPROVE}, Outcome.APPROVE, TEXT
        )
        found = told.send(hui, PERSONS[0])
        assert (found.code if isinstance(found, Refused) else None) is code


def test_a_voice_that_was_lent_lifts_while_it_is_lent() -> None:
    told = placed()
    told.lent = {PERSONS[0]: PERSONS[6]}
    assert not isinstance(told.send(c.Speak(told.sitting(), Voice.APPROVE), PERSONS[6]), Refused)
    told.lent = {}
    found = told.send(c.Conclude(told.sitting(), Outcome.APPROVE), PERSONS[0])
    assert found.code is Code.NOT_YET
    assert told.send(c.Speak(told.sitting(), Voice.APPROVE), PERSONS[6]).code is Code.NOT_A_MEMBER
