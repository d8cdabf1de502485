"""What a body enters about itself, and what the deployment may never bring it to."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from builders import START
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger_in_memory import Stream

from policies.body import commands as b
from policies.refusals import Code, Refused
from policies.types import (
    SYSTEM,
    Capacity,
    Envelope,
    Kawa,
    KawaRule,
    Named,
    Stage,
    TextId,
)

ANN, BEN, CAT, DAN, EVE = (f"person-{name}" for name in ("ann", "ben", "cat", "dan", "eve"))
TEXT = TextId("text-1")
TODAY = START.date()
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

    def send(self, command: object, actor: str = ANN, at=START) -> object:
        self.number += 1
        seen = self.stream.sequence
        return self.stream.send(
            Envelope(f"command-{self.number}", "body-river", seen, actor, at, command)
        )

    def sitting(self, at=START):
        return self.stream.state.sitting("body-river", 1, at, at.date())


def code(answer: object) -> Code | None:
    return answer.code if isinstance(answer, Refused) else None


def field(answer: object) -> str | None:
    """Which field was refused, or None where nothing was."""
    return answer.facts["field"] if isinstance(answer, Refused) else None


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
        # Somebody who only holds the pen has no voice that a kawa could wait for.
        (entering(b.Member(ANN, PEN), kawa=Kawa(KawaRule.NAMED_ASSENT, 1, (Named(ANN),))),
         "kawa.named"),
    ],
)  # fmt: skip
def test_a_body_enters_only_as_one_that_can_act_and_decide(command, field) -> None:
    found = Told().send(command)
    assert isinstance(found, Refused)
    assert (found.code, found.facts["field"]) == (Code.INVALID, field)


def test_a_body_of_one_is_a_body() -> None:
    told = Told(b.Member(ANN, PEN | VOICE))
    sitting = told.stream.state.sitting("body-river", 1, START, START.date())
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
    sitting = told.stream.state.sitting("body-river", 1, START, START.date())
    assert (sitting.members, sitting.secretaries) == ({BEN}, {ANN})


@pytest.mark.parametrize(("later", "there"), [(-1, True), (0, False), (1, False)])
def test_a_term_that_has_ended_ends_everything(later, there) -> None:
    until = START + timedelta(days=30)
    told = Told(b.Member(ANN, PEN), b.Member(BEN, VOICE | PEN, until))
    sitting = told.stream.state.sitting(
        "body-river", 1, until + timedelta(seconds=later), START.date()
    )
    assert (BEN in sitting.members) is there
    assert (BEN in sitting.secretaries) is there


# How it decides.

FOUR = (b.Member(ANN, PEN), *(b.Member(each, VOICE) for each in (BEN, CAT, DAN)))
MEMBERS = frozenset({BEN, CAT, DAN})
NAMED = (Named(BEN), Named(CAT))


@pytest.mark.parametrize(
    ("kawa", "wrong"),
    [
        (Kawa(KawaRule.CONSENSUS, 3, present=frozenset({BEN})), None),
        (Kawa(KawaRule.CONSENSUS, 3, present=frozenset({ANN})), "kawa.present"),
        (Kawa(KawaRule.CONSENSUS, 3, present=frozenset({EVE})), "kawa.present"),
        (Kawa(KawaRule.WHANAU, 1, NAMED), None),
        (Kawa(KawaRule.WHANAU, 1, NAMED, delegate=DAN), None),
        (Kawa(KawaRule.WHANAU, 1, NAMED, delegate=ANN), "kawa.delegate"),
        (Kawa(KawaRule.WHANAU, 1, (), delegate=DAN), "kawa.named"),
        (Kawa(KawaRule.MAJORITY, 1, delegate=DAN), "kawa.delegate"),
        (Kawa(KawaRule.NAMED_ASSENT, 1, (Named(ANN, BEN),)), None),
        (Kawa(KawaRule.NAMED_ASSENT, 1, (Named(ANN),)), "kawa.named"),
        (Kawa(KawaRule.NAMED_ASSENT, 1, (Named(ANN, EVE),)), "kawa.named"),
        (Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset({BEN, CAT}), quorum=2)), None),
        (Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset({BEN}), quorum=2)), "kawa.first"),
        (Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset({BEN}), quorum=0)), "kawa.first"),
        (Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset())), "kawa.first"),
        (Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset({ANN}))), "kawa.first"),
        (Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset({BEN}), KawaRule.WHANAU)),
         "kawa.first"),
        (Kawa(KawaRule.CONSENSUS, 1, delay_days=365), None),
        (Kawa(KawaRule.CONSENSUS, 1, delay_days=366), "kawa.delay_days"),
        (Kawa(KawaRule.CONSENSUS, 1, delay_days=-1), "kawa.delay_days"),
        (Kawa(KawaRule.CONSENSUS, 1, korero_first=True, in_person=True, elsewhere=True,
              after=frozenset({"ethics"}), joint_with=frozenset({"body-hill"})), None),
    ],
)  # fmt: skip
def test_a_kawa_by_which_nothing_could_be_decided_is_refused(kawa, wrong) -> None:
    told = Told(*FOUR)
    assert field(told.send(b.SetKawa(kawa))) == wrong
    assert field(Told().send(entering(*FOUR, kawa=kawa))) == wrong


BY_NAME = [
    Kawa(KawaRule.NAMED_ASSENT, 1, NAMED),
    Kawa(KawaRule.WHANAU, 1, (Named(CAT),), delegate=BEN),
    Kawa(KawaRule.CONSENSUS, 1, present=frozenset({BEN})),
    Kawa(KawaRule.CONSENSUS, 1, first=Stage(frozenset({BEN, CAT}))),
]


@pytest.mark.parametrize("kawa", BY_NAME, ids=["assent", "delegate", "present", "subcommittee"])
@pytest.mark.parametrize(
    "command",
    [b.EndMembership(BEN), b.AddMember(b.Member(BEN, PEN))],
    ids=["leaves", "loses their voice"],
)
def test_whom_the_kawa_names_stays_until_it_is_changed(kawa, command) -> None:
    told = Told(*FOUR, kawa=kawa)
    before = told.sitting()
    assert code(told.send(command)) is Code.INVALID
    assert told.sitting() == before
    # Others may, and so may they once the kawa names somebody else.
    assert code(told.send(b.EndMembership(DAN))) is None
    assert code(told.send(b.SetKawa(CONSENSUS))) is None
    assert code(told.send(command)) is None
    assert BEN not in told.sitting().members


def test_more_roles_for_somebody_named_are_no_matter() -> None:
    told = Told(*FOUR, kawa=BY_NAME[0])
    assert code(told.send(b.AddMember(b.Member(BEN, VOICE | PEN)))) is None


# Who speaks for whom.

SEASON = START + timedelta(days=90)


def lending(person: str = BEN, to: str = EVE, until=SEASON) -> b.Delegate:
    return b.Delegate(b.Delegation(person, to, until))


@pytest.mark.parametrize(
    ("command", "actor", "refused"),
    [
        (lending(), BEN, None),
        (lending(), ANN, None),
        (lending(to=CAT), BEN, None),
        (lending(), CAT, Code.NOT_PERMITTED),
        (lending(), EVE, Code.NOT_PERMITTED),
        (lending(ANN), ANN, Code.NOT_A_MEMBER),
        (lending(EVE, CAT), ANN, Code.NOT_A_MEMBER),
        (lending(to=BEN), BEN, Code.INVALID),
        (lending(until=START), BEN, Code.INVALID),
        (lending(until=START - timedelta(days=1)), BEN, Code.INVALID),
        (lending(until=START + b.LONGEST_DELEGATION), BEN, None),
        (lending(until=START + b.LONGEST_DELEGATION + timedelta(seconds=1)), BEN, Code.INVALID),
    ],
    ids=["by themselves", "by the secretary", "to another member", "by another member",
         "by whoever would speak", "without a voice to lend", "of nobody's", "to oneself",
         "until now", "until yesterday", "for a season", "for longer"],
)  # fmt: skip
def test_a_voice_is_lent_by_its_owner_and_for_a_season(command, actor, refused) -> None:
    assert code(Told(*FOUR).send(command, actor)) is refused


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (lending(CAT, EVE), Code.INVALID),
        (lending(BEN, DAN), Code.INVALID),
        (lending(CAT, BEN), Code.INVALID),
        (lending(CAT, DAN), None),
    ],
    ids=["somebody who speaks for another already", "twice", "to somebody who lent theirs",
         "to another"],
)  # fmt: skip
def test_nobody_gathers_voices(command, refused) -> None:
    told = Told(*FOUR)
    told.send(lending(), BEN)
    assert code(told.send(command)) is refused


def test_a_voice_that_was_lent_is_back_on_its_day() -> None:
    told = Told(*FOUR)
    told.send(lending(), BEN)
    assert told.sitting().delegates == {BEN: EVE}
    assert told.sitting(SEASON - timedelta(seconds=1)).delegates == {BEN: EVE}
    assert told.sitting(SEASON).delegates == {}
    # Then it can be lent again, to the same or another.
    assert code(told.send(lending(to=DAN, until=SEASON + timedelta(1)), BEN, SEASON)) is None
    assert told.sitting(SEASON).delegates == {BEN: DAN}


@pytest.mark.parametrize(
    ("actor", "refused"),
    [(BEN, None), (EVE, None), (ANN, None), (CAT, Code.NOT_PERMITTED)],
)
def test_it_is_ended_at_once_by_either_or_the_secretary(actor, refused) -> None:
    told = Told(*FOUR)
    told.send(lending(), BEN)
    name = next(iter(told.stream.state.delegations))
    assert code(told.send(b.RevokeDelegation(name), actor)) is refused
    assert (told.sitting().delegates == {}) is (refused is None)
    assert code(told.send(b.RevokeDelegation("command-0"), BEN)) is Code.NOT_FOUND


def test_a_secretary_whose_term_has_ended_writes_down_nothing() -> None:
    until = START + timedelta(days=10)
    told = Told(*FOUR, b.Member(EVE, PEN, until))
    told.send(lending(to=DAN), BEN)
    name = next(iter(told.stream.state.delegations))
    for at, refused in ((until, Code.NOT_PERMITTED), (until - timedelta(seconds=1), None)):
        assert code(told.send(lending(CAT, ANN), EVE, at)) is refused
        assert code(told.send(b.RevokeDelegation(name), EVE, at)) is refused


def test_who_has_left_has_lent_nothing() -> None:
    told = Told(*FOUR)
    told.send(lending(), BEN)
    told.send(b.EndMembership(BEN))
    assert told.stream.state.delegations == {}
    told.send(b.AddMember(b.Member(BEN, VOICE)))
    assert told.sitting().delegates == {}


# Calendars, pauses, reminders.


def closure(first: date, last: date, kind: str = "closure", yearly: bool = False) -> b.Closure:
    return b.Closure(first, last, kind, yearly)


@pytest.mark.parametrize(
    ("closures", "wrong"),
    [
        ((), None),
        ((closure(date(2026, 12, 20), date(2027, 1, 10), "seasonal", True),), None),
        ((closure(date(2026, 12, 20), date(2026, 12, 19)),), "closures.0"),
        ((closure(TODAY, TODAY), closure(TODAY, TODAY, "holiday")), "closures.1"),
        ((closure(date(2026, 1, 1), date(2027, 1, 1), yearly=True),), "closures.0"),
    ],
)
def test_a_calendar_holds_days_that_can_be_meant(closures, wrong) -> None:
    told = Told(*FOUR)
    assert field(told.send(b.SetCalendar("AUK", closures))) == wrong
    assert told.stream.state.closures == (() if wrong else closures)


@pytest.mark.parametrize(
    ("kind", "yearly", "day", "pauses"),
    [
        ("seasonal", True, date(2030, 1, 5), "seasonal"),
        ("mourning", False, date(2027, 1, 5), "mourning"),
        ("seasonal", False, date(2030, 1, 5), None),
        ("closure", True, date(2027, 1, 5), None),
        ("seasonal", True, date(2030, 2, 1), None),
    ],
)
def test_in_its_season_a_body_decides_nothing_and_when_it_is_closed_it_may(
    kind, yearly, day, pauses
) -> None:
    told = Told(*FOUR)
    summer = closure(date(2026, 12, 20), date(2027, 1, 10), kind, yearly)
    told.send(b.SetCalendar(None, (summer,)))
    assert told.stream.state.sitting("body-river", 1, START, day).pause == pauses


@pytest.mark.parametrize(
    ("pause", "wrong"),
    [
        (b.Pause("mourning", TODAY), None),
        (b.Pause("mourning", TODAY, TODAY), None),
        (b.Pause("seasonal", TODAY + timedelta(9), TODAY + timedelta(20)), None),
        (b.Pause("mourning", TODAY, TODAY - timedelta(1)), "pause.last"),
        (b.Pause("closure", TODAY), "pause.kind"),
        (b.Pause("holiday", TODAY), "pause.kind"),
    ],
)
def test_a_pause_has_a_kind_and_days(pause, wrong) -> None:
    told = Told(*FOUR)
    assert field(told.send(b.BeginPause(pause))) == wrong
    expected = None if wrong or pause.first > TODAY else pause.kind
    assert told.stream.state.pause_on(TODAY) == expected


@pytest.mark.parametrize(
    ("last", "on", "refused"),
    [
        (None, 5, None),
        (None, 0, None),
        (20, 5, None),
        (20, 20, Code.ALREADY_DONE),
        (20, 30, Code.ALREADY_DONE),
    ],
)
def test_a_pause_ends_on_a_day_of_its_own(last, on, refused) -> None:
    told = Told(*FOUR)
    ends = None if last is None else TODAY + timedelta(last)
    told.send(b.BeginPause(b.Pause("mourning", TODAY, ends)))
    name = next(iter(told.stream.state.pauses))
    day = TODAY + timedelta(on)
    assert code(told.send(b.EndPause(name, day))) is refused
    for pause in told.stream.state.pauses.values():
        assert pause.last is None or pause.first <= pause.last, "no clock could read this"
    if refused is None:
        assert told.stream.state.pause_on(day) == "mourning"
        assert told.stream.state.pause_on(day + timedelta(1)) is None
    assert code(told.send(b.EndPause("command-0", day))) is Code.NOT_FOUND


@pytest.mark.parametrize("last", [None, 20])
def test_a_pause_that_is_ended_before_it_begins_was_none(last) -> None:
    told = Told(*FOUR)
    ends = None if last is None else TODAY + timedelta(last)
    told.send(b.BeginPause(b.Pause("mourning", TODAY + timedelta(3), ends)))
    name = next(iter(told.stream.state.pauses))
    assert code(told.send(b.EndPause(name, TODAY))) is None
    assert told.stream.state.pauses == {}
    assert told.stream.state.pause_on(TODAY + timedelta(4)) is None
    assert code(told.send(b.EndPause(name, TODAY))) is Code.ALREADY_DONE


@pytest.mark.parametrize(
    ("reminders", "wrong"),
    [
        (b.Reminders((5, 10), BEN, 10, True), None),
        (b.Reminders((1,)), None),
        (b.Reminders(()), "days"),
        (b.Reminders((0, 5)), "days"),
        (b.Reminders((10, 5)), "days"),
        (b.Reminders((5, 5)), "days"),
        (b.Reminders((5,), EVE), "then"),
        (b.Reminders((5, 10), BEN, 9), "then_after"),
    ],
)
def test_a_body_says_how_it_wishes_to_be_told(reminders, wrong) -> None:
    assert field(Told(*FOUR).send(b.SetReminders(reminders))) == wrong


def test_whoever_has_left_is_told_nothing_more() -> None:
    told = Told(*FOUR)
    told.send(b.SetReminders(b.Reminders((5,), BEN, 20)))
    told.send(b.EndMembership(CAT))
    assert told.stream.state.reminders.then == BEN
    told.send(b.EndMembership(BEN))
    assert told.stream.state.reminders == b.Reminders((5,), None, 20)


# Being known.


def test_whoever_asks_introduces_herself_once_and_meeting_her_is_another_thing() -> None:
    told = Told(*FOUR)
    assert code(told.send(b.Introduce(TEXT), EVE)) is None
    assert code(told.send(b.Introduce(TEXT), EVE)) is Code.ALREADY_DONE
    assert EVE not in told.stream.state.korero
    late = b.RecordKorero(EVE, TODAY + timedelta(days=2), "hui")
    assert field(told.send(late)) == "held_on"
    assert code(told.send(b.RecordKorero(EVE, TODAY, "hui"))) is None
    assert told.stream.state.korero == {EVE: TODAY}


def test_a_body_that_awaits_its_welcome_is_welcomed_by_no_person() -> None:
    told = Told()
    told.send(b.Enter(TEXT, MANDATE, CONSENSUS, FOUR, awaits_welcome=True))
    assert not told.stream.state.welcome
    for actor in (ANN, BEN, EVE):
        assert code(told.send(b.Welcome(), actor)) is Code.NOT_PERMITTED
    # Nor by anything that it says about itself.
    told.send(b.RestateMandate(MANDATE))
    assert not told.stream.state.welcome
    assert code(told.send(b.Welcome(), SYSTEM)) is None
    assert told.stream.state.welcome
    assert code(told.send(b.Welcome(), SYSTEM)) is Code.ALREADY_DONE


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
