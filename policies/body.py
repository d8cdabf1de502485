"""A body: its own statement of mandate, its people, its kawa, its gateways.

Everything here is entered by the body itself; the deployment is a body too, and
the operator's acts are the events of its stream (`bones.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from policies.refusals import Code, Refused
from policies.stream import Meta
from policies.types import Capacity, Envelope, Kawa, KawaRule, Sitting, TextId

ROLES = frozenset({"member", "secretary", "operator"})
DEPLOYMENT = "body-deployment"
"""The body that runs this installation."""


@dataclass(frozen=True)
class Mandate:
    """For whom and over what a body speaks, on which recorded document, until when."""

    capacities: frozenset[Capacity]
    peoples: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    document: TextId | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Member:
    """One person's place in a body: roles, and the end of the term if it has one."""

    person: str
    roles: frozenset[str]
    until: datetime | None = None


@dataclass(frozen=True)
class Enter:
    """A body enters by its own statement; the person who states it becomes its secretary."""

    name: TextId
    mandate: Mandate
    kawa: Kawa
    members: tuple[Member, ...]


@dataclass(frozen=True)
class AddMember:
    """A person joins, or their roles or term change."""

    member: Member


@dataclass(frozen=True)
class EndMembership:
    """A person leaves."""

    person: str


@dataclass(frozen=True)
class SetKawa:
    """The body changes how it decides, from now on."""

    kawa: Kawa


@dataclass(frozen=True)
class RestateMandate:
    """The body states its mandate anew."""

    mandate: Mandate


@dataclass(frozen=True)
class AddGateway:
    """A custodian's gateway may ask the decision point about these collections."""

    gateway: str
    collections: frozenset[str]


@dataclass(frozen=True)
class Entered:
    """The body is here."""

    name: TextId
    mandate: Mandate
    kawa: Kawa
    members: tuple[Member, ...]


@dataclass(frozen=True)
class MemberAdded:
    """A person joined or changed roles."""

    member: Member


@dataclass(frozen=True)
class MembershipEnded:
    """A person left."""

    person: str


@dataclass(frozen=True)
class KawaSet:
    """The body decides in this way from here on."""

    kawa: Kawa


@dataclass(frozen=True)
class MandateRestated:
    """The body's mandate from here on."""

    mandate: Mandate


@dataclass(frozen=True)
class GatewayAdded:
    """A gateway has a credential. The credential itself is nowhere kept in clear."""

    gateway: str
    collections: frozenset[str]


Command = Enter | AddMember | EndMembership | SetKawa | RestateMandate | AddGateway
Event = Entered | MemberAdded | MembershipEnded | KawaSet | MandateRestated | GatewayAdded


@dataclass(frozen=True)
class BodyState:
    """A body as its events tell it."""

    entered: bool = False
    mandate: Mandate = field(default_factory=lambda: Mandate(frozenset()))
    kawa: Kawa = field(default_factory=lambda: Kawa(KawaRule.CONSENSUS))
    members: Mapping[str, Member] = field(default_factory=dict)
    gateways: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """A body does not end of itself."""
        return True

    def current(self, now: datetime) -> Mapping[str, Member]:
        """The members whose term has not ended at `now`."""
        return {
            person: each
            for person, each in self.members.items()
            if each.until is None or each.until > now
        }

    def sitting(self, body: str, version: int, now: datetime) -> Sitting:
        """The body as it can decide at `now`."""
        current = self.current(now)
        secretaries = {person for person, each in current.items() if "secretary" in each.roles}
        # A secretary may only hold the pen; who speaks is whoever holds the role of member.
        speakers = {person for person, each in current.items() if "member" in each.roles}
        return Sitting(body, version, self.kawa, frozenset(speakers), frozenset(secretaries))


def decide(state: BodyState, envelope: Envelope) -> list[Event] | Refused:  # noqa: C901  one arm a command
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    match envelope.command:
        case Enter() as command:
            if state.entered:
                return Refused(Code.ALREADY_DONE)
            members = {each.person: each for each in command.members}
            if refusal := _unworkable(command.kawa, members):
                return refusal
            roles = [each.roles for each in members.values()]
            if not all(each and each <= ROLES for each in roles):
                return Refused(Code.INVALID, {"field": "roles"})
            if not any("secretary" in each for each in roles):
                return Refused(Code.INVALID, {"field": "members"})
            return [Entered(command.name, command.mandate, command.kawa, command.members)]
        case _ if not state.entered:
            return Refused(Code.NOT_FOUND)
        case AddMember() as command:
            if not command.member.roles or not command.member.roles <= ROLES:
                return Refused(Code.INVALID, {"field": "roles"})
            joined = {**state.members, command.member.person: command.member}
            return _stewardless(joined) or [MemberAdded(command.member)]
        case EndMembership() as command:
            left = {p: each for p, each in state.members.items() if p != command.person}
            if command.person not in state.members:
                return Refused(Code.NOT_FOUND)
            return _stewardless(left) or [MembershipEnded(command.person)]
        case SetKawa() as command:
            if refusal := _unworkable(command.kawa, state.members):
                return refusal
            return [KawaSet(command.kawa)]
        case RestateMandate() as command:
            return [MandateRestated(command.mandate)]
        case AddGateway() as command:
            if command.gateway in state.gateways:
                return Refused(Code.ALREADY_DONE)
            return [GatewayAdded(command.gateway, command.collections)]
    raise TypeError(type(envelope.command).__name__)


def evolve(state: BodyState, event: Event, meta: Meta) -> BodyState:
    """The state after `event`."""
    match event:
        case Entered():
            members = {each.person: each for each in event.members}
            return BodyState(True, event.mandate, event.kawa, members)
        case MemberAdded():
            return replace(state, members={**state.members, event.member.person: event.member})
        case MembershipEnded():
            left = {p: each for p, each in state.members.items() if p != event.person}
            return replace(state, members=left)
        case KawaSet():
            return replace(state, kawa=event.kawa)
        case MandateRestated():
            return replace(state, mandate=event.mandate)
        case GatewayAdded():
            return replace(state, gateways=state.gateways | {event.gateway})


def _stewardless(members: Mapping[str, Member]) -> Refused | None:
    """Somebody must always be able to act for the body."""
    if any(each.roles & {"secretary", "operator"} for each in members.values()):
        return None
    return Refused(Code.INVALID, {
        "field": "person",
        "sentence": "This would leave the body without a secretary.",
        "next": "Name another secretary first.",
    })  # fmt: skip


def _unworkable(kawa: Kawa, members: Mapping[str, Member]) -> Refused | None:
    """A kawa that no outcome could ever come from is refused when it is set."""
    if kawa.quorum < 1:
        return Refused(Code.INVALID, {"field": "kawa.quorum"})
    if kawa.rule is KawaRule.NAMED_ASSENT:
        named = {each.person for each in kawa.named}
        if not named or not named <= set(members):
            return Refused(Code.INVALID, {"field": "kawa.named"})
    elif kawa.named:
        return Refused(Code.INVALID, {"field": "kawa.named"})
    return None
