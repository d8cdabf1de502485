"""Kawa a second time, written from `bones.md` alone and by other means.

The tests compare it with `policies.kawa`: two tellings of the same rule that are
wrong in the same way are less likely than one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from policies.types import Kawa, KawaRule, Outcome, Voice


def outcomes(
    kawa: Kawa,
    voices: Mapping[str, Voice],
    members: Iterable[str],
    not_counted: Iterable[str] = (),
) -> set[Outcome]:
    """Every outcome that this body's voices allow; nothing while it must wait.

    `members` are those of today; `not_counted` stood aside or applied.
    """
    counted = set(members)
    for person in not_counted:
        counted.discard(person)
    heard = {person: voices[person] for person in counted if person in voices}
    if not heard or kawa.quorum > len(heard):
        return set()
    tally = Counter(heard.values())
    yes, no = tally[Voice.APPROVE], tally[Voice.DECLINE]
    if kawa.rule is KawaRule.MAJORITY:
        # Over half of the votes cast: an abstention is no vote.
        return _side(yes > no, no > yes)
    if kawa.rule is KawaRule.CONSENSUS:
        # Nobody present objecting, and somebody wanting it.
        return (
            {Outcome.APPROVE} if yes and not no else {Outcome.DECLINE} if no and not yes else set()
        )
    return _named(kawa, heard, counted)


def _side(approve: bool, decline: bool) -> set[Outcome]:
    return {Outcome.APPROVE} if approve else {Outcome.DECLINE} if decline else set()


def _named(kawa: Kawa, heard: Mapping[str, Voice], counted: set[str]) -> set[Outcome]:
    """Every person named, or their named delegate; one of them declining declines."""
    said = []
    for each in kawa.named:
        if each.person not in counted:
            continue
        if each.person in heard:
            said.append(heard[each.person])
        elif each.delegate in heard:
            said.append(heard[each.delegate])
        else:
            said.append(None)
    if Voice.DECLINE in said:
        return {Outcome.DECLINE}
    return {Outcome.APPROVE} if said and set(said) == {Voice.APPROVE} else set()
