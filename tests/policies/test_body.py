"""What a body enters about itself, and what the deployment may never bring it to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import START
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger_in_memory import Stream

from policies import body as b
from policies.refusals import Code, Refused
from policies.types import Capacity, Envelope, Kawa, KawaRule, Named, TextId

ANN, BEN, CAT = "person-ann", "person-ben", "person-cat"
MANDATE = b.Mandate(frozenset({Capacity.PEOPLE}), frozenset({"river-people"}))
CONSENSUS = Kawa(KawaRule.CONSENSUS)
PEN, VOICE = frozenset({"secretary"}), frozenset({"member"})


def entering(*members: b.Member, kawa: Kawa = CONSENSUS) -> b.Enter:
    return b.Enter(TextId("text-name"), MANDATE, kawa, members)


class Told:
    """One body's stream."""

    def __init__(self, *members: b.Member, kawa: Kawa = CONSENSUS) -> None:
        self.stream = Stream("body", "b")
        self.number = 0
        if members:
            assert not isinstance(self.send(entering(*members, kawa=kawa)), Refused)

    def send(self, command: object) -> object:
        self.number += 1
        seen = self.stream.sequence
        return self.stream.send(
            Envelope(f"command-{self.number}", "body-river", seen, ANN, START, command)
        )


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (entering(), "members"),
        (entering(b.Member(ANN, VOICE)), "members"),
        (entering(b.Member(ANN, PEN), b.Member(ANN, VOICE)), "members"),
        (entering(b.Member(ANN, PEN), b.Member(BEN, frozenset())), "roles"),
        (entering(b.Member(ANN, PEN | {"god"})), "roles"),
        (entering(b.Member(ANN, PEN), kawa=Kawa(KawaRule.MAJORITY, 0)), "kawa.quorum"),
        (entering(b.Member(ANN, PEN), kawa=Kawa(KawaRule.NAMED_ASSENT)), "kawa.named"),
        (entering(b.Member(ANN, PEN), kawa=Kawa(KawaRule.NAMED_ASSENT, 1, (Named(BEN),))),
         "kawa.named"),
        (entering(b.Member(ANN, PEN), kawa=Kawa(KawaRule.CONSENSUS, 1, (Named(ANN),))),
         "kawa.named"),
    ],
)  # fmt: skip
def test_a_body_enters_only_as_one_that_can_act_and_decide(command, field) -> None:
    found = Told().send(command)
    assert isinstance(found, Refused)
    assert (found.code, found.facts["field"]) == (Code.INVALID, field)


def test_a_body_of_one_is_a_body() -> None:
    told = Told(b.Member(ANN, PEN | VOICE))
    sitting = told.stream.state.sitting("body-river", 1, START)
    assert sitting.members == sitting.secretaries == {ANN}


def test_a_body_enters_once() -> None:
    told = Told(b.Member(ANN, PEN))
    assert told.send(entering(b.Member(BEN, PEN))).code is Code.ALREADY_DONE
    assert Told().send(b.SetKawa(CONSENSUS)).code is Code.NOT_FOUND


def test_the_last_secretary_neither_leaves_nor_is_made_something_else() -> None:
    told = Told(b.Member(ANN, PEN | VOICE), b.Member(BEN, VOICE))
    for command in (b.EndMembership(ANN), b.AddMember(b.Member(ANN, VOICE))):
        found = told.send(command)
        assert isinstance(found, Refused)
        assert found.sentence == "This would leave the body without a secretary."
    assert not isinstance(told.send(b.AddMember(b.Member(BEN, PEN))), Refused)
    assert not isinstance(told.send(b.AddMember(b.Member(ANN, VOICE))), Refused)


def test_a_secretary_who_is_no_member_holds_the_pen_and_has_no_voice() -> None:
    told = Told(b.Member(ANN, PEN), b.Member(BEN, VOICE))
    sitting = told.stream.state.sitting("body-river", 1, START)
    assert (sitting.members, sitting.secretaries) == ({BEN}, {ANN})


@pytest.mark.parametrize(("later", "there"), [(-1, True), (0, False), (1, False)])
def test_a_term_that_has_ended_ends_everything(later, there) -> None:
    until = START + timedelta(days=30)
    told = Told(b.Member(ANN, PEN), b.Member(BEN, VOICE | PEN, until))
    sitting = told.stream.state.sitting("body-river", 1, until + timedelta(seconds=later))
    assert (BEN in sitting.members) is there
    assert (BEN in sitting.secretaries) is there


ROLES = st.frozensets(st.sampled_from([*b.ROLES, "god"]), max_size=2)
PERSON = st.sampled_from([ANN, BEN, CAT])


class Bodies(RuleBasedStateMachine):
    """Members come and go in any order; somebody can always act for the body."""

    @initialize(members=st.lists(st.builds(b.Member, PERSON, ROLES), max_size=3))
    def it_enters(self, members) -> None:
        self.told = Told()
        if isinstance(self.told.send(entering(*members)), Refused):
            self.told = Told(b.Member(ANN, PEN))

    @rule(person=PERSON, roles=ROLES)
    def somebody_is_added(self, person, roles) -> None:
        self.told.send(b.AddMember(b.Member(person, roles)))

    @rule(person=PERSON)
    def somebody_leaves(self, person) -> None:
        self.told.send(b.EndMembership(person))

    @invariant()
    def somebody_can_act_for_it(self) -> None:
        if hasattr(self, "told"):
            members = self.told.stream.state.members.values()
            assert any(each.roles & {"secretary", "operator"} for each in members)
            assert all(each.roles and each.roles <= b.ROLES for each in members)

    def teardown(self) -> None:
        if hasattr(self, "told"):
            self.told.stream.check_whole()


TestBodies = Bodies.TestCase
TestBodies.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
