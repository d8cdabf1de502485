"""What all bodies share changes when each of them has said yes; one no ends it, silence blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import PERSONS, START, kawas, sitting
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_in_memory import Stream
from second_kawa import outcomes

from policies.body import commands as b
from policies.body import events as e
from policies.consequences import consequences
from policies.machines import MACHINES, kind_of
from policies.refusals import Code, Refused
from policies.types import (
    Capacity,
    Envelope,
    Kawa,
    KawaRule,
    Outcome,
    Sitting,
    TextId,
    Voice,
)

TEXT = TextId("text-1")
TODAY = START.date()
YES, NO = Voice.APPROVE, Voice.DECLINE
OPERATOR, PEN = "person-operator", "person-pen"
BODIES = ("body-river", "body-hill", "body-island")
MEMBERS = {body: f"person-of-{body}" for body in BODIES}
ALONE = Kawa(KawaRule.CONSENSUS)


def at_home(body: str, **but: object) -> Sitting:
    """A body of one member, and a secretary who is none."""
    plain = sitting(body, MEMBERS.get(body, "person-x"), secretaries=(PEN,))
    return replace(plain, **but)


class Shared:
    """The deployment's own stream."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("body", "d")
        self.now = START
        self.number = 0
        founder = b.Member(OPERATOR, frozenset({"operator", "secretary"}))
        mandate = b.Mandate(frozenset({Capacity.HOLDER}))
        assert not isinstance(self.send(b.Enter(TEXT, mandate, ALONE, (founder,))), Refused)

    def send(self, command: object, actor: str = PEN) -> object:
        self.number += 1
        return self.stream.send(
            Envelope(
                f"command-{self.number}", b.DEPLOYMENT, self.stream.sequence, actor, self.now,
                command,
            )
        )  # fmt: skip

    def propose(self, change: b.Change, body: str = BODIES[0]) -> object:
        return self.send(b.Propose(body, change, TEXT))

    def say(
        self,
        body: str,
        outcome: Outcome = Outcome.APPROVE,
        actor: str = PEN,
        home: Sitting | None = None,
        **but: object,
    ) -> object:
        home = home or at_home(body)
        plain = {
            "proposal": next(reversed(self.stream.state.proposals), "command-0"),
            "outcome": outcome, "voices": dict.fromkeys(sorted(home.members), outcome.wants),
            "held_on": self.now.date(), "method": "hui", "minutes": TEXT,
            "bodies": frozenset(BODIES),
        }  # fmt: skip
        return self.send(b.Say(home, **{**plain, **but}), actor)


def code(answer: object) -> Code | None:
    return answer.code if isinstance(answer, Refused) else None


DESK = b.Change("desk", "body-hill", 5)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (b.Change("welcome", "body-new"), None),
        (b.Change("operator", "person-new"), None),
        (b.Change("reviewer", "person-new"), None),
        (DESK, None),
        (b.Change("desk"), None),
        (b.Change("desk", "body-hill"), "change.days"),
        (b.Change("desk", "body-hill", 0), "change.days"),
        (b.Change("desk", "body-hill", -5), "change.days"),
        (b.Change("desk", None, 5), "change.days"),
        (b.Change("welcome"), "change.subject"),
        (b.Change("operator"), "change.subject"),
        (b.Change("reviewer"), "change.subject"),
        (b.Change("welcome", "person-new"), "change.subject"),
        (b.Change("welcome", "request-1"), "change.subject"),
        (b.Change("operator", "body-new"), "change.subject"),
        (b.Change("desk", "person-new", 5), "change.subject"),
        (b.Change("rules", "body-new"), "change.kind"),
        (b.Change("", "body-new"), "change.kind"),
    ],
)
def test_only_what_is_shared_is_proposed_and_only_what_can_be_done(change, wrong) -> None:
    found = Shared().propose(change)
    assert code(found) is (Code.INVALID if wrong else None)
    assert wrong is None or found.facts["field"] == wrong


def test_the_same_is_not_proposed_twice_while_it_is_open() -> None:
    told = Shared()
    told.propose(DESK)
    assert code(told.propose(DESK, BODIES[1])) is Code.ALREADY_DONE
    assert code(told.propose(b.Change("desk"), BODIES[1])) is None
    told.say(BODIES[0], Outcome.DECLINE, proposal="command-2")
    assert code(told.propose(DESK)) is None


def test_it_holds_when_each_has_said_yes_and_not_before() -> None:
    told = Shared()
    told.propose(DESK)
    for body in BODIES:
        assert told.stream.state.desk is None
        assert code(told.say(body)) is None
    assert (told.stream.state.desk, told.stream.state.desk_days) == ("body-hill", 5)


def test_one_no_ends_it() -> None:
    told = Shared()
    told.propose(DESK)
    told.say(BODIES[0])
    told.say(BODIES[1], Outcome.DECLINE)
    assert code(told.say(BODIES[2])) is Code.ALREADY_DONE
    assert told.stream.state.desk is None


@pytest.mark.parametrize("days", [1, 400, 4000])
def test_silence_is_no_agreement(days) -> None:
    told = Shared()
    told.propose(DESK)
    told.say(BODIES[0])
    told.say(BODIES[1])
    told.now += timedelta(days=days)
    assert told.stream.state.desk is None
    assert told.stream.machine.next_due(told.stream.state) is None


def test_a_body_that_has_entered_meanwhile_is_asked_too() -> None:
    told = Shared()
    told.propose(DESK)
    told.say(BODIES[0])
    told.say(BODIES[1])
    four = frozenset({*BODIES, "body-new"})
    told.say(BODIES[2], bodies=four)
    assert told.stream.state.desk is None
    told.say("body-new", bodies=four)
    assert told.stream.state.desk == "body-hill"


def test_the_yes_of_a_body_that_has_gone_stands_for_nobody_elses() -> None:
    told = Shared()
    told.propose(DESK)
    told.say(BODIES[0])
    told.say(BODIES[2])
    # One has gone and another has come: as many have agreed as there are, but one is silent.
    here = frozenset({BODIES[0], BODIES[1], "body-new"})
    told.say("body-new", bodies=here)
    assert told.stream.state.desk is None
    told.say(BODIES[1], bodies=here)
    assert told.stream.state.desk == "body-hill"


FACE = replace(ALONE, in_person=True)


@pytest.mark.parametrize(
    ("how", "refused"),
    [
        ({}, None),
        ({"body": "body-deployment"}, Code.NOT_ASKED),
        ({"actor": OPERATOR}, Code.NOT_PERMITTED),
        ({"actor": MEMBERS[BODIES[0]]}, Code.NOT_PERMITTED),
        ({"outcome": Outcome.NOT_OURS}, Code.INVALID),
        ({"outcome": Outcome.IN_PRINCIPLE}, Code.INVALID),
        ({"held_on": TODAY + timedelta(days=2)}, Code.INVALID),
        ({"voices": {}}, Code.NOT_YET),
        ({"voices": {OPERATOR: YES}}, Code.NOT_A_MEMBER),
        ({"voices": {PEN: YES}}, Code.NOT_A_MEMBER),
        ({"voices": {MEMBERS[BODIES[0]]: NO}}, Code.OUTCOME_DIFFERS),
        ({"proposal": "command-9"}, Code.NOT_FOUND),
        ({"home": at_home(BODIES[0], pause="mourning")}, Code.PAUSED),
        ({"home": at_home(BODIES[0], kawa=FACE), "method": "phone"}, Code.IN_PERSON),
        ({"home": at_home(BODIES[0], kawa=FACE)}, None),
        ({"home": at_home(BODIES[0], delegates={MEMBERS[BODIES[0]]: "person-lent"}),
          "voices": {"person-lent": YES}}, None),
    ],
)  # fmt: skip
def test_a_body_says_what_it_has_come_to_by_its_own_kawa(how, refused) -> None:
    told = Shared()
    told.propose(DESK)
    assert code(told.say(**{"body": BODIES[0], **how})) is refused


def test_a_body_says_it_once() -> None:
    told = Shared()
    told.propose(DESK)
    told.say(BODIES[0])
    for outcome in (Outcome.APPROVE, Outcome.DECLINE):
        assert code(told.say(BODIES[0], outcome)) is Code.ALREADY_DONE


def test_a_welcome_that_all_gave_is_caused_in_the_bodys_own_stream() -> None:
    told = Shared()
    told.propose(b.Change("welcome", "body-new"))
    for body in BODIES:
        told.say(body)
    settled = [each for _, _, each in told.stream.events if isinstance(each, e.Settled)]
    assert consequences(None, settled) == [("body-new", b.Welcome())]
    refused = [replace(each, agreed=False) for each in settled]
    assert consequences(None, refused) == []


def test_another_operator_takes_the_place_of_the_one_before() -> None:
    told = Shared()
    told.propose(b.Change("operator", "person-new"))
    for body in BODIES:
        told.say(body)
    members = told.stream.state.members
    assert "operator" in members["person-new"].roles
    assert OPERATOR not in members


changes = st.one_of(
    st.builds(b.Change, st.sampled_from(["operator", "reviewer"]),
              st.sampled_from(["person-new", "person-other", OPERATOR])),
    st.builds(b.Change, st.just("welcome"), st.sampled_from(["body-new", "request-1"])),
    st.builds(b.Change, st.just("desk"), st.none() | st.sampled_from(["body-hill", "person-x"]),
              st.none() | st.integers(0, 9)),
    st.builds(b.Change, st.just("rules"), st.just("body-new")),
)  # fmt: skip


class Sharing(Shared, RuleBasedStateMachine):
    """Proposals and what bodies say to them, in any order; bodies come and go."""

    @initialize(
        ways=st.lists(kawas(PERSONS[:4]), min_size=3, max_size=3),
        members=st.lists(st.sets(st.sampled_from(PERSONS[:4]), min_size=1), min_size=3, max_size=3),
    )
    def bodies_are_here(self, ways, members) -> None:
        self.homes = {
            body: sitting(body, *some, kawa=kawa, secretaries=(PEN,))
            for body, kawa, some in zip(BODIES, ways, members, strict=True)
        }
        self.here = set(BODIES[:2])
        self.said: dict[str, dict[str, Outcome]] = {}
        self.asked: dict[str, b.Change] = {}
        self.over: dict[str, bool] = {}
        self.desk: tuple[str | None, int | None] = (None, None)
        self.reviewer: str | None = None
        self.operators = {OPERATOR}

    def take(self, answer: object, sent: b.Say | b.Propose) -> None:
        """Check what came of it, event by event."""
        if isinstance(answer, Refused):
            return
        for sequence, _, each in self.stream.events:
            if sequence == self.stream.sequence:
                getattr(self, f"_{type(each).__name__}")(each, sent)

    def _Proposed(self, each, sent) -> None:  # noqa: N802
        open_now = [change for name, change in self.asked.items() if name not in self.over]
        assert each.change not in open_now
        self.asked[each.id], self.said[each.id] = each.change, {}

    def _Said(self, each, sent) -> None:  # noqa: N802
        home = self.homes[each.body]
        assert each.proposal not in self.over
        assert each.body in sent.bodies
        assert each.body not in self.said[each.proposal]
        assert set(each.voices) <= home.members
        assert each.outcome in outcomes(home.kawa, each.voices, home.members)
        self.said[each.proposal][each.body] = each.outcome

    def _Settled(self, each, sent) -> None:  # noqa: N802
        said = self.said[each.proposal]
        assert each.change == self.asked[each.proposal]
        if each.agreed:
            assert all(said.get(body) is Outcome.APPROVE for body in sent.bodies), "a silent body"
            assert Outcome.DECLINE not in said.values()
        else:
            assert Outcome.DECLINE in said.values()
        self.over[each.proposal] = each.agreed
        for target, caused in consequences(None, [each]):
            # What is caused can be delivered where it is sent.
            assert type(caused) in MACHINES[kind_of(target)].commands.values()
        if each.agreed and each.change.kind == "desk":
            self.desk = (each.change.subject, each.change.days)
        elif each.agreed and each.change.kind == "reviewer":
            self.reviewer = each.change.subject
        elif each.agreed and each.change.kind == "operator":
            self.operators = {each.change.subject}

    @rule(change=changes, body=st.sampled_from(BODIES))
    def somebody_proposes(self, change, body) -> None:
        command = b.Propose(body, change, TEXT)
        self.take(self.send(command), command)

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 9), body=st.sampled_from(BODIES), outcome=st.sampled_from(Outcome),
          voices=st.dictionaries(st.sampled_from(PERSONS[:5]), st.sampled_from(Voice), max_size=4),
          actor=st.sampled_from([PEN, PEN, OPERATOR, PERSONS[0]]))  # fmt: skip
    def somebody_says_something(self, n, body, outcome, voices, actor) -> None:
        self.say_so(n, body, outcome, voices, actor)

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 9), body=st.sampled_from(BODIES), agrees=st.sampled_from([1, 1, 1, 0]))
    def a_body_says_what_all_its_people_say(self, n, body, agrees) -> None:
        outcome = Outcome.APPROVE if agrees else Outcome.DECLINE
        self.say_so(n, body, outcome, dict.fromkeys(self.homes[body].members, outcome.wants), PEN)

    @precondition(lambda self: self.asked)
    @rule(n=st.integers(0, 9), but=st.integers(0, 5))
    def all_that_are_here_agree(self, n, but) -> None:
        for body in sorted(self.here)[:but]:
            yes = dict.fromkeys(self.homes[body].members, YES)
            self.say_so(n, body, Outcome.APPROVE, yes, PEN)

    def say_so(self, n, body, outcome, voices, actor) -> None:
        names = sorted(self.asked)
        command = b.Say(
            self.homes[body], names[n % len(names)], outcome, voices, self.now.date(), "hui", TEXT,
            frozenset(self.here),
        )  # fmt: skip
        self.take(self.send(command, actor), command)

    @rule(body=st.sampled_from(BODIES))
    def a_body_comes_or_goes(self, body) -> None:
        if self.here != {body}:
            self.here ^= {body}

    @rule(body=st.sampled_from(BODIES), kawa=kawas(PERSONS[:4]))
    def a_body_changes_its_kawa(self, body, kawa) -> None:
        self.homes[body] = replace(self.homes[body], kawa=kawa)

    @rule(days=st.integers(0, 400))
    def time_passes(self, days) -> None:
        self.now += timedelta(days=days)

    @precondition(lambda self: self.stream.sequence > 1)
    @rule(number=st.integers(0, 40))
    def a_command_comes_again(self, number) -> None:
        sent = self.stream.envelopes[number % self.stream.sequence]
        before = self.stream.sequence
        assert self.stream.send(sent) == self.stream.by_command[sent.id]
        assert self.stream.sequence == before

    @invariant()
    def what_is_shared_is_what_all_agreed_to_last(self) -> None:
        state = self.stream.state
        if not hasattr(self, "homes"):
            return
        assert (state.desk, state.desk_days) == self.desk
        assert state.reviewer == self.reviewer
        operators = {p for p, each in state.members.items() if "operator" in each.roles}
        assert operators == self.operators
        assert {name: each.agreed for name, each in state.proposals.items()} == {
            name: self.over.get(name) for name in self.asked
        }

    def teardown(self) -> None:
        self.stream.check_whole()
        for kind in sorted({type(each).__name__ for _, _, each in self.stream.events}):
            event(kind)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
