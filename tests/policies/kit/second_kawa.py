"""Kawa a second time, written from `bones.md` and the issue alone and by other means.

The tests compare it with `policies.kawa`: two tellings of the same rule that are
wrong in the same way are less likely than one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from policies.types import Kawa, KawaRule, Outcome, Stage, Voice

YES, NO = Voice.APPROVE, Voice.DECLINE
AYES = {Outcome.APPROVE, Outcome.IN_PRINCIPLE}
NOES = {Outcome.DECLINE, Outcome.NOT_OURS}


def outcomes(
    kawa: Kawa,
    voices: Mapping[str, Voice],
    members: Iterable[str],
    not_counted: Iterable[str] = (),
    delegates: Mapping[str, str] | None = None,
) -> set[Outcome]:
    """Every outcome that this body's voices allow; nothing while it must wait.

    `members` are those of today; `not_counted` stood aside, applied, or have a conflict.
    """
    gone = set(not_counted)
    counted = set(members) - gone
    heard = {person: voices[person] for person in counted if person in voices}
    for person, other in (delegates or {}).items():
        if person in counted and person not in heard and other in voices and other not in gone:
            heard[person] = voices[other]
    if not heard or kawa.quorum > len(heard):
        return set()
    if any(person not in heard for person in kawa.present if person not in gone):
        return set()
    tally = Counter(heard.values())
    yes, no = tally[YES], tally[NO]
    if kawa.rule is KawaRule.MAJORITY:
        # Over half of the votes cast: an abstention is no vote.
        return _side(yes > no, no > yes)
    if kawa.rule is KawaRule.CONSENSUS:
        # Nobody present objecting, and somebody wanting it.
        return _side(yes > 0 and no == 0, no > 0 and yes == 0)
    if kawa.rule is KawaRule.WHANAU and kawa.delegate in heard:
        for_all = heard[kawa.delegate]
        listed = {each.person for each in kawa.named} & counted - {kawa.delegate}
        against = {heard[each] for each in listed if each in heard} - {Voice.ABSTAIN, for_all}
        if not against:
            return _side(for_all is YES, for_all is NO)
    return _named(kawa, heard, voices, counted, gone)


def advice(
    stage: Stage,
    voices: Mapping[str, Voice],
    members: Iterable[str],
    not_counted: Iterable[str] = (),
    delegates: Mapping[str, str] | None = None,
) -> set[Outcome]:
    """What a subcommittee's voices come to: it is a body of its own people."""
    own = set(members) & set(stage.members)
    spoken_for = {who: to for who, to in (delegates or {}).items() if who in stage.members}
    return outcomes(Kawa(stage.rule, stage.quorum), voices, own, not_counted, spoken_for)


def _side(approve: bool, decline: bool) -> set[Outcome]:
    return set(AYES) if approve else set(NOES) if decline else set()


def _named(
    kawa: Kawa,
    heard: Mapping[str, Voice],
    voices: Mapping[str, Voice],
    counted: set[str],
    gone: set[str],
) -> set[Outcome]:
    """Every person named, or their named delegate; one of them declining declines."""
    said = []
    for each in kawa.named:
        if each.person in gone:
            continue
        if each.person in counted and each.person in voices:
            said.append(voices[each.person])
        elif each.delegate in counted and each.delegate in voices:
            said.append(voices[each.delegate])
        else:
            # Their delegate by the body's record; somebody who has left has none, and is
            # waited for.
            said.append(heard.get(each.person))
    if NO in said:
        return set(NOES)
    return set(AYES) if said and set(said) == {YES} else set()
