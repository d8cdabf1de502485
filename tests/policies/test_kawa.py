"""How a body decides, sentence by sentence of `bones.md`, and as properties."""

from dataclasses import replace

import pytest
from builders import PERSONS, delegations, kawas, persons, sitting, voices
from hypothesis import assume, example, given
from hypothesis import strategies as st
from second_kawa import AYES, NOES, advice, outcomes

from policies import kawa
from policies.refusals import Code
from policies.types import Kawa, KawaRule, Named, Outcome, Stage, Voice

YES, NO, ABSTAIN = Voice.APPROVE, Voice.DECLINE, Voice.ABSTAIN
ANN, BEN, CAT, DAN, EVE = PERSONS[:5]
EVERYONE = frozenset({ANN, BEN, CAT, DAN, EVE})
CONSENSUS = KawaRule.CONSENSUS
MAJORITY = KawaRule.MAJORITY
NAMED = KawaRule.NAMED_ASSENT


def said(*each: Voice) -> dict[str, Voice]:
    """What the first of the five said, in their order."""
    return dict(zip(sorted(EVERYONE), each, strict=False))


def comes_to(
    decides: Kawa,
    voices: dict[str, Voice],
    may_speak: frozenset[str] = EVERYONE,
    outside: frozenset[str] = frozenset(),
    delegates: dict[str, str] | None = None,
):
    """The outcomes that the real kawa allows."""
    hearing = kawa.Hearing(voices, may_speak - outside, outside, delegates or {})
    return {each for each in Outcome if kawa.decided(decides, each, hearing) is None}


APPROVED, DECLINED, WAITS = AYES, NOES, set()

TABLE = [
    ("Majority is over half of the votes cast.", Kawa(MAJORITY), said(YES, YES, NO), APPROVED),
    ("Half of the votes is no majority, for either side.", Kawa(MAJORITY), said(YES, NO), WAITS),
    ("A majority may decline.", Kawa(MAJORITY), said(NO, NO, YES), DECLINED),
    ("An abstention is no vote.", Kawa(MAJORITY), said(YES, ABSTAIN, ABSTAIN), APPROVED),
    ("Abstentions alone decide nothing.", Kawa(MAJORITY), said(ABSTAIN, ABSTAIN), WAITS),
    ("Silence is no vote: one yes of five members is a majority.", Kawa(MAJORITY), said(YES),
     APPROVED),
    ("Consensus is nobody present objecting.", Kawa(CONSENSUS), said(YES, YES, ABSTAIN), APPROVED),
    ("One objection is no consensus.", Kawa(CONSENSUS), said(YES, YES, NO), WAITS),
    ("Where all who speak decline, that is their consensus.", Kawa(CONSENSUS), said(NO, ABSTAIN),
     DECLINED),
    ("Nobody wanting it is no consensus.", Kawa(CONSENSUS), said(ABSTAIN, ABSTAIN), WAITS),
    ("A body of one is a body.", Kawa(CONSENSUS), said(YES), APPROVED),
    ("Nobody having spoken decides nothing.", Kawa(CONSENSUS), {}, WAITS),
    ("Nobody having spoken decides nothing by majority.", Kawa(MAJORITY), {}, WAITS),
    ("Below quorum waits.", Kawa(CONSENSUS, 3), said(YES, YES), WAITS),
    ("Below quorum waits for a decline too.", Kawa(MAJORITY, 2), said(NO), WAITS),
    ("Quorum is a minimum present: at it is enough.", Kawa(CONSENSUS, 3), said(YES, YES, YES),
     APPROVED),
    ("Who is present and abstains counts towards the quorum.", Kawa(MAJORITY, 3),
     said(YES, ABSTAIN, ABSTAIN), APPROVED),
    ("Named assent is every person named.", Kawa(NAMED, 1, (Named(ANN), Named(BEN))),
     {ANN: YES, BEN: YES}, APPROVED),
    ("Without one of those named it waits.", Kawa(NAMED, 1, (Named(ANN), Named(BEN))),
     {ANN: YES, CAT: YES, DAN: YES}, WAITS),
    ("Their named delegate may speak for them.", Kawa(NAMED, 1, (Named(ANN, DAN), Named(BEN))),
     {DAN: YES, BEN: YES}, APPROVED),
    ("Nobody else's delegate may.", Kawa(NAMED, 1, (Named(ANN, DAN), Named(BEN))),
     {ANN: YES, DAN: YES}, WAITS),
    ("A person's own voice goes before their delegate's.", Kawa(NAMED, 1, (Named(ANN, DAN),)),
     {ANN: ABSTAIN, DAN: YES}, WAITS),
    ("Somebody named who abstains has not assented.", Kawa(NAMED, 1, (Named(ANN),)),
     {ANN: ABSTAIN}, WAITS),
    ("One of those named declining declines.", Kawa(NAMED, 1, (Named(ANN), Named(BEN))),
     {BEN: NO}, DECLINED),
    ("Others' objections do not stand against those named.", Kawa(NAMED, 1, (Named(ANN),)),
     {ANN: YES, BEN: NO, CAT: NO}, APPROVED),
    ("Named assent has its quorum too.", Kawa(NAMED, 2, (Named(ANN),)), {ANN: YES}, WAITS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("decides", "voices", "expected"), [each[1:] for each in TABLE], ids=[each[0] for each in TABLE]
)
def test_each_sentence_of_kawa(decides, voices, expected) -> None:
    assert comes_to(decides, voices) == expected
    assert outcomes(decides, voices, EVERYONE) == expected


@pytest.mark.parametrize("decides", [Kawa(CONSENSUS), Kawa(MAJORITY), Kawa(MAJORITY, 2)])
def test_standing_aside_leaves_numerator_and_denominator(decides: Kawa) -> None:
    """With the one who objected aside, the others decide as if that person were not there."""
    body = sitting("body-river", ANN, BEN, CAT, kawa=decides)
    heard = {ANN: YES, BEN: YES, CAT: NO}
    may_speak = kawa.eligible(body, frozenset({CAT}), frozenset())
    assert may_speak == {ANN, BEN}
    assert comes_to(decides, heard, may_speak) == APPROVED


def test_standing_aside_can_leave_a_body_below_its_quorum() -> None:
    may_speak = frozenset({ANN, BEN})
    assert comes_to(Kawa(MAJORITY, 3), {ANN: YES, BEN: YES, CAT: YES}, may_speak) == WAITS


def test_somebody_named_who_stands_aside_is_not_waited_for() -> None:
    decides = Kawa(NAMED, 1, (Named(ANN, DAN), Named(BEN)))
    aside = frozenset({ANN})
    assert comes_to(decides, {BEN: YES}, outside=aside) == APPROVED
    # Nor does the delegate speak for somebody who takes no part.
    assert comes_to(decides, {BEN: YES, DAN: NO}, outside=aside) == APPROVED


def test_when_all_who_are_named_stand_aside_nobody_can_assent() -> None:
    decides = Kawa(NAMED, 1, (Named(ANN, DAN),))
    assert comes_to(decides, {DAN: YES, BEN: YES}, outside=frozenset({ANN})) == WAITS


def test_somebody_named_who_has_left_is_waited_for() -> None:
    """Until the body names another in its kawa: nothing is let go in silence."""
    decides = Kawa(NAMED, 1, (Named(ANN), Named(BEN)))
    assert comes_to(decides, {BEN: YES}, EVERYONE - {ANN}) == WAITS
    assert comes_to(decides, {BEN: YES, ANN: YES}, EVERYONE - {ANN}) == WAITS


MUST = Kawa(CONSENSUS, 1, present=frozenset({ANN}))
WHANAU = Kawa(KawaRule.WHANAU, 1, (Named(ANN), Named(BEN)), delegate=CAT)


@pytest.mark.parametrize(
    ("decides", "voices", "expected"),
    [
        (MUST, {BEN: YES, CAT: YES}, WAITS),
        (MUST, {ANN: ABSTAIN, BEN: YES}, APPROVED),
        (MUST, {ANN: NO, BEN: YES}, WAITS),
        (WHANAU, {ANN: YES, BEN: YES}, APPROVED),
        (WHANAU, {ANN: YES}, WAITS),
        (WHANAU, {CAT: YES}, APPROVED),
        (WHANAU, {CAT: NO}, DECLINED),
        (WHANAU, {CAT: YES, ANN: NO}, DECLINED),
        (WHANAU, {CAT: NO, ANN: YES}, WAITS),
        (WHANAU, {CAT: YES, DAN: NO}, APPROVED),
    ],
    ids=[
        "without whoever must be there it waits",
        "they may be there and say nothing",
        "there, they may object like anybody",
        "a whānau is everybody listed",
        "one of two listed is not enough",
        "or the whānau's delegate",
        "who may decline for it",
        "but not against one of those listed",
        "nor decline against one of them",
        "others of the body are not the whānau",
    ],
)
def test_who_must_be_there_and_whanau(decides, voices, expected) -> None:
    assert comes_to(decides, voices) == expected
    assert outcomes(decides, voices, EVERYONE) == expected


def test_a_voice_can_be_lent_and_ones_own_goes_first() -> None:
    lent = {ANN: EVE}
    few = frozenset({ANN, BEN})
    decides = Kawa(CONSENSUS, 2)
    # Whoever speaks for a member need not be one; standing aside they speak for nobody.
    assert comes_to(decides, {EVE: YES, BEN: YES}, few, delegates=lent) == APPROVED
    assert comes_to(decides, {EVE: NO, ANN: YES, BEN: YES}, few, delegates=lent) == APPROVED
    aside = frozenset({EVE})
    assert comes_to(decides, {EVE: YES, BEN: YES}, few, aside, lent) == WAITS


def test_an_objection_that_was_lent_counts_against_the_whanaus_delegate() -> None:
    lent = {ANN: EVE}
    assert comes_to(WHANAU, {CAT: YES, EVE: NO}, delegates=lent) == DECLINED
    assert comes_to(WHANAU, {CAT: NO, EVE: YES}, delegates=lent) == WAITS
    assert comes_to(WHANAU, {CAT: YES, EVE: YES}, delegates=lent) == APPROVED
    # Where they speak themselves, that goes first.
    assert comes_to(WHANAU, {CAT: YES, EVE: NO, ANN: YES}, delegates=lent) == APPROVED


def test_those_who_may_speak_are_todays_members_less_the_aside_and_the_applicants() -> None:
    body = sitting("body-river", ANN, BEN, CAT, DAN, secretaries=(EVE,))
    assert kawa.eligible(body, frozenset({BEN, EVE}), frozenset({CAT})) == {ANN, DAN}


def test_a_refusal_says_whether_to_wait_or_that_the_voices_differ() -> None:
    waits = kawa.decided(Kawa(MAJORITY, 2), Outcome.APPROVE, kawa.Hearing(said(YES), EVERYONE))
    differs = kawa.decided(Kawa(CONSENSUS), Outcome.APPROVE, kawa.Hearing(said(YES, NO), EVERYONE))
    assert waits is not None
    assert waits.code is Code.NOT_YET
    assert waits.facts == {"present": "1", "quorum": "2"}
    assert differs is not None
    assert differs.code is Code.OUTCOME_DIFFERS


heard = st.dictionaries(persons, voices, max_size=6)
crowds = st.frozensets(persons, min_size=1)


@given(kawas(), heard, crowds, st.frozensets(persons, max_size=3), delegations())
@example(Kawa(NAMED, 1, (Named(ANN, ANN),)), {ANN: ABSTAIN}, EVERYONE, frozenset(), {})
def test_two_tellings_of_the_same_kawa_agree(
    decides, voices, members, not_counted, delegates
) -> None:
    body = sitting("body-river", *members, kawa=decides)
    may_speak = kawa.eligible(body, not_counted, frozenset())
    told = outcomes(decides, voices, members, not_counted, delegates)
    assert comes_to(decides, voices, may_speak, not_counted, delegates) == told


@given(heard, crowds, st.frozensets(persons, max_size=3), crowds, st.integers(1, 3))
def test_two_tellings_of_a_subcommittee_agree(voices, members, not_counted, few, quorum) -> None:
    stage = Stage(few, CONSENSUS, quorum)
    hearing = kawa.Hearing(voices, members - not_counted, not_counted)
    found = {each for each in Outcome if kawa.advised(stage, each, hearing) is None}
    assert found == advice(stage, voices, members, not_counted)


@given(kawas(), heard, crowds)
def test_a_body_never_comes_to_both(decides, voices, may_speak) -> None:
    assert comes_to(decides, voices, may_speak) in (WAITS, APPROVED, DECLINED)


@given(kawas(), heard, crowds, st.dictionaries(persons, voices))
def test_people_who_may_not_speak_never_change_anything(decides, voices, may_speak, more) -> None:
    strangers = {person: voice for person, voice in more.items() if person not in may_speak}
    alone = {person: voice for person, voice in voices.items() if person in may_speak}
    assert comes_to(decides, {**alone, **strangers}, may_speak) == comes_to(
        decides, alone, may_speak
    )


@given(kawas(), heard, crowds, persons)
def test_one_more_abstention_never_turns_an_outcome_into_the_other(
    decides, voices, may_speak, person
) -> None:
    assume(person not in voices)
    before = comes_to(decides, voices, may_speak)
    after = comes_to(decides, {**voices, person: ABSTAIN}, may_speak)
    assert not (before and after) or before == after


@given(kawas(), heard, crowds, persons)
def test_turning_a_no_into_a_yes_never_loses_an_approval(
    decides, voices, may_speak, person
) -> None:
    assume(person in voices)
    before = comes_to(decides, {**voices, person: NO}, may_speak)
    after = comes_to(decides, {**voices, person: YES}, may_speak)
    assert Outcome.APPROVE not in before or Outcome.APPROVE in after


@given(kawas(), heard, crowds)
def test_without_anybody_approving_there_is_no_approval(decides, voices, may_speak) -> None:
    if Outcome.APPROVE in comes_to(decides, voices, may_speak):
        assert any(voice is YES for person, voice in voices.items() if person in may_speak)


@given(kawas(), heard, crowds, st.integers(1, 4))
def test_a_higher_quorum_only_ever_makes_a_body_wait(decides, voices, may_speak, more) -> None:
    higher = replace(decides, quorum=decides.quorum + more)
    assert comes_to(higher, voices, may_speak) <= comes_to(decides, voices, may_speak)


@given(kawas(), heard, crowds, st.randoms())
def test_the_order_in_which_people_spoke_does_not_matter(decides, voices, may_speak, rng) -> None:
    shuffled = list(voices.items())
    rng.shuffle(shuffled)
    assert comes_to(decides, dict(shuffled), may_speak) == comes_to(decides, voices, may_speak)
