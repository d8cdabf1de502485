"""May this be said of the catalogue, and what follows?

Nobody settles whose something is but the bodies concerned: what one claims stays closed until
the others agree, or the claim is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from policies.catalogue import commands as c
from policies.catalogue import events as e
from policies.refusals import Code, Refused
from policies.slices import ANY
from policies.stream import Meta
from policies.types import CLASSES, SENSITIVE, STORIES, Envelope

Decided = list[e.Event] | Refused


@dataclass(frozen=True)
class OpenClaim:
    """A claim that is not settled: whose, who must agree, who has, about what."""

    body: str
    concerned: frozenset[str]
    agreed: frozenset[str] = frozenset()
    subject: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CatalogueState:
    """Only what `decide` needs: files seen, collections, names known, what is not settled;
    `searches` by id, and the bodies that may say what came of it: whoever looks, and whoever
    had it looked for."""

    files: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    peoples: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    claims: Mapping[str, OpenClaim] = field(default_factory=dict)
    searches: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """A catalogue does not end."""
        return True


def decide(state: CatalogueState, envelope: Envelope) -> Decided:  # noqa: C901  one arm a command
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    match envelope.command:
        case c.Import() as command:
            if command.sha256 in state.files:
                return Refused(Code.ALREADY_DONE, {"sha256": command.sha256})
            return [e.Imported(command.batch, command.sha256, command.rows, command.collections)]
        case c.Confirm() as command:
            if envelope.actor not in command.sitting.hands:
                return Refused(Code.NOT_A_MEMBER)
            if refusal := _not_concerned(state, command) or _not_alone(command):
                return refusal
            return [e.Confirmed(command.sitting.body, command.items, command.classification)]
        case c.WriteHistory() as command:
            if command.collection not in state.collections:
                return Refused(Code.NOT_FOUND)
            return [e.HistoryWritten(command.collection, command.history, command.body)]
        case c.Name() as command:
            return [e.NamesKnown(command.peoples, command.places)]
        case c.Claim() as command:
            return _claim(state, envelope, command)
        case c.WithdrawClaim() as command:
            claim = state.claims.get(command.claim)
            if claim is None or command.sitting.body != claim.body:
                return Refused(Code.NOT_FOUND)
            if envelope.actor not in command.sitting.secretaries:
                return Refused(Code.NOT_PERMITTED)
            return [e.ClaimSettled(command.claim, agreed=False)]
        case c.SettleClaim() as command:
            return _settle(state, envelope, command)
        case c.Search() as command:
            if not (command.items or command.peoples or command.places):
                return Refused(Code.INVALID, {"field": "items"})
            return [
                e.SearchOpened(
                    envelope.id, command.body, command.items, command.peoples, command.places,
                    command.searcher, command.words,
                )
            ]  # fmt: skip
        case c.EndSearch() as command:
            if command.body not in state.searches.get(command.search, ()):
                return Refused(Code.NOT_FOUND)
            return [e.SearchEnded(command.search, command.words)]
        case c.WriteWishes() as command:
            if envelope.actor not in command.sitting.hands:
                return Refused(Code.NOT_A_MEMBER)
            if not command.classes & STORIES:
                return Refused(Code.INVALID, {"field": "item"})
            return [
                e.WishesWritten(command.sitting.body, command.item, command.wishes, command.context)
            ]
    raise TypeError(type(envelope.command).__name__)


def evolve(state: CatalogueState, event: e.Event, meta: Meta) -> CatalogueState:
    """The state after `event`."""
    match event:
        case e.Imported():
            return replace(
                state,
                files=state.files | {event.sha256},
                collections=state.collections | set(event.collections),
            )
        case e.NamesKnown():
            return replace(
                state,
                peoples=state.peoples | set(event.peoples),
                places=state.places | set(event.places),
            )
        case e.Claimed():
            subject = event.items | event.peoples | event.places
            claim = OpenClaim(event.body, event.concerned, subject=subject)
            return replace(state, claims={**state.claims, event.claim: claim})
        case e.ClaimAgreed():
            claim = state.claims[event.claim]
            agreed = replace(claim, agreed=claim.agreed | {event.body})
            return replace(state, claims={**state.claims, event.claim: agreed})
        case e.ClaimSettled():
            claims = {name: each for name, each in state.claims.items() if name != event.claim}
            return replace(state, claims=claims)
        case e.SearchOpened():
            theirs = frozenset({event.body, event.searcher})
            return replace(state, searches={**state.searches, event.search: theirs})
        case e.SearchEnded():
            left = {name: each for name, each in state.searches.items() if name != event.search}
            return replace(state, searches=left)
        case e.Confirmed() | e.HistoryWritten() | e.WishesWritten():
            return state


def _claim(state: CatalogueState, envelope: Envelope, command: c.Claim) -> Decided:
    body = command.sitting.body
    if envelope.actor not in command.sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    if not (command.items or command.peoples or command.places):
        return Refused(Code.INVALID, {"field": "items"})
    if not command.peoples <= state.peoples or not command.places <= state.places:
        return Refused(Code.INVALID, {"field": "peoples"})
    if body in command.concerned or command.against == body:
        return Refused(Code.INVALID, {"field": "against"})
    if command.against is not None and command.against not in command.concerned:
        # Nobody's mandate is contested behind their back.
        return Refused(Code.INVALID, {"field": "against"})
    subject = command.items | command.peoples | command.places
    if any(each.body == body and each.subject == subject for each in state.claims.values()):
        return Refused(Code.ALREADY_DONE)
    if not command.concerned:
        return Refused(Code.INVALID, {
            "field": "items",
            "sentence": "No other body speaks for this, so there is nothing to settle.",
            "next": "Confirm what it is, as the body that it concerns.",
        })  # fmt: skip
    return [
        e.Claimed(
            envelope.id, body, command.items, command.peoples, command.places,
            command.concerned, command.statement, command.against,
        )
    ]  # fmt: skip


def _settle(state: CatalogueState, envelope: Envelope, command: c.SettleClaim) -> Decided:
    claim, body = state.claims.get(command.claim), command.sitting.body
    if claim is None or body not in claim.concerned:
        return Refused(Code.NOT_FOUND)
    if envelope.actor not in command.sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    if body in claim.agreed:
        return Refused(Code.ALREADY_DONE)
    agreed: list[e.Event] = [e.ClaimAgreed(command.claim, body)]
    if claim.concerned <= claim.agreed | {body}:
        agreed.append(e.ClaimSettled(command.claim, agreed=True))
    return agreed


def _not_alone(command: c.Confirm) -> Refused | None:
    """What is sensitive, or was confirmed as such, is looked at one by one."""
    touched = (command.classification.classes | command.said_before) & SENSITIVE
    return (
        Refused(Code.ONE_AT_A_TIME, {"field": "items"})
        if touched and len(command.items) > 1
        else None
    )


def _not_concerned(state: CatalogueState, command: c.Confirm) -> Refused | None:
    said = command.classification
    if not said.classes or not said.classes <= CLASSES:
        return Refused(Code.INVALID, {"field": "classes"})
    if not said.peoples and not said.places:
        return Refused(Code.INVALID, {"field": "peoples"})
    for name, part, known in (
        ("peoples", said.peoples, state.peoples),
        ("places", said.places, state.places),
    ):
        if part != ANY and not frozenset(part) <= known:
            return Refused(Code.INVALID, {"field": name})
    own_people = _meets(said.peoples, command.peoples_spoken_for)
    own_place = _meets(said.places, command.places_spoken_for)
    if not (own_people or own_place):
        return Refused(Code.NOT_WITHIN, {
            "field": "peoples",
            "sentence": "A body confirms only what concerns its own people or places.",
            "next": "Name them, or leave the item to the bodies concerned.",
        })  # fmt: skip
    return None


def _meets(part: frozenset[str] | str, own: frozenset[str]) -> bool:
    return bool(own) if part == ANY else bool(frozenset(part) & own)
