"""How a body decides: consensus, majority or named assent, each with its quorum.

`bones.md`, "Kawa": standing aside leaves numerator and denominator; quorum is a
minimum present; majority is over half of the votes cast; consensus is nobody
present objecting; named assent is every person named, or their named delegate;
below quorum waits. Nobody's silence is ever a voice.
"""

from __future__ import annotations

from collections.abc import Mapping

from policies.refusals import Code, Refused
from policies.types import Kawa, KawaRule, Outcome, Sitting, Voice


def eligible(
    sitting: Sitting, stood_aside: frozenset[str], applicants: frozenset[str]
) -> frozenset[str]:
    """Who may speak: today's members, less those who stood aside or applied."""
    return sitting.members - stood_aside - applicants


def decided(
    kawa: Kawa, outcome: Outcome, voices: Mapping[str, Voice], may_speak: frozenset[str]
) -> Refused | None:
    """Has the body come to `outcome`? None means yes; a refusal says why not yet.

    `voices` holds what each person said; only those in `may_speak` count.
    """
    present = {person: voice for person, voice in voices.items() if person in may_speak}
    if not present or len(present) < kawa.quorum:
        return Refused(Code.NOT_YET, {"present": str(len(present)), "quorum": str(kawa.quorum)})
    said = list(present.values())
    if kawa.rule is KawaRule.CONSENSUS:
        return _consensus(outcome, said)
    if kawa.rule is KawaRule.MAJORITY:
        return _majority(outcome, said)
    return _named_assent(kawa, outcome, present, may_speak)


def _consensus(outcome: Outcome, said: list[Voice]) -> Refused | None:
    wanted, against = _sides(outcome)
    if against in said:
        return Refused(Code.OUTCOME_DIFFERS, {"objections": str(said.count(against))})
    return None if wanted in said else Refused(Code.NOT_YET)


def _majority(outcome: Outcome, said: list[Voice]) -> Refused | None:
    wanted, against = _sides(outcome)
    votes = said.count(wanted) + said.count(against)
    if said.count(wanted) * 2 > votes:
        return None
    return Refused(Code.OUTCOME_DIFFERS, {"for": str(said.count(wanted)), "votes": str(votes)})


def _named_assent(
    kawa: Kawa, outcome: Outcome, present: Mapping[str, Voice], may_speak: frozenset[str]
) -> Refused | None:
    named = [each for each in kawa.named if each.person in may_speak]
    if not named:
        return Refused(Code.NOT_YET)
    # A person's own voice goes before their delegate's.
    heard = [
        present.get(each.person) or (present.get(each.delegate) if each.delegate else None)
        for each in named
    ]
    if outcome is Outcome.DECLINE:
        return None if Voice.DECLINE in heard else Refused(Code.OUTCOME_DIFFERS)
    if all(voice is Voice.APPROVE for voice in heard):
        return None
    waiting = sum(voice is not Voice.APPROVE for voice in heard)
    return Refused(Code.NOT_YET, {"waiting_for": str(waiting)})


def _sides(outcome: Outcome) -> tuple[Voice, Voice]:
    if outcome is Outcome.APPROVE:
        return Voice.APPROVE, Voice.DECLINE
    return Voice.DECLINE, Voice.APPROVE
