"""Requests in every order that Hypothesis can think of, checked against a second telling.

Bodies, kawa, membership, items and slices are drawn; commands come repeated, late,
stale, and from drivers that have missed entries. `kit/second_request.py` says what
must hold of each event; the invariants here say what must hold at every moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from builders import PEOPLES, PERSONS, PLACES, START, kawas, parts, slices
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from request_world import APPLICANT, EVERYONE, TEXT, Body, World, routed
from second_kawa import outcomes
from second_request import explicit

from policies.conditions import Condition
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import events as e
from policies.request.state import Status
from policies.slices import ANY, Slice
from policies.types import SYSTEM, Capacity, Envelope, Kawa, KawaRule, Level, Outcome, Voice

PERSON = st.sampled_from(PERSONS)
SOMEBODY = st.integers(0, 15)
"""One of all persons, or (half of the time) one of those of the body concerned."""

LATE = st.sampled_from([0, 0, 0, 0, 1, 2, 3])
"""How many entries behind somebody is."""

GOING = precondition(lambda self: not self.told.ended)
PEOPLE, PLACE, ETHICS = Capacity.PEOPLE, Capacity.PLACE, Capacity.ETHICS
CONDITIONS = st.one_of(
    st.builds(Condition, st.just(""), st.just(""), st.sampled_from(["no_linkage", "attribution"]),
              choice=st.sampled_from(["named", "unnamed", None])),
    st.builds(Condition, st.just(""), st.just(""), st.just("attribution"),
              choice=st.sampled_from(["named", "unnamed"])),
    st.builds(Condition, st.just(""), st.just(""), st.just("level_at_most"),
              choice=st.sampled_from([*Level])),
    st.builds(Condition, st.just(""), st.just(""), st.sampled_from(["end_date", "report_back"]),
              at=st.integers(1, 400).map(lambda days: START + timedelta(days=days))),
    st.builds(Condition, st.just(""), st.just(""), st.just("own_words"), words=st.just(TEXT)),
)  # fmt: skip


def evenly(each: st.SearchStrategy, most: int) -> st.SearchStrategy[list]:
    """Lists of one to `most`, each length as likely as another."""
    return st.integers(1, most).flatmap(lambda n: st.lists(each, min_size=n, max_size=n))


bodies = st.builds(
    Body,
    st.sampled_from([{PEOPLE}, {PEOPLE}, {PEOPLE, PLACE}, {PLACE}, {PEOPLE, ETHICS}, {ETHICS}]).map(
        frozenset
    ),
    st.sampled_from([*({each} for each in PEOPLES), set(PEOPLES[:2]), set(PEOPLES)]).map(frozenset),
    st.sampled_from([*({each} for each in PLACES), set(PLACES)]).map(frozenset),
    kawas(),
    st.sets(st.sampled_from(PERSONS), min_size=1, max_size=4),
    st.sets(st.sampled_from(PERSONS), max_size=2),
)
of_whom = st.tuples(
    st.frozensets(st.sampled_from(sorted(EVERYONE)), min_size=1, max_size=3),
    st.frozensets(st.sampled_from(PLACES)),
) | st.tuples(st.just(frozenset()), st.frozensets(st.sampled_from(PLACES), min_size=1))
items = st.builds(
    lambda whose, whole: c.PinnedItem("survey", frozenset({"health"}), *whose, whole),
    of_whom,
    st.sampled_from([False, False, True]),
)
submitted_slices = st.builds(
    Slice,
    st.just(EVERYONE) | st.frozensets(st.sampled_from(sorted(EVERYONE)), min_size=1),
    st.just(ANY) | parts(PLACES, 1),
    st.just(ANY),
    st.sampled_from(Level),
)


def spread(some: list[Body]) -> None:
    """Give each people and place that nobody speaks for to one of the bodies."""
    for number, people in enumerate(PEOPLES):
        if not any(PEOPLE in each.capacities and people in each.peoples for each in some):
            body = some[number % len(some)]
            body.peoples = (
                body.peoples | {people} if PEOPLE in body.capacities else frozenset({people})
            )
            body.capacities |= {PEOPLE}
    for number, place in enumerate(PLACES):
        if not any(PLACE in each.capacities and place in each.places for each in some):
            body = some[-1 - number % len(some)]
            before = body.places if PLACE in body.capacities else frozenset()
            body.places = before | {place}
            body.capacities |= {PLACE}


class Requests(World, RuleBasedStateMachine):
    """One request, the bodies that decide about it, and everybody who meddles."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Envelope] = []
        self.happened: set[str] = set()

    def carry(self, envelope: Envelope, missed: int = 0) -> object:
        answer = super().carry(envelope, missed)
        # For Hypothesis's statistics, which show what these runs reach.
        self.happened |= {type(each).__name__ for each in self.last()}
        return answer

    # The beginning.

    @initialize(
        some=evenly(bodies, 5),
        wanted=evenly(items, 4),
        asked=submitted_slices,
        others=st.sets(st.sampled_from(PERSONS[:5]), max_size=2),
        acts=st.sampled_from([{"use.read", "use.link"}, {"use.read"}, {"use.link"}]),
        gaps=st.sampled_from([False, False, True]),
    )
    def a_request_is_submitted(self, some, wanted, asked, others, acts, gaps) -> None:
        self.world = {f"body-{n}": each for n, each in enumerate(some, 1)}
        if not gaps:
            spread(some)
        drawn = {f"item-{n}": each for n, each in enumerate(wanted, 1)}
        self.items, route = routed(self.world, drawn, asked)
        answer = self.submit(asked, route, others, acts)
        if route:
            assert not isinstance(answer, Refused)
            return
        # Nobody decides about what was drawn: that is refused, and another body enters.
        assert isinstance(answer, Refused)
        assert answer.code in (Code.UNROUTABLE, Code.NOTHING_LEFT)
        assert self.stream.sequence == 0
        self.items = drawn
        self.a_request_is_submitted_that_is_decided(asked, others)

    def a_request_is_submitted_that_is_decided(self, asked, others) -> None:
        everything = frozenset(Capacity) - {Capacity.HOLDER}
        old = self.world["body-1"]
        self.world["body-1"] = replace(
            old, capacities=everything, peoples=frozenset(PEOPLES), places=frozenset(PLACES),
            version=old.version + 1,
        )  # fmt: skip
        asked = Slice(EVERYONE, level=asked.level)
        self.items, route = routed(self.world, self.items, asked)
        assert not isinstance(self.submit(asked, route, others, {"use.read"}), Refused)

    @precondition(lambda self: self.told.ended)
    @rule(asked=submitted_slices, others=st.sets(st.sampled_from(PERSONS[:5]), max_size=2))
    def another_request_is_submitted(self, asked, others) -> None:
        self.stream.check_whole()
        drawn, again = self.items, World()
        self.stream, self.told, self.held = again.stream, again.told, []
        self.items, route = routed(self.world, drawn, asked)
        if isinstance(self.submit(asked, route, others, {"use.read"}), Refused):
            self.items = drawn
            self.a_request_is_submitted_that_is_decided(asked, others)

    # What members and secretaries do.

    @rule(n=st.integers(0, 4), who=SOMEBODY, voice=st.sampled_from(Voice),
          late=LATE, missed=LATE)  # fmt: skip
    def somebody_speaks(self, n, who, voice, late, missed) -> None:
        name = self.body(n)
        self.send(c.Speak(self.sitting(name), voice), self.one_of(name, who), late, missed)

    @GOING
    @rule(n=st.integers(0, 4), voice=st.sampled_from(Voice), k=st.integers(0, 3))
    def a_member_speaks(self, n, voice, k) -> None:
        name = self.body(n)
        may = self.spoken_for(name)
        if may:
            self.send(c.Speak(self.sitting(name), voice), may[k % len(may)])

    @GOING
    @rule(n=st.integers(0, 4), who=SOMEBODY, outcome=st.sampled_from(Outcome),
          late=LATE, missed=LATE)  # fmt: skip
    def somebody_concludes(self, n, who, outcome, late, missed) -> None:
        name = self.body(n)
        self.send(c.Conclude(self.sitting(name), outcome), self.one_of(name, who), late, missed)

    @GOING
    @rule(n=st.integers(0, 4), who=SOMEBODY)
    def somebody_stands_aside(self, n, who) -> None:
        name = self.body(n)
        self.send(c.StandAside(self.sitting(name)), self.one_of(name, who))

    @GOING
    @rule(n=st.integers(0, 4), who=SOMEBODY, outcome=st.sampled_from(Outcome),
          voices=st.dictionaries(st.sampled_from(PERSONS), st.sampled_from(Voice), max_size=4),
          late=LATE, days=st.integers(-3, 2))  # fmt: skip
    def somebody_records_a_hui(self, n, who, outcome, voices, late, days) -> None:
        held = date(2026, 3, 2) + timedelta(days=days)
        name = self.body(n)
        hui = c.RecordHui(self.sitting(name), held, "hui", voices, outcome, TEXT)
        self.send(hui, self.one_of(name, who), late)

    @GOING
    @rule(n=st.integers(0, 4), outcome=st.sampled_from(Outcome))
    def a_body_decides_together(self, n, outcome) -> None:
        self.decide_together(self.body(n), outcome)

    @GOING
    @rule(but=st.integers(0, 9), rounds=st.integers(0, 2))
    def all_that_are_waited_for_approve_and_it_is_accepted(self, but, rounds) -> None:
        """All but one, sometimes. Bodies that could not decide find people who can."""
        for _ in range(rounds):
            # Today's rules may add bodies, which then decide before it is accepted.
            waiting = sorted(self.told.required() - set(self.told.decisions))
            for name in waiting[:but] + waiting[but + 1 :]:
                self.mend(name)
                self.decide_together(name, Outcome.APPROVE)
            self.everything_is_accepted()

    @GOING
    @rule(n=st.integers(0, 4))
    def one_declines_and_the_rest_is_justified(self, n) -> None:
        waiting = sorted(self.told.required() - set(self.told.decisions))
        if waiting:
            name = waiting[n % len(waiting)]
            self.mend(name)
            self.decide_together(name, Outcome.DECLINE)
        self.send(c.Rejustify(TEXT), APPLICANT)

    def mend(self, name: str) -> None:
        """Where too few may speak by the body's kawa, somebody joins and the kawa is eased."""
        body, gone = self.world[name], self.told.aside.get(name, set()) | self.told.applicants
        may = self.spoken_for(name)
        if not outcomes(body.kawa, dict.fromkeys(may, Voice.APPROVE), may):
            body.members |= set([each for each in PERSONS if each not in gone][:1])
            body.kawa = Kawa(KawaRule.MAJORITY)
            body.version += 1

    @GOING
    @rule(n=st.integers(0, 4), who=SOMEBODY, condition=CONDITIONS,
          late=LATE)  # fmt: skip
    def somebody_sets_a_condition(self, n, who, condition, late) -> None:
        name = self.body(n)
        self.send(c.SetCondition(self.sitting(name), condition), self.one_of(name, who), late)

    @GOING
    @rule(n=st.integers(0, 4), who=SOMEBODY)
    def somebody_asks_a_question(self, n, who) -> None:
        name = self.body(n)
        self.send(c.Ask(self.sitting(name), TEXT), self.one_of(name, who))

    @GOING
    @rule(number=st.integers(0, 9), who=st.sampled_from([APPLICANT, APPLICANT, *PERSONS]))
    def somebody_answers(self, number, who) -> None:
        asked = [*self.stream.state.questions, f"command-{number}"]
        self.send(c.Answer(asked[number % len(asked)], TEXT), who)

    # What those who ask do.

    @GOING
    @rule(narrower=st.none() | slices(1), who=st.sampled_from([APPLICANT, APPLICANT, *PERSONS]),
          late=LATE, missed=LATE)  # fmt: skip
    def the_rest_is_justified(self, narrower, who, late, missed) -> None:
        self.send(c.Rejustify(TEXT, narrower), who, late, missed)

    @GOING
    @rule(some=st.frozensets(st.sampled_from(PEOPLES), min_size=1))
    def less_is_justified(self, some) -> None:
        asked = self.stream.state.slice
        peoples = some & explicit(asked.peoples, EVERYONE)
        self.send(c.Rejustify(TEXT, replace(asked, peoples=peoples)), APPLICANT)

    @GOING
    @rule(
        who=st.sampled_from([APPLICANT] * 4 + [*PERSONS]),
        late=LATE,
        missed=LATE,
        drop=st.integers(0, 6),
        report=st.integers(-9, 400),
    )
    def somebody_accepts(self, who, late, missed, drop, report) -> None:
        shown = sorted(self.told.conditions)
        accepted = frozenset(shown[:drop] + shown[drop + 1 :])
        _, now = routed(self.world, self.items, self.told.slice)
        due = self.now + timedelta(days=report)
        self.send(c.Accept(accepted, now, due), who, late, missed)

    @GOING
    @rule()
    def everything_is_accepted(self) -> None:
        _, now = routed(self.world, self.items, self.told.slice)
        every = frozenset(self.told.conditions)
        self.send(c.Accept(every, now, self.now + timedelta(days=200)), APPLICANT)

    @GOING
    @rule(who=PERSON, sure=st.integers(0, 9))
    def somebody_withdraws(self, who, sure) -> None:
        # Seldom by the applicant: the request would be over before anything happens in it.
        if sure == 9 or who != APPLICANT:
            self.send(c.Withdraw(), who)

    # What bodies do about themselves in the meantime.

    @GOING
    @rule(n=st.integers(0, 4), who=PERSON)
    def somebody_joins_or_leaves_a_body(self, n, who) -> None:
        body = self.world[self.body(n)]
        body.members ^= {who}
        body.version += 1

    @GOING
    @rule(n=st.integers(0, 4), decides=kawas())
    def a_body_changes_its_kawa(self, n, decides) -> None:
        body = self.world[self.body(n)]
        body.kawa = decides
        body.version += 1

    @GOING
    @rule(
        n=st.integers(0, 4),
        peoples=st.frozensets(st.sampled_from(PEOPLES), min_size=1),
        also=st.sampled_from([PEOPLE, ETHICS]),
    )
    def a_body_restates_its_mandate(self, n, peoples, also) -> None:
        body = self.world[self.body(n)]
        body.peoples = peoples
        body.capacities |= {also}
        body.version += 1

    # Time, repetition and delay.

    @GOING
    @rule(days=st.integers(0, 20))
    def time_passes(self, days) -> None:
        decided = dict(self.told.decisions)
        self.now += timedelta(days=days)
        assert self.told.decisions == decided

    @GOING
    @rule(who=st.sampled_from([SYSTEM, SYSTEM, APPLICANT, PERSONS[6]]), missed=LATE)
    def the_clock_strikes(self, who, missed) -> None:
        due = self.stream.machine.next_due(self.stream.state)
        answer = self.send(c.Remind(), who, missed=missed)
        if isinstance(answer, Refused):
            assert who != SYSTEM or due is None or self.now < due
        else:
            assert [type(each) for each in self.last()] == [e.Reminded]
            assert who == SYSTEM

    @rule(who=st.sampled_from([SYSTEM, APPLICANT]))
    def its_grant_has_closed(self, who) -> None:
        before = self.stream.state.status
        answer = self.send(c.Close(), who)
        closes = before is Status.ACCEPTED and who == SYSTEM
        assert isinstance(answer, Refused) is not closes

    @rule(number=st.integers(0, 60), missed=LATE)
    def a_command_comes_again(self, number, missed) -> None:
        envelope = self.stream.envelopes[number % self.stream.sequence]
        before = self.stream.sequence
        answer = self.carry(envelope, missed)
        assert answer == self.stream.by_command[envelope.id]
        assert self.stream.sequence == before, "the same command happened twice"

    @rule(number=st.integers(0, 60), missed=LATE)
    def a_command_comes_again_under_another_id(self, number, missed) -> None:
        """As from a client that lost its id: it saw what it saw then."""
        old = self.stream.envelopes[number % self.stream.sequence]
        self.number += 1
        self.carry(replace(old, id=f"command-{self.number}", at=self.now), missed)

    @GOING
    @rule(n=st.integers(0, 4), who=SOMEBODY, voice=st.sampled_from(Voice))
    def a_voice_is_held_up(self, n, who, voice) -> None:
        name = self.body(n)
        speak = c.Speak(self.sitting(name), voice)
        self.held.append(self.envelope(speak, self.one_of(name, who)))

    @GOING
    @rule(n=st.integers(0, 4), outcome=st.sampled_from(Outcome))
    def a_hui_is_written_up_but_held_up(self, n, outcome) -> None:
        name = self.body(n)
        voice = Voice.APPROVE if outcome is Outcome.APPROVE else Voice.DECLINE
        voices = dict.fromkeys(self.spoken_for(name), voice)
        pens = sorted(self.world[name].secretaries) or [PERSONS[7]]
        hui = c.RecordHui(self.sitting(name), self.now.date(), "hui", voices, outcome, TEXT)
        self.held.append(self.envelope(hui, pens[0]))

    @GOING
    @rule()
    def an_acceptance_is_held_up(self) -> None:
        _, now = routed(self.world, self.items, self.told.slice)
        every = frozenset(self.told.conditions)
        accept = c.Accept(every, now, self.now + timedelta(days=200))
        self.held.append(self.envelope(accept, APPLICANT))

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), missed=LATE)
    def something_held_up_arrives(self, number, missed) -> None:
        self.carry(self.held.pop(number % len(self.held)), missed)

    def one_of(self, name: str, who: int) -> str:
        if who < len(PERSONS):
            return PERSONS[who]
        hands = sorted(self.sitting(name).hands - self.told.applicants) or [PERSONS[1]]
        return hands[who % len(hands)]

    def last(self) -> list[object]:
        return [
            each for sequence, _, each in self.stream.events if sequence == self.stream.sequence
        ]

    # What holds at every moment.

    @invariant()
    def what_is_asked_is_within_what_was_submitted(self) -> None:
        if self.told.submitted is None:
            return
        state, content = self.stream.state, self.told.submitted.content
        assert state.slice.within(content.slice)
        assert state.items <= set(self.told.pinned.items)
        assert (state.slice, state.items, state.round) == (
            self.told.slice, self.told.items, self.told.round,
        )  # fmt: skip

    @invariant()
    def what_was_declined_stays_out(self) -> None:
        if self.told.submitted is None:
            return
        state = self.stream.state
        assert not self.told.lost_peoples & explicit(state.slice.peoples, EVERYONE)
        assert not self.told.lost_places & explicit(state.slice.places, frozenset(PLACES))
        assert not self.told.lost_items & state.items

    @invariant()
    def the_decisions_are_those_that_were_recorded_in_this_round(self) -> None:
        found = {
            body: (each.outcome, each.entry) for body, each in self.stream.state.decisions.items()
        }
        assert found == {
            body: (outcome, entry) for body, (outcome, _, entry) in self.told.decisions.items()
        }

    @invariant()
    def it_is_agreed_only_when_every_body_that_is_asked_has_approved(self) -> None:
        if self.told.submitted is None:
            return
        state, required = self.stream.state, self.told.required()
        assert state.bodies() == required
        said = {body: outcome for body, (outcome, _, _) in self.told.decisions.items()}
        everyone = bool(required) and all(said.get(each) is Outcome.APPROVE for each in required)
        nobody_declined = Outcome.DECLINE not in said.values()
        assert state.agreed is (not self.told.ended and everyone and nobody_declined)

    @invariant()
    def a_grant_follows_from_an_acceptance_and_nothing_else(self) -> None:
        accepted = self.stream.of(e.Accepted)
        assert len(accepted) <= 1
        assert (self.stream.state.grant is not None) is bool(accepted)

    @invariant()
    def the_conditions_are_those_that_were_set(self) -> None:
        assert dict(self.stream.state.conditions) == self.told.conditions

    @invariant()
    def a_request_that_is_open_can_still_come_to_an_end(self) -> None:
        """There is always a body to wait for, or something for the applicant to do."""
        if self.stream.state.status is Status.DECIDING:
            assert self.told.required()

    def teardown(self) -> None:
        self.stream.check_whole()
        for kind in sorted(self.happened):
            event(kind)


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=110, stateful_step_count=50, deadline=None)
