"""Ours too, not settled yet, being looked for; and how a teller wishes a story to be treated.

Nobody but the bodies concerned settles whose something is. Until they have, it stays closed:
to requests, and at the decision point to uses that were granted before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from policies.body.commands import DEPLOYMENT
from policies.catalogue import commands as c
from policies.catalogue.classification import Classification
from policies.codec import decode
from policies.refusals import Code, RefusedError
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for, speaking, speaking_for
from services.store import streams
from services.store.projections import CATALOGUE
from services.store.schema import PUBLISHED, confirmations, items, names
from services.store.texts import Audience


@dataclass(frozen=True)
class Subjects:
    """What is spoken of: items, peoples and places, by id."""

    items: frozenset[str] = field(default_factory=frozenset)
    peoples: frozenset[str] = field(default_factory=frozenset)
    places: frozenset[str] = field(default_factory=frozenset)


class Claims:
    """Claiming, settling, looking for; tellers' wishes."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def claim(
        self,
        viewer: Viewer,
        body: str,
        sent: Sent,
        subjects: Subjects,
        statement: str,
        against: str | None,
    ) -> dict[str, Any]:
        """The body says "ours too" of items, peoples or places, or contests another's mandate.

        `statement` is public. `against` is the body whose mandate is contested; None says
        only that something is theirs too. Raises RefusedError.
        """
        named, said = words(sent, body, Audience.PUBLIC, {"statement": statement})

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:catalogue:claim", roles)
            if body == DEPLOYMENT:
                # A claim closes what it names. The operator speaks for nobody.
                raise RefusedError(Code.NOT_PERMITTED)
            _there(sight, subjects)
            concerned = _concerned(sight, subjects) - {body}
            if against is not None:
                _may_contest(sight, body, against, subjects)
                concerned = frozenset({against})
            command = c.Claim(
                sight.bodies.sitting(body), subjects.items, subjects.peoples, subjects.places,
                concerned, named["statement"], against,
            )  # fmt: skip
            return Ready(CATALOGUE, command, rule, (body,), said)

        return await self._path.send(viewer, "body:catalogue:claim", sent, build)

    async def withdraw(self, viewer: Viewer, body: str, sent: Sent, claim: str) -> dict[str, Any]:
        """The body takes its claim back."""
        return await self._about(
            viewer, body, "body:catalogue:withdraw_claim", sent,
            lambda sight: c.WithdrawClaim(sight.bodies.sitting(body), claim),
        )  # fmt: skip

    async def settle(self, viewer: Viewer, body: str, sent: Sent, claim: str) -> dict[str, Any]:
        """A body concerned agrees that it is theirs too."""
        return await self._about(
            viewer, body, "body:catalogue:settle_claim", sent,
            lambda sight: c.SettleClaim(sight.bodies.sitting(body), claim),
        )  # fmt: skip

    async def search(
        self, viewer: Viewer, body: str, sent: Sent, subjects: Subjects, searcher: str, said: str
    ) -> dict[str, Any]:
        """Somebody named looks for those who care for this; anybody can read that they do."""
        named, kept = words(sent, body, Audience.PUBLIC, {"search": said})

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:catalogue:search", roles)
            _there(sight, subjects)
            if searcher not in speaking(sight.bodies) | {DEPLOYMENT}:
                raise RefusedError(Code.INVALID, field="searcher")
            command = c.Search(
                body, subjects.items, subjects.peoples, subjects.places, searcher,
                named["search"],
            )  # fmt: skip
            return Ready(CATALOGUE, command, rule, (body,), kept)

        return await self._path.send(viewer, "body:catalogue:search", sent, build)

    async def end_search(
        self, viewer: Viewer, body: str, sent: Sent, search: str, said: str
    ) -> dict[str, Any]:
        """What came of it, as whoever looked says, or whoever had it looked for."""
        named, kept = words(sent, body, Audience.PUBLIC, {"found": said})

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:catalogue:end_search", roles)
            if body not in _looking(sight, search):
                raise RefusedError(Code.NOT_PERMITTED)
            return Ready(CATALOGUE, c.EndSearch(body, search, named["found"]), rule, (body,), kept)

        return await self._path.send(viewer, "body:catalogue:end_search", sent, build)

    async def write_wishes(
        self, viewer: Viewer, body: str, sent: Sent, item: str, said: Mapping[str, str]
    ) -> dict[str, Any]:
        """How whoever told a story wishes it to be treated (`wishes`), and its `context`.

        They travel with every use; so they are read by whoever may use the story.
        """
        named, kept = words(sent, body, Audience.PARTIES, said)

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:catalogue:write_wishes", roles)
            own = sight.connection.execute(
                sa.select(confirmations.c.classification).where(
                    confirmations.c.item == item, confirmations.c.body == body
                )
            ).scalar_one_or_none()
            if own is None:
                raise RefusedError(Code.NOT_FOUND)
            classes = decode(Classification, own).classes
            command = c.WriteWishes(
                sight.bodies.sitting(body), item, classes, named["wishes"], named["context"]
            )
            return Ready(CATALOGUE, command, rule, (body,), kept)

        return await self._path.send(viewer, "body:catalogue:write_wishes", sent, build)

    async def _about(
        self, viewer: Viewer, body: str, act: str, sent: Sent, command: Any
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted(act, roles)
            return Ready(CATALOGUE, command(sight), rule, (body,))

        return await self._path.send(viewer, act, sent, build)


def _looking(sight: Sight, search: str) -> frozenset[str]:
    """The bodies whose search it is: the one that opened it, and the one that looks. Raises
    RefusedError for a search that is not there."""
    for entry in streams.after(sight.connection, CATALOGUE, 0):
        for event in entry["events"]:
            if event["type"] == "SearchOpened" and event["data"]["search"] == search:
                return frozenset({event["data"]["body"], event["data"]["searcher"]})
    raise RefusedError(Code.NOT_FOUND)


def _concerned(sight: Sight, subjects: Subjects) -> frozenset[str]:
    """The bodies that speak for any of this today, or have said what it is."""
    said = sight.connection.execute(
        sa.select(confirmations.c.body)
        .where(confirmations.c.item.in_(sorted(subjects.items)))
        .distinct()
    ).scalars()
    for_them = {
        body
        for body in speaking(sight.bodies)
        if sight.bodies.states[body].mandate.peoples & subjects.peoples
        or sight.bodies.states[body].mandate.places & subjects.places
    }
    return frozenset(said) | frozenset(for_them)


def _may_contest(sight: Sight, body: str, against: str, subjects: Subjects) -> None:
    """A mandate is contested by whom it names for that, and in what it says."""
    state = sight.bodies.states.get(against)
    if against not in speaking(sight.bodies) or state is None:
        raise RefusedError(Code.NOT_FOUND)
    mandate = state.mandate
    if mandate.challengers and body not in mandate.challengers:
        raise RefusedError(Code.NOT_PERMITTED)
    within = subjects.peoples <= mandate.peoples and subjects.places <= mandate.places
    if subjects.items or not within:
        raise RefusedError(Code.INVALID, field="against")


def _there(sight: Sight, subjects: Subjects) -> None:
    for column, wanted, where in (
        (items.c.id, subjects.items, items.c.batch.in_(PUBLISHED)),
        (names.c.id, subjects.peoples, names.c.kind == "people"),
        (names.c.id, subjects.places, names.c.kind == "place"),
    ):
        found = sight.connection.execute(
            sa.select(column).where(column.in_(sorted(wanted)), where)
        ).scalars()
        if wanted - set(found):
            raise RefusedError(
                Code.INVALID,
                field="subjects",
                sentence="Something named here is not known.",
                next="Name only what is there already; look at the lists.",
            )
