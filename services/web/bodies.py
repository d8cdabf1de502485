"""Bodies, their people and packs, and the catalogue, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query

from policies import codec
from policies.body import DEPLOYMENT, Mandate, Member
from policies.catalogue import Classification
from policies.refusals import Code, RefusedError
from policies.types import Kawa, Named
from services.catalogue.search import Found, search
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.store import streams, texts
from services.store.schema import PUBLISHED, collections
from services.web import fields, shapes
from services.web.signed import PROBLEMS, Built, Person, Recorded

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]


@router.get("/bodies", tags=["public"])
async def list_bodies(accord: Built) -> list[Json]:
    """Every body, for whom it speaks and how it decides; who its members are is its own."""

    def reading(sight: Sight) -> list[Json]:
        called = names.of(sight.connection, sight.bodies)
        return [
            {
                "id": body,
                "name": called.get(body),
                "mandate": codec.encode(state.mandate),
                "kawa": {"rule": str(state.kawa.rule), "quorum": state.kawa.quorum},
            }
            for body, state in sorted(sight.bodies.states.items())
            if body != DEPLOYMENT
        ]

    found: list[Json] = await accord.path.look(reading)
    return found


@router.get("/bodies/{body}", tags=["bodies"])
async def read_body(body: fields.BodyAtPath, viewer: Person, accord: Built) -> Json:
    """A body as its own members see it."""

    def reading(sight: Sight) -> Json:
        if not sight.bodies.roles(viewer.person, body):
            raise RefusedError(Code.NOT_FOUND)
        state = sight.bodies.states[body]
        called = names.of(sight.connection, sight.bodies, state.members)
        said = texts.read(
            sight.connection, [state.mandate.document] if state.mandate.document else []
        )
        return {
            "id": body,
            "name": called.get(body),
            "sequence": sight.bodies.versions[body],
            "mandate": codec.encode(state.mandate),
            "document": next(iter(said.values()), None),
            "kawa": codec.encode(state.kawa),
            "members": [
                {**codec.encode(each), "name": called.get(person)}
                for person, each in sorted(state.members.items())
            ],
            "history": [
                {"at": entry["at"], "entry": entry["id"], "event": event["type"]}
                for entry in streams.after(sight.connection, body, 0)
                for event in entry["events"]
            ],
        }

    found: Json = await accord.path.look(reading)
    return found


@router.post("/bodies", status_code=201, tags=["bodies"])
async def enter(command: shapes.Enter, viewer: Person, accord: Built) -> Recorded:
    """A body enters by its own statement of mandate."""
    mandate = Mandate(
        frozenset(command.mandate.capacities),
        frozenset(command.mandate.peoples),
        frozenset(command.mandate.places),
        until=command.mandate.until,
    )
    return Recorded.of(
        await accord.bodies.enter(
            viewer, command.sent(), command.name, mandate, command.document,
            _kawa(command.kawa), tuple(_member(each) for each in command.members),
        )
    )  # fmt: skip


@router.post("/bodies/{body}/members", status_code=201, tags=["bodies"])
async def add_member(
    body: fields.BodyAtPath, command: shapes.AddMember, viewer: Person, accord: Built
) -> Recorded:
    """A person joins, or their roles or term change."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.add_member(viewer, body, sent, _member(command.member)))


@router.post("/bodies/{body}/departures", status_code=201, tags=["bodies"])
async def end_membership(
    body: fields.BodyAtPath, command: shapes.EndMembership, viewer: Person, accord: Built
) -> Recorded:
    """A person leaves. Nobody who has left is counted from here on."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.end_membership(viewer, body, sent, command.person))


@router.post("/bodies/{body}/kawa", status_code=201, tags=["bodies"])
async def set_kawa(
    body: fields.BodyAtPath, command: shapes.SetKawa, viewer: Person, accord: Built
) -> Recorded:
    """The body changes how it decides, from now on."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.set_kawa(viewer, body, sent, _kawa(command.kawa)))


@router.post("/bodies/{body}/adoptions", status_code=201, tags=["bodies"])
async def adopt(
    body: fields.BodyAtPath, command: shapes.PackCommand, viewer: Person, accord: Built
) -> Recorded:
    """The body adopts a shipped rule pack; until then the pack is in force nowhere."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.adopt(viewer, body, sent, command.pack))


@router.post("/bodies/{body}/pack-withdrawals", status_code=201, tags=["bodies"])
async def withdraw_pack(
    body: fields.BodyAtPath, command: shapes.PackCommand, viewer: Person, accord: Built
) -> Recorded:
    """The body withdraws from a rule pack."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.withdraw(viewer, body, sent, command.pack))


@router.post("/gateways", status_code=201, tags=["operator"])
async def add_gateway(command: shapes.AddGateway, viewer: Person, accord: Built) -> Json:
    """The operator gives a gateway its credential, shown this once."""
    gateway, credential = await accord.bodies.add_gateway(
        viewer, command.sent(), frozenset(command.collections)
    )
    return {"gateway": gateway, "credential": credential}


@router.get("/names", tags=["public"])
async def read_names(accord: Built) -> dict[str, dict[str, str]]:
    """The peoples and places known here, as they are spelt."""
    found: dict[str, dict[str, str]] = await accord.path.look(
        lambda sight: names.peoples_and_places(sight.connection)
    )
    return found


@router.post("/names", status_code=201, tags=["operator"])
async def add_names(command: shapes.NameShape, viewer: Person, accord: Built) -> Recorded:
    """Write down names of peoples and places, as they give them."""
    return Recorded.of(
        await accord.catalogue.name(viewer, command.sent(), command.peoples, command.places)
    )


@router.get("/items", tags=["catalogue"])
async def search_items(
    viewer: Person,
    accord: Built,
    words: Annotated[fields.Maybe, Query(max_length=200)] = "",
    collection: Annotated[fields.Maybe | None, Query(max_length=200)] = None,
    after: Annotated[fields.Maybe | None, Query(max_length=700)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[Json]:
    """Items by words of their names (macrons may be left out), with what is proposed, by
    which line of the rules and why, and what bodies have confirmed."""

    def reading(sight: Sight) -> list[Json]:
        sight.permitted("person:catalogue:search", ("role:anyone",))
        return [
            _item(each)
            for each in search(
                sight.connection, words, collection=collection, after=after, limit=limit
            )
        ]

    found: list[Json] = await accord.path.look(reading)
    return found


def _item(found: Found) -> Json:
    """Each of its ``proposals`` has the id of the line that made it (``rule``), ``class``,
    ``peoples``, ``places`` and ``because``."""
    item: Json = codec.encode(found)
    for guess in item["proposals"]:
        guess["class"] = guess.pop("klass")
    return item


@router.get("/collections", tags=["public"])
async def list_collections(accord: Built) -> list[Json]:
    """Every collection with its history: how it came to be held, under what promise."""

    def reading(sight: Sight) -> list[Json]:
        published = sa.select(collections).where(collections.c.batch.in_(PUBLISHED))
        rows = list(sight.connection.execute(published.order_by(collections.c.id)))
        said = texts.read(sight.connection, [row.history for row in rows if row.history])
        return [
            {
                "id": row.id,
                "agency": row.agency,
                "name": row.name,
                "history": said.get(row.history or ""),
            }
            for row in rows
        ]

    found: list[Json] = await accord.path.look(reading)
    return found


@router.post("/collections/{collection}/history", status_code=201, tags=["catalogue"])
async def write_history(
    collection: fields.AtPath, command: shapes.WriteHistory, viewer: Person, accord: Built
) -> Recorded:
    """Write a collection's history, in a new version."""
    sent = command.sent(collection=collection)
    return Recorded.of(
        await accord.catalogue.write_history(
            viewer, command.body, sent, collection, command.history
        )
    )


@router.post("/confirmations", status_code=201, tags=["catalogue"])
async def confirm(command: shapes.Confirm, viewer: Person, accord: Built) -> Recorded:
    """A body concerned says what these items are. Until then they are refused."""
    said = Classification(
        frozenset(command.classes),
        "any" if command.peoples == "any" else frozenset(command.peoples),
        "any" if command.places == "any" else frozenset(command.places),
        command.whole,
    )
    return Recorded.of(
        await accord.catalogue.confirm(
            viewer, command.body, command.sent(), frozenset(command.items), said
        )
    )


@router.get("/me", tags=["people"])
async def me(viewer: Person, accord: Built) -> Json:
    """Who the token belongs to, and the bodies they are of today."""

    def reading(sight: Sight) -> Json:
        return _me(sight, viewer)

    found: Json = await accord.path.look(reading)
    return found


def _me(sight: Sight, viewer: Viewer) -> Json:
    called = names.of(sight.connection, sight.bodies, [viewer.person])
    return {
        "person": viewer.person,
        "name": called.get(viewer.person),
        "bodies": [
            {
                "id": body,
                "name": called.get(body),
                "roles": [r.removeprefix("role:") for r in sight.bodies.roles(viewer.person, body)],
            }
            for body in sight.bodies.of(viewer.person)
        ],
    }


def _kawa(shape: shapes.KawaShape) -> Kawa:
    named = tuple(Named(each.person, each.delegate) for each in shape.named)
    return Kawa(shape.rule, shape.quorum, named)


def _member(shape: shapes.MemberShape) -> Member:
    return Member(shape.person, frozenset(shape.roles), shape.until)
