"""What held for one person and one item, read from the entries of that time.

What the decision point reads from tables, it reads there as it is now. Here the same comes from
the streams, up to an instant, or up to where a recorded answer says that it had read: grants are
folded, what bodies confirmed of the item is told again from the catalogue's stream, and so are
what they claim and what somebody disputes.

Tables are used to find streams, never to say what held: which grants name this person and this
item, which request a grant came of, in which import an item was (each is written once and
never changes). Of the catalogue's stream the database reads through all, and gives out the
entries in which the item is named, a claim is made or settled, or its import published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body import events as body
from policies.body.commands import DEPLOYMENT
from policies.catalogue import events as catalogue
from policies.catalogue.classification import Classification, strictest
from policies.grant.state import GrantState
from policies.machines import MACHINES, kind_of
from policies.request import events as request
from policies.routing import Item
from policies.use import Unsettled
from services.store import streams, versions
from services.store.projections import CATALOGUE
from services.store.schema import entries, grant_items, grant_people, grants, items

Json = dict[str, Any]


@dataclass(frozen=True)
class AsOf:
    """Up to where the record is read: to an instant, and of the catalogue's and the grants'
    streams to a sequence, where a recorded answer says to which. Of grants that it does not
    name, it had not read anything. What somebody disputes is as of `disputed_at`, where that is
    another instant."""

    at: datetime
    catalogue: int | None = None
    grants: Mapping[str, int] | None = None
    disputed_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """What `policies.use.answer` starts from, the rules aside."""

    item: Item | None
    grants: dict[str, GrantState]
    unsettled: Unsettled


@dataclass(frozen=True)
class _Entry:
    """One entry, read."""

    sequence: int
    at: datetime
    written: Json
    happened: list[Any]


@dataclass
class PastFacts:
    """Everything in the record that an answer about this person and this item can start from."""

    person: str
    item: str
    collection: str | None
    _batch: str | None
    _catalogue: list[_Entry]
    _grants: Mapping[str, list[_Entry]]
    _requests: Mapping[str, list[_Entry]]
    _folded: dict[tuple[str, int], GrantState] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, person: str, item: str) -> PastFacts:
        """From the snapshot that `connection` holds."""
        found = connection.execute(
            sa.select(items.c.collection, items.c.batch).where(items.c.id == item)
        ).one_or_none()
        named = connection.execute(
            sa.select(grant_items.c.grant, grants.c.request)
            .join(grant_people, grant_people.c.grant == grant_items.c.grant)
            .join(grants, grants.c.id == grant_items.c.grant)
            .where(grant_items.c.item == item, grant_people.c.person == person)
            .order_by(grant_items.c.grant)
        )
        of = {row.grant: row.request for row in named}
        collection, batch = (found.collection, found.batch) if found else (None, None)
        return cls(
            person, item, collection, batch,
            _naming(connection, CATALOGUE, item, batch, text=("Claimed", "ClaimSettled")),
            {each: _all(connection, each) for each in of},
            {each: _all(connection, each) for each in sorted(set(of.values()))},
        )  # fmt: skip

    @property
    def held(self) -> bool:
        """Whether any grant ever named this person and this item."""
        return bool(self._grants)

    def at(self, as_of: AsOf) -> Facts:
        """What held."""
        said, claimed, published = self._said(as_of)
        there = published and self.collection is not None
        item = None
        if there:
            assert self.collection is not None
            contested = self.item in claimed
            item = Item(self.item, self.collection, strictest(said.values()), contested)
        return Facts(item, self._held(as_of), Unsettled(claimed, self._disputed(as_of)))

    def instants(self) -> set[datetime]:
        """When anything of it may have changed: by an entry, or because a time came."""
        every = [self._catalogue, *self._grants.values(), *self._requests.values()]
        found = {entry.at for each in every for entry in each}
        for name, each in self._grants.items():
            for entry in each:
                state = self._state(name, entry.sequence)
                if state.terms is not None:
                    found |= {state.terms.ends_at, *state.may_pause_at()}
        return found

    def _said(self, as_of: AsOf) -> tuple[dict[str, Classification], frozenset[str], bool]:
        """What each body had confirmed, what was claimed, whether the item was published."""
        said: dict[str, Classification] = {}
        claims: dict[str, frozenset[str]] = {}
        published = False
        for entry in self._catalogue:
            past = entry.at <= as_of.at
            if not (past if as_of.catalogue is None else entry.sequence <= as_of.catalogue):
                break
            for event in entry.happened:
                match event:
                    case catalogue.Imported():
                        published = published or event.batch == self._batch
                    case catalogue.Confirmed() if self.item in event.items:
                        said[event.body] = event.classification
                    case catalogue.Claimed():
                        claims[event.claim] = event.items | event.peoples | event.places
                    case catalogue.ClaimSettled():
                        claims.pop(event.claim, None)
        return said, frozenset(each for subjects in claims.values() for each in subjects), published

    def _held(self, as_of: AsOf) -> dict[str, GrantState]:
        found: dict[str, GrantState] = {}
        for name, each in self._grants.items():
            if as_of.grants is None:
                last = max((x.sequence for x in each if x.at <= as_of.at), default=0)
            else:
                last = as_of.grants.get(name, 0)
            if last:
                found[name] = self._state(name, last)
        return found

    def _state(self, name: str, sequence: int) -> GrantState:
        if (name, sequence) not in self._folded:
            machine = MACHINES[kind_of(name)]
            state: GrantState = machine.initial
            for entry in self._grants[name]:
                if entry.sequence <= sequence:
                    state = machine.fold(state, entry.written, entry.happened)
            self._folded[name, sequence] = state
        return self._folded[name, sequence]

    def _disputed(self, as_of: AsOf) -> frozenset[str]:
        """The records that were disputed, and of which no answer said that they stand: as
        `projections` keeps them."""
        at = as_of.disputed_at or as_of.at
        found: dict[str, str] = {}
        machine = MACHINES["request"]
        for each in self._requests.values():
            if not any(isinstance(x, request.Disputed) for entry in each for x in entry.happened):
                continue
            state = machine.initial
            for entry in each:
                if entry.at > at:
                    break
                state = machine.fold(state, entry.written, entry.happened)
                for event in entry.happened:
                    if isinstance(event, request.Disputed):
                        found[event.dispute] = state.disputes[event.dispute].rests_on
                    if isinstance(event, request.DisputeAnswered) and event.stands:
                        found.pop(event.dispute, None)
        return frozenset(found.values())


def catalogue_at(connection: Connection, version: int) -> int:
    """To which sequence the catalogue's stream had come when its counter stood at `version`: one
    goes up with the other."""
    now = versions.read(connection, (versions.CATALOGUE,))[versions.CATALOGUE]
    return version - now + streams.get(connection, CATALOGUE).sequence


def served_by(connection: Connection, gateway: str) -> frozenset[str]:
    """The collections for which the gateway was given its credential."""
    for entry in _naming(connection, DEPLOYMENT, gateway):
        for event in entry.happened:
            if isinstance(event, body.GatewayAdded) and event.gateway == gateway:
                return event.collections
    return frozenset()


def contains(connection: Connection, *texts: str) -> sa.ColumnElement[bool]:
    """Whether each of these stands in an entry as a whole text. (Both databases look through the
    entry's bytes as they are.)"""
    column = entries.c.canonical
    looked = sa.func.instr if connection.dialect.name == "sqlite" else sa.func.pg_catalog.position
    return sa.and_(
        *(looked(column, sa.literal(rfc8785.dumps(each), sa.LargeBinary)) > 0 for each in texts)
    )


def _all(connection: Connection, stream: str) -> list[_Entry]:
    return [_read(stream, each) for each in streams.after(connection, stream, 0)]


def _naming(
    connection: Connection, stream: str, *names: str | None, text: tuple[str, ...] = ()
) -> list[_Entry]:
    """The entries of a stream in which any of these stands."""
    wanted = [contains(connection, each) for each in (*names, *text) if each is not None]
    rows = connection.execute(
        sa.select(entries.c.canonical)
        .where(entries.c.stream == stream, sa.or_(sa.false(), *wanted))
        .order_by(entries.c.sequence)
    )
    return [_read(stream, json.loads(bytes(row.canonical))) for row in rows]


def _read(stream: str, entry: Json) -> _Entry:
    happened = MACHINES[kind_of(stream)].happened(entry["events"])
    return _Entry(entry["sequence"], codec.instant(entry["at"]), entry, happened)
