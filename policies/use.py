"""May this person use this item, for this, now? One function for preview and enforcement.

`rules_refuse` is what the rules and open restrictions say; the form's preview asks
it before anything is granted, and `answer` asks it at the moment of use. The rest
of `answer` holds what no pack can switch off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policies.enforcer import (
    NOTHING,
    Answer,
    Enforcer,
    Question,
    part_of_people,
    part_of_place,
)
from policies.grant.state import GrantState, Status
from policies.refusals import Code
from policies.request.commands import PinnedItem
from policies.routing import Item
from policies.rules import Rule
from policies.slices import Slice, resolve
from policies.types import STORIES

READ = "use.read"
SLICE_OBLIGATION = "slice/1"
"""The obligation that every yes carries: show only records in the slice."""

STORY_OBLIGATION = "story/1"
"""What a yes about a story carries beside it: show the teller's wishes and the context with it,
let it be read in place, and neither download, excerpt nor count it."""

APART_OBLIGATION = "apart/1"
"""What a yes to linking carries: what is joined is not stored joined beyond the named use."""

VALID_FOR = timedelta(seconds=5)
"""How long a yes holds at most; a gateway asks again long before."""


@dataclass(frozen=True)
class UseQuestion:
    """What a gateway asks. `slice` is None for the whole of the grant's; `named` is which
    other data, model, country or business it is, for every use beyond reading."""

    subject: str
    act: str
    item: str
    purpose: str
    slice: Slice | None
    obligations: frozenset[str]
    named: str | None = None


@dataclass(frozen=True)
class Unsettled:
    """What the bodies have not settled among themselves: peoples and places that several
    claim, and entries that hold a record which somebody named in it disputes."""

    contested: frozenset[str] = frozenset()
    disputed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class UseAnswer:
    """The answer; a yes carries the slice to apply and until when it holds."""

    decision: bool
    code: Code | None = None
    rule: Rule | None = None
    grant: str | None = None
    slice: Slice | None = None
    valid_until: datetime | None = None
    also: tuple[str, ...] = ()
    """Obligations beside the slice."""
    matched: tuple[Rule, ...] = ()
    """Every line that spoke, as far as whoever asks may know of it."""


@dataclass(frozen=True)
class Asked:
    """One use of one item that the rules are asked about. `purposes` are the names that a rule
    may call the purpose by: its own short name, and the area that it is in. `peoples` and
    `places` are those that the item's bodies decided about, as far as they are asked for."""

    item: Item
    act: str
    purposes: tuple[str, ...]
    slice: Slice
    peoples: frozenset[str]
    places: frozenset[str]


def asked_of(
    item: Item, act: str, purposes: tuple[str, ...], asked: Slice, facts: PinnedItem
) -> Asked:
    """What the rules are asked: ``any`` people or place of an item is each that its class names."""
    return Asked(
        item, act, purposes, asked,
        resolve(asked.peoples, facts.peoples) & facts.peoples,
        resolve(asked.places, facts.places) & facts.places,
    )  # fmt: skip


def questions(asked: Asked, at: datetime) -> Iterator[Question]:
    """Each question that must be answered yes: for each class, name of the purpose, and part.

    A part is one people's or one place's: each body's lines let through what is its own, and
    a yes from one is none from another (R7).
    """
    parts = [
        (part_of_people(each), replace(asked.slice, peoples=frozenset({each})))
        for each in sorted(asked.peoples)
    ] + [
        (part_of_place(each), replace(asked.slice, places=frozenset({each})))
        for each in sorted(asked.places)
    ]
    for klass in sorted(asked.item.said.classes if asked.item.said else ()):
        for purpose in asked.purposes:
            for whose, part in parts or [(NOTHING, asked.slice)]:
                yield Question(
                    "role:grantee", asked.act, at, whose, asked.item.collection, asked.item.id,
                    klass, purpose, asked.slice.level, part,
                )  # fmt: skip


@dataclass(frozen=True)
class RulesSay:
    """What rules and restrictions say to all of the `questions`: the no, if there is one, and
    every line that spoke, as far as whoever asks may know of it."""

    refused: Answer | None
    matched: tuple[Rule, ...]


def rules_say(
    enforcer: Enforcer, asked: Asked, at: datetime, own: Collection[str] = ()
) -> RulesSay:
    """The first no to any of the questions, or none; and the lines.

    A no that may be told goes before one that may not: whoever can read the one learns nothing
    from it of the other. Where the no is one that tells nothing, no line is told either. `own`
    are the bodies whose people are told what these bodies hide from others.
    """
    answers = [_opened(enforcer.may(each), own) for each in questions(asked, at)]
    noes = [each for each in answers if not each.allowed]
    refused = _veiled(next((each for each in noes if _told(each)), noes[0])) if noes else None
    if refused is not None and not _told(refused):
        return RulesSay(refused, ())
    lines = {
        each.id: each
        for answer in answers
        for each in answer.matched
        if not each.hidden or each.adopter in own
    }
    return RulesSay(refused, tuple(lines.values()))


def _opened(answer: Answer, own: Collection[str]) -> Answer:
    """A body's own people may know which of its restrictions refuses."""
    if answer.rule is None or not answer.rule.hidden or answer.rule.adopter not in own:
        return answer
    return replace(answer, code=Code.RESTRICTED)


def rules_refuse(enforcer: Enforcer, asked: Asked, at: datetime) -> Answer | None:
    """The no that rules and restrictions give, or None."""
    return rules_say(enforcer, asked, at).refused


def _told(answer: Answer) -> bool:
    return answer.rule is not None and answer.code is not Code.NOT_PERMITTED_NOW


def purposes_of(purpose: str, area: str) -> tuple[str, ...]:
    """The names by which rules may speak of this purpose."""
    return (purpose, area) if area else (purpose,)


def also_needed(item: Item, act: str) -> tuple[str, ...]:
    """The obligations beside the slice that a yes about this item and act carries."""
    classes = item.said.classes if item.said else frozenset()
    story = (STORY_OBLIGATION,) if classes & STORIES else ()
    return (*story, APART_OBLIGATION) if act == "use.link" else story


def _veiled(answer: Answer) -> Answer:
    """A no for want of any rule reads as a no by a restriction that its body hides: the
    same code, the same words, nothing beside them. Otherwise the silence would tell."""
    if _told(answer):
        return answer
    return Answer(False, Code.NOT_PERMITTED_NOW, answer.rule)


def answer(
    enforcer: Enforcer,
    question: UseQuestion,
    item: Item | None,
    grants: dict[str, GrantState],
    now: datetime,
    unsettled: Unsettled = Unsettled(),
) -> UseAnswer:
    """The decision. `item` is None when the gateway does not serve it; `grants` are the
    subject's that name the item. Default no: every way out but the last refuses."""
    if item is None:
        return UseAnswer(False, Code.NOT_FOUND)
    if item.said is None or not item.said.classes:
        return UseAnswer(False, Code.UNCONFIRMED)
    held = _in_force(question, grants, now)
    if isinstance(held, Code):
        return UseAnswer(False, held)
    if item.contested:
        return UseAnswer(False, Code.CONTESTED)
    answers = [_by(enforcer, question, item, name, grants[name], now, unsettled) for name in held]
    # Of several grants one yes is enough; of several noes the first is as good as any.
    return next((each for each in answers if each.decision), answers[0])


def _by(
    enforcer: Enforcer,
    question: UseQuestion,
    item: Item,
    name: str,
    grant: GrantState,
    now: datetime,
    unsettled: Unsettled,
) -> UseAnswer:
    """The answer by one grant that is in force for this person, item, purpose and use."""
    assert grant.terms is not None
    also = also_needed(item, question.act)
    if not {SLICE_OBLIGATION, *also} <= question.obligations:
        return UseAnswer(False, Code.OBLIGATION, grant=name, also=also)
    asked = question.slice or grant.terms.slice
    if asked.empty or not asked.within(grant.terms.slice):
        return UseAnswer(False, Code.OTHER_SLICE, grant=name)
    # Of each item, only the peoples and places that its bodies decided about: another's
    # records in the same item had no body of their own on the route.
    facts = grant.terms.items[item.id]
    asked = facts.part_of(asked)
    if asked.empty:
        return UseAnswer(False, Code.OTHER_SLICE, grant=name)
    if suspended := _suspended(grant, facts, asked, now, unsettled):
        return UseAnswer(False, suspended, grant=name)
    purposes = purposes_of(question.purpose, grant.terms.area)
    said = rules_say(enforcer, asked_of(item, question.act, purposes, asked, facts), now)
    if said.refused is not None:
        return UseAnswer(False, said.refused.code, said.refused.rule, name, matched=said.matched)
    until = min([now + VALID_FOR, grant.terms.ends_at, *grant.may_pause_at()])
    # A line may come into force, or end, before that.
    until = enforcer.unturned(now, until)
    return UseAnswer(True, None, None, name, asked, until, also, said.matched)


def _suspended(
    grant: GrantState, facts: PinnedItem, asked: Slice, now: datetime, unsettled: Unsettled
) -> Code | None:
    """Why access by this grant rests at `now`: computed at each answer, never a flag. ``any``
    place of an item is each that its class names."""
    assert grant.terms is not None
    if grant.overdue(now):
        return Code.DUTY_OVERDUE
    if grant.lapsed(now):
        return Code.LAPSED
    if unsettled.disputed & grant.terms.grounds:
        return Code.DISPUTED
    touched = resolve(asked.peoples, facts.peoples) | resolve(asked.places, facts.places)
    return Code.CONTESTED if touched & unsettled.contested else None


_NEARER = (
    Code.NO_GRANT, Code.OTHER_PURPOSE, Code.NO_RULE, Code.NOT_BY_NAME, Code.NOT_PERMITTED_NOW
)  # fmt: skip


def _in_force(
    question: UseQuestion, grants: dict[str, GrantState], now: datetime
) -> list[str] | Code:
    """The subject's grants for this item, act and purpose, or why there is none: what the grant
    that comes nearest to a yes lacks."""
    lacking = {Code.NO_GRANT}
    held = []
    for name, grant in sorted(grants.items()):
        terms = grant.terms
        if terms is None or question.subject not in terms.people:
            continue
        if question.item not in terms.items or grant.status is not Status.ACTIVE:
            continue
        if terms.ends_at <= now:
            continue
        if terms.purpose != question.purpose:
            lacking.add(Code.OTHER_PURPOSE)
        elif question.act not in terms.acts:
            lacking.add(Code.NO_RULE)
        elif question.act != READ and question.named not in terms.named.get(question.act, ()):
            lacking.add(Code.NOT_BY_NAME)
        elif grant.starts_at is None or grant.starts_at > now:
            lacking.add(Code.NOT_PERMITTED_NOW)
        else:
            held.append(name)
    return held or max(lacking, key=_NEARER.index)
