"""How a body decides: consensus, majority, named assent or whānau, with whoever must be there.

`bones.md`, "Kawa": standing aside leaves numerator and denominator; quorum is a
minimum present; majority is over half of the votes cast; consensus is nobody
present objecting; named assent is every person named, or their named delegate;
below quorum waits. Nobody's silence is ever a voice, and somebody who is named and has left
the body is waited for until the body names another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.refusals import Code, Refused
from policies.types import Kawa, KawaRule, Outcome, Sitting, Stage, Voice


@dataclass(frozen=True)
class Hearing:
    """Who may speak in one decision, who stands outside it, and what has been said.

    `outside` are those who stood aside, applied, or have a conflict: nobody waits for them.
    `delegates` maps a person to whoever speaks for them while they do not speak themselves.
    """

    voices: Mapping[str, Voice]
    may_speak: frozenset[str]
    outside: frozenset[str] = frozenset()
    delegates: Mapping[str, str] = field(default_factory=dict)

    def heard(self) -> Mapping[str, Voice]:
        """Each person's voice: their own, or that of their delegate."""
        said = {each: self.voice(each) for each in self.may_speak}
        return {person: voice for person, voice in said.items() if voice is not None}

    def voice(self, person: str, delegate: str | None = None) -> Voice | None:
        """What `person` said, or whoever speaks for them; `delegate` is the kawa's own."""
        if person in self.voices and person in self.may_speak:
            return self.voices[person]
        # The kawa's delegate is one of the body's people; a delegation in the body's record
        # may be to somebody of the whānau who is not.
        for other in (delegate if delegate in self.may_speak else None, self.delegates.get(person)):
            if other is not None and other in self.voices and other not in self.outside:
                return self.voices[other]
        return None


def eligible(
    sitting: Sitting, stood_aside: frozenset[str], applicants: frozenset[str]
) -> frozenset[str]:
    """Who may speak: today's members, less those who stood aside or applied."""
    return sitting.members - stood_aside - applicants


def decided(kawa: Kawa, outcome: Outcome, hearing: Hearing) -> Refused | None:
    """Has the body come to `outcome`? None means yes; a refusal says why not yet."""
    heard = hearing.heard()
    if not heard or len(heard) < kawa.quorum:
        return Refused(Code.NOT_YET, {"present": str(len(heard)), "quorum": str(kawa.quorum)})
    missing = kawa.present - hearing.outside - frozenset(heard)
    if missing:
        return Refused(Code.NOT_YET, {"must_be_present": str(len(missing))})
    if kawa.rule is KawaRule.CONSENSUS:
        return _consensus(outcome, list(heard.values()))
    if kawa.rule is KawaRule.MAJORITY:
        return _majority(outcome, list(heard.values()))
    if kawa.rule is KawaRule.WHANAU and kawa.delegate:
        spoken = heard.get(kawa.delegate)
        if spoken is not None and not _listed_otherwise(kawa, spoken, heard):
            return None if spoken is outcome.wants else Refused(Code.OUTCOME_DIFFERS)
    return _named_assent(kawa, outcome, hearing)


def advised(stage: Stage, outcome: Outcome, hearing: Hearing) -> Refused | None:
    """The same for a subcommittee: has it come to advise `outcome`?"""
    kawa = Kawa(stage.rule, stage.quorum)
    among = Hearing(
        hearing.voices,
        hearing.may_speak & stage.members,
        hearing.outside,
        {who: by for who, by in hearing.delegates.items() if who in stage.members},
    )
    return decided(kawa, outcome, among)


def _consensus(outcome: Outcome, said: list[Voice]) -> Refused | None:
    wanted, against = outcome.wants, _other(outcome.wants)
    if against in said:
        return Refused(Code.OUTCOME_DIFFERS, {"objections": str(said.count(against))})
    return None if wanted in said else Refused(Code.NOT_YET)


def _majority(outcome: Outcome, said: list[Voice]) -> Refused | None:
    wanted, against = outcome.wants, _other(outcome.wants)
    votes = said.count(wanted) + said.count(against)
    if said.count(wanted) * 2 > votes:
        return None
    return Refused(Code.OUTCOME_DIFFERS, {"for": str(said.count(wanted)), "votes": str(votes)})


def _named_assent(kawa: Kawa, outcome: Outcome, hearing: Hearing) -> Refused | None:
    named = [each for each in kawa.named if each.person not in hearing.outside]
    if not named:
        return Refused(Code.NOT_YET)
    # A person's own voice goes before their delegate's.
    heard = [hearing.voice(each.person, each.delegate) for each in named]
    if outcome.wants is Voice.DECLINE:
        return None if Voice.DECLINE in heard else Refused(Code.OUTCOME_DIFFERS)
    if all(voice is Voice.APPROVE for voice in heard):
        return None
    waiting = sum(voice is not Voice.APPROVE for voice in heard)
    return Refused(Code.NOT_YET, {"waiting_for": str(waiting)})


def _listed_otherwise(kawa: Kawa, spoken: Voice, heard: Mapping[str, Voice]) -> bool:
    """Has somebody listed, or whoever speaks for them at present, said otherwise than the
    whānau's delegate? Then all are asked."""
    listed = {each.person for each in kawa.named} - {kawa.delegate}
    said = {heard[each] for each in listed & heard.keys()}
    return bool(said - {spoken, Voice.ABSTAIN})


def _other(voice: Voice) -> Voice:
    return Voice.DECLINE if voice is Voice.APPROVE else Voice.APPROVE
