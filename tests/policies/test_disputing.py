"""Somebody named in a written record says that it is not so: what rested on it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import PEOPLES, PERSONS
from request_world import (
    APPLICANT,
    TEXT,
    UNIVERSITY,
    World,
    accept,
    all_approve,
    code,
    small_world,
)

from policies.consequences import consequences
from policies.grant import commands as grant
from policies.refusals import Code
from policies.request import commands as c
from policies.request import events as e
from policies.request.state import Status
from policies.types import SYSTEM, Kawa, KawaRule, Outcome, Stage, Voice

YES, NO = Voice.APPROVE, Voice.DECLINE
APPROVE, DECLINE, NOT_OURS, IN_PRINCIPLE = Outcome
RIVER, ELDERS, HILL, ETHICS = "body-river", "body-elders", "body-hill", "body-ethics"
ANN, BEN, CAT, DAN, EVE, FAY, PEN = PERSONS[1:8]


def written(outcome: Outcome = APPROVE, body: str = RIVER, **more: object) -> World:
    """Everybody has approved; of this body its secretary wrote it up, of Ann and Eve."""
    plain = {"members": {ANN, EVE, FAY}, "secretaries": {PEN}}
    told = small_world(**{body.removeprefix("body-"): {**plain, **more}})
    for name in sorted(told.told.required() - {body}):
        told.decide_together(name, APPROVE)
    write_up(told, outcome, body)
    return told


def write_up(told: World, outcome: Outcome = APPROVE, body: str = RIVER) -> None:
    depends_on = frozenset({"funding"} if outcome is IN_PRINCIPLE else ())
    said = {ANN: outcome.wants, EVE: outcome.wants}
    hui = c.RecordHui(
        told.sitting(body), told.now.date(), "hui", said, outcome, TEXT, None, frozenset(),
        depends_on,
    )  # fmt: skip
    assert code(told.send(hui, PEN)) is None


def record(told: World) -> str:
    return next(reversed(told.told.records))


def dispute(told: World, who: str = ANN, entry: str | None = None) -> object:
    return told.send(c.Dispute(entry or record(told), TEXT), who)


def answer(told: World, who: str, stands: bool, body: str = RIVER) -> object:
    open_now = next(iter(told.told.disputes), "command-0")
    return told.send(c.AnswerDispute(told.sitting(body), open_now, stands, TEXT), who)


@pytest.mark.parametrize(
    ("who", "entry", "refused"),
    [
        (ANN, None, None),
        (EVE, None, None),
        (FAY, None, Code.NOT_FOUND),
        (PEN, None, Code.NOT_FOUND),
        (APPLICANT, None, Code.NOT_FOUND),
        (ANN, "entry-r-1", Code.NOT_FOUND),
        (ANN, "entry-of-nothing", Code.NOT_FOUND),
    ],
)
def test_whoever_a_record_names_can_dispute_it_and_nobody_else(who, entry, refused) -> None:
    assert code(dispute(written(), who, entry)) is refused


def test_a_decision_that_no_secretary_wrote_up_names_nobody() -> None:
    told = small_world()
    told.decide_together(RIVER, APPROVE)
    decided = told.stream.state.decisions[RIVER].entry
    assert code(dispute(told, ANN, decided)) is Code.NOT_FOUND


def test_each_says_it_once() -> None:
    told = written()
    dispute(told)
    assert code(dispute(told)) is Code.ALREADY_DONE
    answer(told, FAY, stands=True)
    assert code(dispute(told)) is Code.ALREADY_DONE
    assert code(dispute(told, EVE)) is None


def test_while_it_is_open_nothing_that_rests_on_it_is_granted() -> None:
    told = written()
    dispute(told)
    found = accept(told)
    assert code(found) is Code.NOT_YET
    assert found.facts == {"waiting_for": RIVER}
    assert told.stream.state.waited_for() == {RIVER}
    told.now += timedelta(days=400)
    assert code(accept(told)) is Code.NOT_YET


def test_where_the_record_stands_everything_is_as_before() -> None:
    told = written()
    dispute(told)
    answer(told, FAY, stands=True)
    assert code(accept(told)) is None


def test_where_it_does_not_the_body_decides_afresh() -> None:
    told = written()
    dispute(told)
    answer(told, FAY, stands=False)
    assert RIVER not in told.stream.state.decisions
    assert code(accept(told)) is Code.NOT_YET
    assert told.stream.state.waited_for() == {RIVER}
    told.decide_together(RIVER, APPROVE)
    assert code(accept(told)) is None


def test_of_two_disputes_each_is_answered() -> None:
    told = written()
    dispute(told)
    dispute(told, EVE)
    answer(told, FAY, stands=True)
    assert code(accept(told)) is Code.NOT_YET
    answer(told, FAY, stands=True)
    assert code(accept(told)) is None


def test_once_it_is_void_a_second_dispute_of_it_changes_nothing_more() -> None:
    told = written()
    dispute(told)
    dispute(told, EVE)
    answer(told, FAY, stands=False)
    write_up(told)
    assert told.stream.state.disputed() == set()
    answer(told, FAY, stands=False)
    assert RIVER in told.stream.state.decisions
    assert code(accept(told)) is None


# Who answers.


@pytest.mark.parametrize(
    ("who", "body", "refused"),
    [
        (FAY, RIVER, None),
        (EVE, RIVER, None),
        (ANN, RIVER, Code.NOT_PERMITTED),
        (PEN, RIVER, Code.NOT_PERMITTED),
        (CAT, RIVER, Code.NOT_A_MEMBER),
        (APPLICANT, RIVER, Code.APPLICANT),
        (CAT, HILL, Code.NOT_FOUND),
    ],
    ids=["another member", "another who is named", "whoever disputes", "whoever wrote it",
         "an outsider", "the applicant", "another body"],
)  # fmt: skip
@pytest.mark.parametrize("stands", [True, False])
def test_another_of_the_body_answers(who, body, refused, stands) -> None:
    told = written()
    dispute(told)
    assert code(answer(told, who, stands, body)) is refused


def test_a_body_of_one_answers_for_itself() -> None:
    told = small_world(river={"members": {ANN}, "secretaries": {ANN}})
    all_approve(told)
    assert record(told)
    dispute(told)
    assert code(answer(told, ANN, stands=False)) is None


def test_where_all_others_take_no_part_whoever_wrote_it_answers() -> None:
    told = written()
    dispute(told)
    for who in (EVE, FAY):
        told.send(c.StandAside(told.sitting(RIVER)), who)
    assert code(answer(told, PEN, stands=True)) is None


@pytest.mark.parametrize("why", ["aside", "colleague"])
def test_whoever_takes_no_part_answers_nothing(why) -> None:
    told = written()
    dispute(told)
    if why == "aside":
        told.send(c.StandAside(told.sitting(RIVER)), FAY)
        assert code(answer(told, FAY, stands=True)) is Code.STOOD_ASIDE
    else:
        told = small_world(
            {"institutions": frozenset({UNIVERSITY})},
            river={"members": {ANN, EVE, FAY}, "secretaries": {PEN},
                   "institutions": {FAY: UNIVERSITY}},
        )  # fmt: skip
        write_up(told)
        dispute(told)
        assert code(answer(told, FAY, stands=True)) is Code.CONFLICT
    assert code(answer(told, EVE, stands=True)) is None


def test_an_answer_comes_once_and_to_what_was_asked() -> None:
    told = written()
    command = c.AnswerDispute(told.sitting(RIVER), "command-0", True, TEXT)
    assert code(told.send(command, FAY)) is Code.NOT_FOUND
    dispute(told)
    name = next(iter(told.told.disputes))
    answer(told, FAY, stands=True)
    again = c.AnswerDispute(told.sitting(RIVER), name, False, TEXT)
    assert code(told.send(again, FAY)) is Code.ALREADY_DONE


# By its own kawa, as whoever holds the pen writes it down.


def answer_together(
    told: World, said: dict[str, Voice], stands: bool, who: str = PEN, method: str = "hui", days=0
) -> object:
    open_now = next(iter(told.told.disputes), "command-0")
    met = c.Met(told.now.date() + timedelta(days), method, said)
    return told.send(c.AnswerDispute(told.sitting(RIVER), open_now, stands, TEXT, met), who)


@pytest.mark.parametrize(
    ("said", "stands", "refused"),
    [
        ({ANN: YES, EVE: YES}, True, None),
        ({ANN: Voice.ABSTAIN, EVE: YES, FAY: YES}, True, None),
        ({EVE: YES, FAY: YES}, True, Code.NOT_YET),
        ({EVE: NO, FAY: NO}, False, Code.NOT_YET),
        ({ANN: NO, EVE: YES}, True, Code.OUTCOME_DIFFERS),
        ({ANN: NO, EVE: Voice.ABSTAIN}, False, None),
        ({ANN: YES, EVE: YES}, False, Code.OUTCOME_DIFFERS),
        ({FAY: YES}, True, Code.NOT_YET),
        ({}, True, Code.NOT_YET),
        ({ANN: YES, CAT: YES}, True, Code.NOT_A_MEMBER),
        ({ANN: YES, PEN: YES}, True, Code.NOT_A_MEMBER),
        ({ANN: YES, APPLICANT: YES}, True, Code.APPLICANT),
    ],
)
def test_a_body_answers_by_its_kawa_whoever_wrote_it_down(said, stands, refused) -> None:
    told = written(kawa=Kawa(KawaRule.CONSENSUS, quorum=2))
    dispute(told)
    assert code(answer_together(told, said, stands)) is refused
    assert (told.stream.state.disputed() == set()) is (refused is None)
    assert (RIVER in told.stream.state.decisions) is (refused is not None or stands)


@pytest.mark.parametrize(
    ("who", "method", "days", "refused"),
    [
        (FAY, "hui", 0, Code.NOT_PERMITTED),
        (APPLICANT, "hui", 0, Code.APPLICANT),
        (PEN, "phone", 0, Code.IN_PERSON),
        (PEN, "hui", 3, Code.INVALID),
        (PEN, "hui", -3, Code.INVALID),
        (PEN, "hui", 0, None),
    ],
)
def test_only_the_pen_writes_down_what_a_body_answers(who, method, days, refused) -> None:
    told = written(kawa=Kawa(KawaRule.CONSENSUS, in_person=True))
    dispute(told)
    found = answer_together(told, {ANN: YES, EVE: YES}, True, who, method, days)
    assert code(found) is refused


def test_who_wrote_the_record_writes_no_answer_where_another_holds_the_pen() -> None:
    told = written(secretaries={PEN, DAN})
    dispute(told)
    said = {ANN: YES, EVE: YES}
    assert code(answer_together(told, said, True)) is Code.NOT_PERMITTED
    assert code(answer_together(told, said, True, DAN)) is None
    # Of the answer neither of the two is a judge now; somebody else of the body is.
    dispute(told, EVE, record(told))
    for who in (PEN, DAN, ANN, EVE):
        assert code(answer(told, who, stands=True)) is Code.NOT_PERMITTED
    assert code(answer(told, FAY, stands=True)) is None


def test_a_pen_that_works_where_the_request_comes_from_writes_down_no_answer() -> None:
    told = small_world(
        {"institutions": frozenset({UNIVERSITY})},
        river={"members": {ANN, EVE, FAY}, "secretaries": {PEN}, "institutions": {PEN: UNIVERSITY}},
    )  # fmt: skip
    write_up(told)
    dispute(told)
    assert code(answer_together(told, {ANN: YES, EVE: YES}, True)) is Code.CONFLICT


def test_whoever_disputes_it_and_has_left_need_not_be_heard() -> None:
    told = written()
    dispute(told)
    told.world[RIVER].members.discard(ANN)
    assert code(answer_together(told, {EVE: YES, FAY: YES}, True)) is None


def test_in_a_pause_a_body_answers_nothing_together() -> None:
    told = written()
    dispute(told)
    told.world[RIVER] = replace(told.world[RIVER], pause="mourning")
    assert code(answer_together(told, {ANN: YES, EVE: YES}, True)) is Code.PAUSED


@pytest.mark.parametrize("accepted", [False, True])
def test_that_a_body_answered_can_be_disputed_as_the_record_could(accepted: bool) -> None:
    """Whoever is named in the answer has a page of it, and what rested on the first record
    waits again; while nothing rests on it, neither does on the answer."""
    told = written()
    first = record(told)
    if accepted:
        accept(told)
    dispute(told)
    heard = {ANN: Voice.ABSTAIN, EVE: YES, FAY: YES}
    assert code(answer_together(told, heard, True)) is None
    second = record(told)
    assert second != first
    assert code(dispute(told, CAT, second)) is Code.NOT_FOUND
    assert code(dispute(told, FAY, second)) is None
    assert told.stream.state.disputed() == {RIVER}
    assert code(answer_together(told, heard, False)) is Code.OUTCOME_DIFFERS
    assert code(answer(told, ANN, stands=False)) is Code.NOT_PERMITTED
    ended = told.send(
        c.AnswerDispute(told.sitting(RIVER), next(iter(told.told.disputes)), False, TEXT), EVE
    )
    assert code(ended) is None
    assert ended["events"][0]["data"]["entry"] == first
    assert RIVER not in told.stream.state.decisions
    assert code(dispute(told, EVE, second)) is Code.NOT_FOUND


# Other records than decisions.


def test_that_it_is_not_theirs_can_be_disputed_and_the_body_asked_after_all() -> None:
    """A body left out by a hui that never was gives no yes at all."""
    told = written(NOT_OURS, ELDERS)
    assert told.stream.state.bodies() == {RIVER, HILL, ETHICS}
    dispute(told)
    assert told.stream.state.waited_for() == {ELDERS}
    assert code(accept(told)) is Code.NOT_YET
    answer(told, FAY, stands=False, body=ELDERS)
    assert told.stream.state.waited_for() == {ELDERS}
    assert told.stream.state.bodies() == {RIVER, ELDERS, HILL, ETHICS}
    told.decide_together(ELDERS, APPROVE)
    assert code(accept(told)) is None


def test_that_it_is_not_theirs_is_disputed_in_a_later_round_too() -> None:
    told = written(NOT_OURS, ELDERS)
    told = small_world(elders={"members": {ANN, EVE, FAY}, "secretaries": {PEN}})
    write_up(told, NOT_OURS, ELDERS)
    entry = record(told)
    told.decide_together(HILL, DECLINE)
    told.send(c.Rejustify(TEXT), APPLICANT)
    all_approve(told)
    assert code(dispute(told, ANN, entry)) is None
    assert code(accept(told)) is Code.NOT_YET


def test_of_a_part_that_nobody_asks_about_any_more_nothing_is_disputed() -> None:
    told = written(NOT_OURS, HILL)
    entry = record(told)
    told.send(c.Rejustify(TEXT), APPLICANT)
    all_approve(told)
    assert code(dispute(told, ANN, entry)) is Code.NOT_FOUND
    assert code(accept(told)) is None
    assert entry not in told.told.accepted.terms.rests_on


FIRST = Kawa(KawaRule.CONSENSUS, first=Stage(frozenset({ANN, EVE})))


def test_advice_can_be_disputed_and_takes_what_followed_with_it() -> None:
    told = small_world(river={
        "members": {ANN, EVE, FAY}, "secretaries": {PEN}, "kawa": FIRST,
    })  # fmt: skip
    write_up(told)
    advice = record(told)
    for name in (ELDERS, HILL, ETHICS):
        told.decide_together(name, APPROVE)
    told.decide_together(RIVER, APPROVE)
    dispute(told, ANN, advice)
    assert code(accept(told)) is Code.NOT_YET
    answer(told, FAY, stands=False)
    assert RIVER not in told.stream.state.decisions
    assert RIVER not in told.stream.state.advice
    assert code(told.send(c.Speak(told.sitting(RIVER), YES), FAY)) is Code.SUBCOMMITTEE_FIRST


def test_a_yes_in_principle_can_be_disputed() -> None:
    told = written(IN_PRINCIPLE)
    dispute(told)
    answer(told, FAY, stands=False)
    assert told.stream.state.in_principle == {}


def test_a_decline_that_does_not_stand_brings_nobodys_records_back() -> None:
    """What was taken out stays out: it can be asked for anew, as a new request."""
    told = written(DECLINE)
    dispute(told)
    answer(told, FAY, stands=False)
    assert PEOPLES[0] not in told.stream.state.slice.peoples
    assert code(told.send(c.Rejustify(TEXT), APPLICANT)) is None
    assert RIVER not in told.stream.state.bodies()


def test_a_record_on_which_nothing_rests_any_more_holds_nobody_up() -> None:
    told = written(DECLINE)
    dispute(told)
    told.send(c.Rejustify(TEXT), APPLICANT)
    # The river's rōpū is not asked any more; its silence is no hold on the others' request.
    all_approve(told)
    assert told.stream.state.waited_for() == {"applicant"}
    assert code(accept(told)) is None
    # The person still has an answer coming.
    assert code(answer(told, FAY, stands=True)) is None


def test_of_a_round_that_is_over_nothing_is_disputed() -> None:
    told = written(DECLINE)
    told.send(c.Rejustify(TEXT), APPLICANT)
    assert code(dispute(told)) is Code.NOT_FOUND


# Once there is a grant.


def granted(**more: object) -> World:
    told = written(**more)
    assert code(accept(told)) is None
    return told


def test_a_grant_carries_every_record_that_it_rests_on() -> None:
    told = written(NOT_OURS, ELDERS)
    accept(told)
    terms = told.told.accepted.terms
    assert record(told) in terms.rests_on
    assert record(told) not in terms.decisions.values()
    assert set(terms.decisions.values()) <= terms.rests_on


@pytest.mark.parametrize("stands", [True, False])
def test_under_a_grant_a_record_can_be_disputed(stands) -> None:
    told = granted()
    dispute(told)
    assert told.stream.state.waited_for() == {RIVER}
    answer(told, FAY, stands)
    assert told.stream.state.status is Status.ACCEPTED
    assert told.stream.state.waited_for() == set()
    events = [each for sequence, _, each in told.stream.events if sequence == told.stream.sequence]
    caused = consequences(None, events, "grant-1")
    assert caused == ([] if stands else [("grant-1", grant.Void(RIVER, record(told)))])
    # Before there is a grant nothing is caused: the body decides afresh.
    assert consequences(None, events, None) == []


def test_once_the_grant_has_closed_nothing_is_disputed() -> None:
    told = granted()
    told.send(c.Close(), SYSTEM)
    assert code(dispute(told)) is Code.ENDED


def test_a_body_is_reminded_of_a_dispute_and_nothing_else_comes_of_it() -> None:
    told = granted()
    dispute(told)
    told.send(c.Remind({RIVER: c.Waited(400, (10,))}), SYSTEM)
    assert [type(each) for _, _, each in told.stream.events][-1] is e.Reminded
    assert told.stream.state.disputed() == {RIVER}
