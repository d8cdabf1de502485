"""How a body comes to its part of a request: turn, kawa, who takes part, on what record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import PEOPLES, PERSONS, START
from request_world import (
    APPLICANT,
    OFFICE,
    SHA256,
    TEXT,
    UNIVERSITY,
    World,
    accept,
    all_approve,
    code,
    routed,
    small_world,
)

from policies.conditions import Condition
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import events as e
from policies.request.state import Status
from policies.slices import Slice
from policies.types import (
    SYSTEM,
    Capacity,
    Kawa,
    KawaRule,
    Meeting,
    Outcome,
    RouteEntry,
    Stage,
    Voice,
)

YES, NO = Voice.APPROVE, Voice.DECLINE
APPROVE, DECLINE, NOT_OURS, IN_PRINCIPLE = Outcome
ALONE = Kawa(KawaRule.CONSENSUS)
RIVER, ELDERS, HILL, ETHICS = "body-river", "body-elders", "body-hill", "body-ethics"
ANN, BEN, CAT, DAN, EVE, FAY, PEN = PERSONS[1:8]
"""Of the river rōpū, the elders, the hill rōpū and the ethics committee; then others."""

PENS = {"secretaries": {PEN}}


def speak(told: World, body: str, who: str, voice: Voice = YES) -> object:
    return told.send(c.Speak(told.sitting(body), voice), who)


def conclude(told: World, body: str, who: str, outcome: Outcome = APPROVE, **more) -> object:
    return told.send(c.Conclude(told.sitting(body), outcome, **more), who)


def hui(told: World, body: str, voices: dict, outcome: Outcome = APPROVE, **more) -> object:
    plain = {"held_on": told.now.date(), "method": "hui", "minutes": TEXT}
    plain = {**plain, "voices": voices, "outcome": outcome, **more}
    return told.send(c.RecordHui(told.sitting(body), **plain), PEN)


def letter(told: World, body: str, outcome: Outcome = APPROVE, who: str = PEN, **more) -> object:
    plain = {"decided_on": told.now.date(), "letter_sha256": SHA256}
    plain = {"reference": TEXT, "letter": TEXT, **plain, **more}
    return told.send(c.RecordElsewhere(told.sitting(body), outcome, **plain), who)


# In whose turn.

AFTER_ETHICS = {"kawa": Kawa(KawaRule.CONSENSUS, after=frozenset({"ethics"}), elsewhere=True)}


def test_a_body_speaks_once_those_before_it_have_approved() -> None:
    told = small_world(river={**AFTER_ETHICS, **PENS})
    assert told.stream.state.waited_for() == {ELDERS, HILL, ETHICS}
    for answer in (
        speak(told, RIVER, ANN),
        conclude(told, RIVER, ANN),
        hui(told, RIVER, {ANN: YES}),
        letter(told, RIVER),
    ):
        assert code(answer) is Code.NOT_YET_ITS_TURN
        assert answer.facts == {"after": ETHICS}
    told.decide_together(ETHICS, APPROVE)
    assert told.stream.state.waited_for() == {RIVER, ELDERS, HILL}
    told.decide_together(RIVER, APPROVE)
    assert RIVER in told.stream.state.decisions


def test_before_its_turn_a_body_asks_sets_conditions_and_stands_aside() -> None:
    told = small_world(river=AFTER_ETHICS)
    sitting = told.sitting(RIVER)
    for command in (
        c.Ask(sitting, TEXT),
        c.SetCondition(sitting, Condition("", "", "no_linkage")),
        c.AskToMeet(sitting, Meeting.WANANGA),
        c.StandAside(sitting),
    ):
        assert code(told.send(command, ANN)) is None


@pytest.mark.parametrize("outcome", [IN_PRINCIPLE, None])
def test_a_yes_with_an_if_and_silence_give_nobody_else_their_turn(outcome) -> None:
    told = small_world(river={"kawa": Kawa(KawaRule.CONSENSUS, after=frozenset({HILL}))})
    if outcome:
        told.decide_together(HILL, outcome)
    told.now += timedelta(days=400)
    assert code(speak(told, RIVER, ANN)) is Code.NOT_YET_ITS_TURN


@pytest.mark.parametrize("outcome", [DECLINE, NOT_OURS])
def test_whoever_is_not_asked_any_more_is_not_waited_for_by_others(outcome) -> None:
    told = small_world(river={"kawa": Kawa(KawaRule.CONSENSUS, after=frozenset({HILL}))})
    told.decide_together(HILL, outcome)
    told.send(c.Rejustify(TEXT), APPLICANT)
    assert code(speak(told, RIVER, ANN)) is None


CIRCLE = {"kawa": Kawa(KawaRule.CONSENSUS, after=frozenset({"people"}))}


def test_bodies_that_wait_for_each_other_are_asked_nothing() -> None:
    told = small_world(submitted=False, ethics=CIRCLE, river=AFTER_ETHICS)
    about = Slice(frozenset(PEOPLES[:2]))
    _, route = routed(told.world, told.items, about)
    answer = told.submit(about, route, set(), {"use.read"})
    assert code(answer) is Code.ORDER_CYCLE
    assert set(answer.facts["bodies"].split(",")) == {RIVER, ETHICS}


def test_a_circle_that_todays_rules_would_close_is_not_closed() -> None:
    told = small_world(river=AFTER_ETHICS)
    all_approve(told)
    told.decide_together(RIVER, APPROVE)
    # Another ethics committee enters, which comes after the river's rōpū.
    told.world["body-other"] = told.world.pop(ETHICS)
    told.world["body-other"].kawa = Kawa(KawaRule.CONSENSUS, after=frozenset({RIVER}))
    assert code(accept(told)) is Code.ORDER_CYCLE
    told.world["body-other"].kawa = ALONE
    assert code(accept(told)) is None
    assert told.stream.state.waited_for() == {"body-other"}


# By its own kawa.

FEW = Stage(frozenset({ANN}))
TWO = {"kawa": Kawa(KawaRule.CONSENSUS, 2, first=FEW), "members": {ANN, EVE, FAY}, **PENS}


def test_the_subcommittee_looks_first_and_the_body_decides() -> None:
    told = small_world(river=TWO)
    assert code(speak(told, RIVER, EVE)) is Code.SUBCOMMITTEE_FIRST
    speak(told, RIVER, ANN)
    assert code(conclude(told, RIVER, ANN)) is None
    assert RIVER not in told.stream.state.decisions
    assert dict(told.stream.state.advice) == {RIVER: APPROVE}
    # What was said there was advice: the body speaks from the beginning.
    assert code(conclude(told, RIVER, ANN)) is Code.NOT_YET
    speak(told, RIVER, ANN)
    speak(told, RIVER, EVE)
    assert code(conclude(told, RIVER, ANN)) is None
    assert told.stream.state.decisions[RIVER].outcome is APPROVE


def test_a_body_need_not_follow_its_subcommittee() -> None:
    told = small_world(river=TWO)
    hui(told, RIVER, {ANN: YES})
    hui(told, RIVER, {ANN: NO, EVE: NO}, DECLINE)
    assert told.stream.state.decisions[RIVER].outcome is DECLINE


def test_one_hui_of_everybody_is_the_subcommittees_advice_and_no_decision() -> None:
    told = small_world(river=TWO)
    hui(told, RIVER, {ANN: YES, EVE: YES, FAY: YES})
    assert RIVER not in told.stream.state.decisions
    assert dict(told.stream.state.advice) == {RIVER: APPROVE}


def test_after_the_rest_is_justified_the_subcommittee_looks_again() -> None:
    told = small_world(river=TWO)
    hui(told, RIVER, {ANN: YES})
    told.decide_together(HILL, DECLINE)
    told.send(c.Rejustify(TEXT), APPLICANT)
    assert code(speak(told, RIVER, EVE)) is Code.SUBCOMMITTEE_FIRST


def test_a_body_that_meets_face_to_face_decides_in_no_other_way() -> None:
    told = small_world(river={"kawa": Kawa(KawaRule.CONSENSUS, in_person=True), **PENS})
    speak(told, RIVER, ANN)
    assert code(conclude(told, RIVER, ANN)) is Code.IN_PERSON
    for method in ("phone", "paper", "portal"):
        assert code(hui(told, RIVER, {ANN: YES}, method=method)) is Code.IN_PERSON
    assert code(hui(told, RIVER, {ANN: YES})) is None


@pytest.mark.parametrize("by", ["screen", "phone"])
def test_its_subcommittee_may_meet_as_it_likes(by) -> None:
    kawa = Kawa(KawaRule.CONSENSUS, first=FEW, in_person=True)
    told = small_world(river={"kawa": kawa, **PENS})
    if by == "screen":
        speak(told, RIVER, ANN)
        assert code(conclude(told, RIVER, ANN)) is None
    else:
        assert code(hui(told, RIVER, {ANN: YES}, method="phone")) is None
    assert code(hui(told, RIVER, {ANN: YES}, method="phone")) is Code.IN_PERSON


@pytest.mark.parametrize(("hours", "refused"), [(0, True), (10 * 24 - 1, True), (10 * 24, False)])
def test_a_body_gives_itself_days_from_its_turn_on(hours, refused) -> None:
    after = Kawa(KawaRule.CONSENSUS, after=frozenset({"ethics"}), delay_days=10)
    told = small_world(river={"kawa": after})
    told.now += timedelta(days=30)
    told.decide_together(ETHICS, APPROVE)
    told.now += timedelta(hours=hours)
    speak(told, RIVER, ANN)
    assert code(conclude(told, RIVER, ANN)) is (Code.TOO_SOON if refused else None)


def test_in_a_pause_a_body_decides_nothing() -> None:
    told = small_world(river={"pause": "mourning", **PENS})
    assert code(speak(told, RIVER, ANN)) is None
    assert code(conclude(told, RIVER, ANN)) is Code.PAUSED
    assert code(hui(told, RIVER, {ANN: NO}, DECLINE)) is Code.PAUSED


@pytest.mark.parametrize("meeting", Meeting)
def test_a_body_that_wishes_to_meet_decides_once_they_have(meeting) -> None:
    told = small_world()
    ask = c.AskToMeet(told.sitting(RIVER), meeting)
    assert code(told.send(ask, ANN)) is None
    assert code(told.send(ask, ANN)) is Code.ALREADY_DONE
    assert told.stream.state.waits[RIVER].stands
    speak(told, RIVER, ANN)
    assert code(conclude(told, RIVER, ANN)) is Code.MEETING_FIRST
    met = c.RecordMeeting(told.sitting(RIVER), told.now.date() + timedelta(days=2))
    assert code(told.send(met, ANN)) is Code.INVALID
    assert code(told.send(c.RecordMeeting(told.sitting(HILL), START.date()), CAT)) is Code.NOT_FOUND
    assert code(told.send(c.RecordMeeting(told.sitting(RIVER), START.date()), ANN)) is None
    assert not told.stream.state.waits[RIVER].stands
    assert code(conclude(told, RIVER, ANN)) is None


WILLING = {RIVER: {ELDERS, HILL}, ELDERS: {RIVER, HILL}, HILL: {RIVER, ELDERS}}


@pytest.mark.parametrize(
    ("but", "sat", "refused"),
    [
        ({}, {ELDERS}, False),
        ({}, {ELDERS, HILL}, False),
        ({RIVER: {HILL}}, {ELDERS}, True),
        ({ELDERS: set()}, {ELDERS}, True),
        ({ELDERS: {RIVER}}, {ELDERS, HILL}, True),
    ],
    ids=["two willing", "three willing", "one's own body is not", "the other is not",
         "the two others are not with each other"],
)  # fmt: skip
def test_bodies_sit_together_where_each_is_willing(but, sat, refused) -> None:
    willing = {**WILLING, **but}
    changes = {
        name.removeprefix("body-"): {
            "kawa": Kawa(KawaRule.CONSENSUS, joint_with=frozenset(willing[name])), **PENS
        }
        for name in willing
    }  # fmt: skip
    told = small_world(**changes)
    joint = {name: frozenset(willing[name]) for name in sat}
    answer = hui(told, RIVER, {ANN: YES}, joint_with=joint)
    assert code(answer) is (Code.NOT_JOINTLY if refused else None)
    # Each records its own part: nobody else has decided by that.
    assert set(told.stream.state.decisions) == (set() if refused else {RIVER})


# Who takes part.

WORKS = {"institutions": {EVE: UNIVERSITY, FAY: OFFICE}, "members": {ANN, EVE, FAY}, **PENS}
FROM = {"institutions": frozenset({UNIVERSITY})}


def test_whoever_works_where_it_comes_from_takes_no_part() -> None:
    told = small_world(FROM, river=WORKS)
    assert code(speak(told, RIVER, EVE)) is Code.CONFLICT
    assert code(hui(told, RIVER, {ANN: YES, EVE: YES})) is Code.CONFLICT
    assert code(speak(told, RIVER, FAY)) is None
    loose = Condition("", "", "level_at_most", choice="identifiable")
    setting = c.SetCondition(told.sitting(RIVER), loose)
    assert code(told.send(setting, EVE)) is Code.CONFLICT
    assert code(told.send(setting, FAY)) is None


def test_a_voice_from_before_such_a_conflict_was_known_does_not_count() -> None:
    told = small_world(FROM, river={"members": {ANN, EVE}, "kawa": Kawa(KawaRule.CONSENSUS, 2)})
    speak(told, RIVER, ANN)
    speak(told, RIVER, EVE)
    told.world[RIVER].institutions = {EVE: UNIVERSITY}
    told.world[RIVER].version += 1
    answer = conclude(told, RIVER, ANN)
    assert code(answer) is Code.NOT_YET
    assert answer.facts["present"] == "1"


OWN = {"for_body": RIVER, "institutions": frozenset({UNIVERSITY}), "others": {EVE}}
HOLDER = {"holder": {"capacity": Capacity.HOLDER, "member": FAY, **PENS}}


def test_to_be_of_the_people_that_asks_is_no_conflict() -> None:
    """Only the applicant stands aside in the body that asks for its own people's data."""
    asking = {"members": {ANN, EVE, APPLICANT}, "institutions": {ANN: UNIVERSITY}}
    told = small_world(OWN, river=asking, hill={"members": {CAT, EVE}}, **HOLDER)
    assert code(speak(told, RIVER, EVE)) is None
    assert code(speak(told, RIVER, ANN)) is None
    assert code(speak(told, RIVER, APPLICANT)) is Code.APPLICANT
    # In every other body she has applied.
    assert code(speak(told, HILL, EVE)) is Code.APPLICANT


def test_a_body_in_whose_name_is_asked_is_on_the_route() -> None:
    told = small_world(submitted=False, **HOLDER)
    about = Slice(frozenset({PEOPLES[1]}))
    told.items, route = routed(told.world, told.items, about, RIVER)
    answer = told.submit(about, route, set(), {"use.read"}, for_body=RIVER)
    assert code(answer) is Code.INVALID
    assert answer.facts == {"field": "for_body"}


LENT = {"members": {ANN, EVE}, "delegates": {ANN: FAY}, "kawa": Kawa(KawaRule.CONSENSUS, 2)}


def test_a_voice_that_was_lent_counts_while_it_is() -> None:
    told = small_world(river=LENT)
    assert code(speak(told, RIVER, FAY)) is None
    assert code(speak(told, RIVER, EVE)) is None
    told.world[RIVER].delegates = {}
    told.world[RIVER].version += 1
    assert code(speak(told, RIVER, FAY)) is Code.NOT_A_MEMBER
    assert code(conclude(told, RIVER, EVE)) is Code.NOT_YET
    told.world[RIVER].delegates = {ANN: FAY}
    told.world[RIVER].version += 1
    assert code(conclude(told, RIVER, EVE)) is None


@pytest.mark.parametrize("how", ["aside", "left", "applied", "colleague"])
def test_nobody_speaks_for_somebody_who_takes_no_part(how) -> None:
    asked = {"others": {ANN}} if how == "applied" else FROM if how == "colleague" else {}
    works = {"institutions": {ANN: UNIVERSITY}} if how == "colleague" else {}
    told = small_world(asked, river={**LENT, **works})
    if how == "aside":
        told.send(c.StandAside(told.sitting(RIVER)), ANN)
    if how == "left":
        told.world[RIVER].members -= {ANN}
        told.world[RIVER].version += 1
    assert code(speak(told, RIVER, FAY)) is Code.NOT_A_MEMBER


def test_who_applied_or_stood_aside_speaks_for_nobody() -> None:
    told = small_world({"others": {FAY}}, river=LENT)
    assert code(speak(told, RIVER, FAY)) is Code.APPLICANT
    told = small_world(river={**LENT, "members": {ANN, EVE, FAY}})
    told.send(c.StandAside(told.sitting(RIVER)), FAY)
    assert code(speak(told, RIVER, FAY)) is Code.STOOD_ASIDE


def test_in_a_subcommittee_nobody_speaks_for_somebody_who_takes_no_part() -> None:
    told = small_world(FROM, river={
        **TWO, "delegates": {ANN: EVE}, "institutions": {ANN: UNIVERSITY},
        "kawa": Kawa(KawaRule.CONSENSUS, first=Stage(frozenset({ANN, FAY}))),
    })  # fmt: skip
    assert code(speak(told, RIVER, EVE)) is Code.SUBCOMMITTEE_FIRST
    assert code(speak(told, RIVER, FAY)) is None


def test_whoever_stood_aside_or_applied_does_no_errand_of_the_body() -> None:
    told = small_world({"others": {FAY}}, river={"members": {ANN, EVE, FAY}, **PENS})
    told.send(c.StandAside(told.sitting(RIVER)), EVE)
    sitting = told.sitting(RIVER)
    for command in (
        c.Ask(sitting, TEXT),
        c.SetCondition(sitting, Condition("", "", "no_linkage")),
        c.Conclude(sitting, DECLINE),
        c.AskToMeet(sitting, Meeting.WANANGA),
        c.RecordMeeting(sitting, START.date()),
    ):
        assert code(told.send(command, EVE)) is Code.STOOD_ASIDE
        assert code(told.send(command, FAY)) is Code.APPLICANT
        assert code(told.send(command, CAT)) is Code.NOT_A_MEMBER
    assert code(told.send(c.StandAside(sitting), EVE)) is Code.ALREADY_DONE
    assert code(told.send(c.StandAside(sitting), PEN)) is Code.NOT_A_MEMBER


# To what end.


def test_a_yes_in_principle_opens_nothing() -> None:
    told = small_world()
    for name in (ELDERS, HILL, ETHICS):
        told.decide_together(name, APPROVE)
    told.decide_together(RIVER, IN_PRINCIPLE)
    assert told.stream.state.in_principle == {RIVER: frozenset({"funding"})}
    assert told.stream.state.waited_for() == {RIVER}
    assert code(accept(told)) is Code.NOT_YET
    # Nor do the voices for it say yes without an if.
    assert code(conclude(told, RIVER, ANN)) is Code.NOT_YET
    told.decide_together(RIVER, APPROVE)
    assert code(accept(told)) is None


@pytest.mark.parametrize(
    ("outcome", "more", "field"),
    [
        (IN_PRINCIPLE, {}, "depends_on"),
        (IN_PRINCIPLE, {"depends_on": frozenset({RIVER})}, "depends_on"),
        (IN_PRINCIPLE, {"depends_on": frozenset({"body-nobody"})}, "depends_on"),
        (IN_PRINCIPLE, {"depends_on": frozenset({HILL, "funding"})}, None),
        (APPROVE, {"depends_on": frozenset({HILL})}, "depends_on"),
        (APPROVE, {"struck": frozenset({"genomes.plant"})}, "struck"),
        (APPROVE, {"struck": frozenset({"survey.other"})}, "struck"),
        (IN_PRINCIPLE, {"struck": frozenset({"survey.sleep"})}, "struck"),
        (APPROVE, {"struck": frozenset({"survey.sleep"})}, None),
    ],
)
def test_an_outcome_is_said_as_it_can_be_meant(outcome, more, field) -> None:
    """The river's rōpū is asked about one of the two items, the plant's genome is the hill's."""
    told = small_world()
    speak(told, RIVER, ANN)
    answer = conclude(told, RIVER, ANN, outcome, **more)
    assert code(answer) is (Code.INVALID if field else None)
    assert not field or answer.facts == {"field": field}


def test_what_a_body_strikes_is_out_and_everybody_decides_afresh() -> None:
    told = small_world()
    told.decide_together(RIVER, APPROVE)
    speak(told, HILL, CAT)
    conclude(told, HILL, CAT, struck=frozenset({"genomes.plant"}))
    assert told.stream.state.items == {"survey.sleep"}
    assert code(accept(told)) is Code.NOT_YET
    told.send(c.Rejustify(TEXT), APPLICANT)
    assert told.stream.state.decisions == {}
    all_approve(told)
    accept(told)
    assert set(told.told.accepted.terms.items) == {"survey.sleep"}


def test_not_ours_is_no_yes_and_takes_out_those_of_whom_nobody_speaks() -> None:
    told = small_world()
    told.decide_together(HILL, NOT_OURS)
    # Nobody speaks for the hill's people now: they are out, their genome too.
    assert told.stream.state.slice.peoples == {PEOPLES[0]}
    assert told.stream.state.items == {"survey.sleep"}
    assert HILL not in told.stream.state.bodies()


def test_of_two_bodies_for_one_people_one_may_say_that_it_is_not_theirs() -> None:
    told = small_world()
    told.decide_together(ELDERS, NOT_OURS)
    assert told.stream.state.slice.peoples == set(PEOPLES[:2])
    all_approve(told)
    assert code(accept(told)) is None
    assert ELDERS not in told.told.accepted.terms.decisions
    # The other cannot say so too: then nobody would be heard for them.
    told = small_world()
    told.decide_together(ELDERS, NOT_OURS)
    told.decide_together(RIVER, NOT_OURS)
    assert told.stream.state.slice.peoples == {PEOPLES[1]}


def test_not_ours_does_not_take_out_what_another_speaks_for() -> None:
    """One voice does not outweigh another's: of two peoples only the unheard one goes."""
    told = small_world(elders={"peoples": frozenset(PEOPLES[:2])}, hill={"peoples": frozenset()})
    told.decide_together(ELDERS, NOT_OURS)
    assert told.stream.state.slice.peoples == {PEOPLES[0]}
    assert told.stream.state.bodies() == {RIVER, ETHICS}


def test_who_is_heard_for_one_item_is_not_heard_for_another() -> None:
    """The elders are asked about one item of the river's people alone, by a rule of its class."""
    told = small_world(submitted=False)
    river = frozenset({PEOPLES[0]})
    about = Slice(river)
    told.items = {
        name: c.PinnedItem("survey", frozenset({"health"}), river, frozenset())
        for name in ("survey.diet", "survey.sleep")
    }
    both, one = frozenset(told.items), frozenset({"survey.sleep"})
    told.submit(
        about,
        (
            RouteEntry(RIVER, Capacity.PEOPLE, river, items=both),
            RouteEntry(ELDERS, Capacity.PEOPLE, river, items=one),
            RouteEntry(ETHICS, Capacity.ETHICS, items=both),
        ),
        set(),
        {"use.read"},
    )
    told.decide_together(RIVER, NOT_OURS)
    assert told.stream.state.status is Status.DECLINED


def test_whoever_says_that_it_is_not_theirs_leaves_no_condition() -> None:
    told = small_world()
    condition = Condition("", "", "no_linkage")
    told.send(c.SetCondition(told.sitting(ELDERS), condition), BEN)
    told.decide_together(ELDERS, NOT_OURS)
    assert told.stream.state.conditions == {}
    answer = told.send(c.SetCondition(told.sitting(ELDERS), condition), BEN)
    assert code(answer) is Code.NOT_ASKED


def test_whoever_said_so_is_asked_again_only_about_more() -> None:
    told = small_world()
    told.decide_together(ELDERS, NOT_OURS)
    all_approve(told)
    told.world[ELDERS].peoples = frozenset(PEOPLES[:2])
    accept(told)
    assert told.told.accepted is None
    assert told.stream.state.waited_for() == {ELDERS}


def test_when_the_only_body_says_that_it_is_not_theirs_it_ends() -> None:
    told = small_world(submitted=False)
    for name in (ELDERS, HILL, ETHICS):
        del told.world[name]
    about = Slice(frozenset({PEOPLES[0]}))
    told.items, route = routed(told.world, told.items, about)
    told.submit(about, route, set(), {"use.read"})
    told.decide_together(RIVER, NOT_OURS)
    assert told.stream.state.status is Status.DECLINED


def test_the_body_in_whose_name_is_asked_says_yes_or_no() -> None:
    told = small_world({"for_body": RIVER}, **HOLDER)
    speak(told, RIVER, ANN, NO)
    answer = conclude(told, RIVER, ANN, NOT_OURS)
    assert code(answer) is Code.INVALID
    assert code(conclude(told, RIVER, ANN, DECLINE)) is None


@pytest.mark.parametrize("way", ["conclude", "hui", "letter", "strike"])
def test_a_holder_says_no_with_its_lawful_reason(way) -> None:
    kawa = {"kawa": Kawa(KawaRule.CONSENSUS, elsewhere=True)}
    told = small_world(holder={**HOLDER["holder"]})
    told.world["body-holder"].kawa = kawa["kawa"]
    told.world["body-holder"].version += 1
    voice = YES if way == "strike" else NO
    speak(told, "body-holder", FAY, voice)

    def say(reasons) -> object:
        if way == "letter":
            return letter(told, "body-holder", DECLINE, reasons=reasons)
        if way == "hui":
            return hui(told, "body-holder", {FAY: NO}, DECLINE, reasons=reasons)
        if way == "strike":
            struck = frozenset({"survey.sleep"})
            return conclude(told, "body-holder", FAY, struck=struck, reasons=reasons)
        return conclude(told, "body-holder", FAY, DECLINE, reasons=reasons)

    assert code(say(None)) is Code.LAWFUL_REASON
    assert code(say(TEXT)) is None
    decided = told.stream.of(e.BodyDecided)[-1][2]
    assert decided.reasons == TEXT


def test_nobody_else_gives_reasons() -> None:
    told = small_world()
    speak(told, RIVER, ANN, NO)
    assert code(conclude(told, RIVER, ANN, DECLINE)) is None


# Made elsewhere.

ELSEWHERE = {"kawa": Kawa(KawaRule.CONSENSUS, elsewhere=True), **PENS}


@pytest.mark.parametrize(
    ("body", "more", "refused"),
    [
        (ETHICS, {}, None),
        (ETHICS, {"outcome": DECLINE}, None),
        (ETHICS, {"who": DAN}, Code.NOT_PERMITTED),
        (ETHICS, {"outcome": NOT_OURS}, Code.INVALID),
        (ETHICS, {"outcome": IN_PRINCIPLE}, Code.INVALID),
        (ETHICS, {"expires_at": START}, Code.INVALID),
        (ETHICS, {"expires_at": START + timedelta(days=9)}, None),
        (ETHICS, {"decided_on": START.date() + timedelta(days=2)}, Code.INVALID),
        (ETHICS, {"decided_on": START.date() - timedelta(days=400)}, None),
        (HILL, {}, Code.NOT_ELSEWHERE),
        ("body-other", {}, Code.NOT_ASKED),
    ],
)
def test_a_letter_tells_of_a_decision_made_elsewhere(body, more, refused) -> None:
    told = small_world(ethics=ELSEWHERE, hill=PENS)
    told.world["body-other"] = replace(told.world[ETHICS])
    assert code(letter(told, body, **more)) is refused


def test_a_secretary_who_applied_brings_no_letter() -> None:
    told = small_world({"others": {PEN}}, ethics=ELSEWHERE)
    assert code(letter(told, ETHICS)) is Code.APPLICANT


def test_a_letter_that_lapses_before_the_grant_is_renewed_or_there_is_none() -> None:
    told = small_world(ethics=ELSEWHERE)
    for name in (RIVER, ELDERS, HILL):
        told.decide_together(name, APPROVE)
    expires = told.now + timedelta(days=10)
    letter(told, ETHICS, expires_at=expires)
    assert code(letter(told, ETHICS)) is Code.ALREADY_DONE
    told.now = expires
    answer = accept(told)
    assert code(answer) is Code.LAPSED
    assert answer.facts == {"body": ETHICS}
    later = told.now + timedelta(days=100)
    assert code(letter(told, ETHICS, expires_at=later)) is None
    assert code(accept(told)) is None
    assert told.told.accepted.terms.lapses == {ETHICS: later}


def test_a_letter_that_lapsed_may_be_followed_by_a_no() -> None:
    told = small_world(ethics=ELSEWHERE)
    letter(told, ETHICS, expires_at=told.now + timedelta(days=10))
    told.now += timedelta(days=11)
    letter(told, ETHICS, DECLINE)
    assert told.stream.state.status is Status.DECLINED


def test_a_letter_without_an_end_takes_the_place_of_one_that_lapsed() -> None:
    told = small_world(ethics=ELSEWHERE)
    letter(told, ETHICS, expires_at=told.now + timedelta(days=10))
    told.now += timedelta(days=11)
    letter(told, ETHICS)
    all_approve(told)
    assert code(accept(told)) is None
    assert told.told.accepted.terms.lapses == {}


def test_a_body_that_is_asked_about_more_begins_without_its_letter_or_its_meeting() -> None:
    told = small_world(elders=ELSEWHERE)
    told.send(c.AskToMeet(told.sitting(ELDERS), Meeting.WANANGA), BEN)
    letter(told, ELDERS, expires_at=told.now + timedelta(days=10))
    all_approve(told)
    told.world[ELDERS].peoples = frozenset(PEOPLES[:2])
    accept(told)
    assert told.stream.state.waited_for() == {ELDERS}
    assert not told.stream.state.waits[ELDERS].stands
    told.decide_together(ELDERS, APPROVE)
    told.now += timedelta(days=20)
    assert code(accept(told)) is None
    assert told.told.accepted.terms.lapses == {}


# At the desk.


def at_the_desk(**more: object) -> World:
    told = small_world(submitted=False, **more)
    told.world["body-desk"] = replace(
        told.world[ETHICS], capacities=frozenset(), members={EVE}, kawa=ALONE
    )
    about = Slice(frozenset(PEOPLES[:2]))
    told.items, route = routed(told.world, told.items, about)
    told.submit(about, route, {FAY}, {"use.read"}, "body-desk")
    return told


def test_at_the_desk_nothing_is_anybody_elses_to_do() -> None:
    told = at_the_desk(river=ELSEWHERE)
    sitting = told.sitting(RIVER)
    for command, who in (
        (c.Speak(sitting, YES), ANN),
        (c.Conclude(sitting, APPROVE), ANN),
        (c.RecordHui(sitting, START.date(), "hui", {ANN: YES}, APPROVE, TEXT), PEN),
        (c.RecordElsewhere(sitting, APPROVE, TEXT, TEXT, SHA256, START.date()), PEN),
        (c.Ask(sitting, TEXT), ANN),
        (c.SetCondition(sitting, Condition("", "", "no_linkage")), ANN),
        (c.StandAside(sitting), ANN),
        (c.AskToMeet(sitting, Meeting.WANANGA), ANN),
        (c.Accept(frozenset(), told.routed(), START + timedelta(9)), APPLICANT),
        (c.Rejustify(TEXT), APPLICANT),
        (c.Resubmit(told.told.content, told.told.pinned), APPLICANT),
        (c.Close(), SYSTEM),
    ):
        assert code(told.send(command, who)) is Code.WRONG_TIME
    assert told.stream.state.waited_for() == {"desk"}


def test_the_desk_forwards_or_returns_and_cannot_decline() -> None:
    told = at_the_desk()
    assert code(told.send(c.Return(told.sitting("body-desk"), TEXT), EVE)) is None
    assert told.stream.state.waited_for() == {"applicant"}
    assert code(told.send(c.Forward(told.sitting("body-desk")), EVE)) is Code.WRONG_TIME
    resubmit = c.Resubmit(told.told.content, told.told.pinned)
    assert code(told.send(resubmit, FAY)) is Code.NOT_PERMITTED
    assert code(told.send(resubmit, APPLICANT)) is None
    assert code(told.send(c.Forward(told.sitting("body-desk")), EVE)) is None
    assert told.stream.state.waited_for() == {RIVER, ELDERS, HILL, ETHICS}
    assert code(told.send(c.Return(told.sitting("body-desk"), TEXT), EVE)) is Code.WRONG_TIME


@pytest.mark.parametrize(
    ("body", "who", "refused"),
    [("body-desk", EVE, None), ("body-desk", ANN, Code.NOT_A_MEMBER), (RIVER, ANN, Code.NOT_ASKED),
     ("body-desk", FAY, Code.APPLICANT)],
)  # fmt: skip
def test_only_the_desks_own_people_forward(body, who, refused) -> None:
    told = at_the_desk()
    told.world["body-desk"].members |= {FAY}
    assert code(told.send(c.Forward(told.sitting(body)), who)) is refused


@pytest.mark.parametrize("returned", [False, True])
def test_whoever_asked_takes_it_back_from_the_desk_too(returned) -> None:
    told = at_the_desk()
    if returned:
        told.send(c.Return(told.sitting("body-desk"), TEXT), EVE)
    assert code(told.send(c.Withdraw(), FAY)) is Code.NOT_PERMITTED
    assert code(told.send(c.Withdraw(), APPLICANT)) is None
    assert told.stream.state.waits == {}


def test_the_desk_forwards_only_what_it_has_seen() -> None:
    told = at_the_desk()
    held = told.envelope(c.Forward(told.sitting("body-desk")), EVE)
    told.send(c.Return(told.sitting("body-desk"), TEXT), EVE)
    told.send(c.Resubmit(told.told.content, told.told.pinned), APPLICANT)
    assert code(told.carry(held)) is Code.STALE


def test_a_voice_from_before_the_desk_was_done_is_none() -> None:
    told = at_the_desk()
    held = told.envelope(c.Speak(told.sitting(RIVER), YES), ANN)
    told.send(c.Forward(told.sitting("body-desk")), EVE)
    assert code(told.carry(held)) is Code.STALE
    assert code(speak(told, RIVER, ANN)) is None


def test_what_is_resubmitted_holds_to_what_a_request_must_be() -> None:
    told = at_the_desk()
    told.send(c.Return(told.sitting("body-desk"), TEXT), EVE)
    content, pinned = told.told.content, told.told.pinned
    nothing = c.Pinned({}, pinned.peoples, pinned.places, pinned.route, pinned.desk)
    assert code(told.send(c.Resubmit(content, nothing), APPLICANT)) is Code.NOTHING_LEFT
    told.now = content.ends_at
    assert code(told.send(c.Resubmit(content, pinned), APPLICANT)) is Code.INVALID


def test_the_desks_silence_forwards_and_is_no_bodys_yes() -> None:
    told = at_the_desk()
    for days, forwarded in ((4, False), (5, True)):
        told.send(c.Remind({"desk": c.Waited(days, ())}, forward_after=5), SYSTEM)
        assert (told.told.standing == "deciding") is forwarded
    assert told.stream.of(e.Forwarded)[0][2].unchecked
    assert told.stream.state.decisions == {}
    assert told.stream.state.waiting_for() == {RIVER, ELDERS, HILL, ETHICS}
    # Nothing more is forwarded by waiting.
    answer = told.send(c.Remind({"desk": c.Waited(400, ())}, forward_after=5), SYSTEM)
    assert code(answer) is Code.WRONG_TIME


# Waiting.


def test_silence_brings_reminders_the_delegate_and_the_reviewer_once_and_nothing_else() -> None:
    told = small_world(**HOLDER)
    holder = "body-holder"
    found: dict[str, list] = {holder: [], HILL: []}
    for days in range(1, 60):
        waited = c.Waited(days, (10, 20), FAY, 30, 20)
        answer = told.send(c.Remind({holder: waited, HILL: waited}, ANN), SYSTEM)
        for sequence, _, each in () if isinstance(answer, Refused) else told.stream.events:
            if sequence == told.stream.sequence:
                for name in getattr(each, "bodies", None) or (each.body,):
                    found[name].append((days, type(each)))
    assert found[HILL] == [(10, e.Reminded), (20, e.Reminded), (30, e.DelegateCalled)]
    assert found[holder] == [
        (10, e.Reminded), (20, e.Reminded), (20, e.Escalated), (30, e.DelegateCalled),
    ]  # fmt: skip
    assert told.stream.state.decisions == {}


@pytest.mark.parametrize("still", ["question", "meeting"])
def test_nobody_is_told_while_their_clock_stands(still) -> None:
    told = small_world()
    sitting = told.sitting(RIVER)
    told.send(c.Ask(sitting, TEXT) if still == "question" else
              c.AskToMeet(sitting, Meeting.WANANGA), ANN)  # fmt: skip
    waited = {RIVER: c.Waited(40, (10,), FAY, 30)}
    assert code(told.send(c.Remind(waited), SYSTEM)) is Code.WRONG_TIME
    if still == "question":
        told.send(c.Answer(next(iter(told.stream.state.questions)), TEXT), APPLICANT)
    else:
        told.send(c.RecordMeeting(sitting, START.date()), ANN)
    assert code(told.send(c.Remind(waited), SYSTEM)) is None


def test_nobody_waits_for_an_answer_to_a_body_that_is_not_asked_any_more() -> None:
    told = small_world()
    told.send(c.Ask(told.sitting(HILL), TEXT), CAT)
    assert "applicant" in told.stream.state.waited_for()
    told.decide_together(HILL, DECLINE)
    told.send(c.Rejustify(TEXT), APPLICANT)
    assert told.stream.state.waited_for() == {RIVER, ELDERS, ETHICS}


@pytest.mark.parametrize("who", [ANN, APPLICANT, PEN])
def test_the_clock_strikes_for_nobody_else(who) -> None:
    told = small_world()
    answer = told.send(c.Remind({RIVER: c.Waited(40, (10,))}), who)
    assert code(answer) is Code.NOT_PERMITTED


def test_only_the_named_reviewer_writes_and_only_of_silence() -> None:
    told = small_world(**HOLDER)
    assert code(told.send(c.RecordReview(TEXT, FAY), FAY)) is Code.WRONG_TIME
    told.send(c.Remind({"body-holder": c.Waited(20, (), review_after=20)}, FAY), SYSTEM)
    assert code(told.send(c.RecordReview(TEXT, FAY), ANN)) is Code.NOT_PERMITTED
    assert code(told.send(c.RecordReview(TEXT, FAY), FAY)) is None
    assert told.stream.state.decisions == {}


def test_the_clock_of_old_requests_is_no_matter_of_the_desk() -> None:
    told = at_the_desk()
    told.now += timedelta(days=30)
    assert code(told.send(c.Remind(), SYSTEM)) is Code.WRONG_TIME
    assert isinstance(told.send(c.Remind(), ANN), Refused)
