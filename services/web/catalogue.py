"""The catalogue over HTTP: what is held, what bodies say of it, whose it is too."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query

from policies import codec
from policies.catalogue.classification import Classification
from services.catalogue.search import Found, search
from services.path import Sight
from services.queries import catalogue as queries
from services.queries import names
from services.store import texts
from services.store.schema import PUBLISHED, collections
from services.web import catalogue_shapes, fields, shapes
from services.web.signed import PROBLEMS, Built, MaybePerson, Person, Recorded

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]


@router.get("/names", tags=["public"])
async def read_names(accord: Built) -> dict[str, dict[str, str]]:
    """The peoples and places known here, as they are spelt."""
    found: dict[str, dict[str, str]] = await accord.path.look(
        lambda sight: names.peoples_and_places(sight.connection)
    )
    return found


@router.post("/names", status_code=201, tags=["operator"])
async def add_names(command: catalogue_shapes.NameShape, viewer: Person, accord: Built) -> Recorded:
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


@router.get("/collections/{collection}/history", tags=["public"])
async def read_histories(collection: fields.AtPath, accord: Built) -> list[Json]:
    """A collection's whakapapa in every version, and which body wrote it."""
    found: list[Json] = await accord.path.look(lambda sight: queries.histories(sight, collection))
    return found


@router.post("/collections/{collection}/history", status_code=201, tags=["catalogue"])
async def write_history(
    collection: fields.AtPath, command: catalogue_shapes.WriteHistory, viewer: Person, accord: Built
) -> Recorded:
    """Write a collection's history, in a new version."""
    sent = command.sent(collection=collection)
    return Recorded.of(
        await accord.catalogue.write_history(
            viewer, command.body, sent, collection, command.history
        )
    )


@router.post("/confirmations", status_code=201, tags=["catalogue"])
async def confirm(command: catalogue_shapes.Confirm, viewer: Person, accord: Built) -> Recorded:
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


@router.get("/items/{item}/history", tags=["catalogue"])
async def item_history(item: fields.AtPath, viewer: Person, accord: Built) -> list[Json]:
    """What bodies have said that an item is, from the first to the last, and when."""
    found: list[Json] = await accord.path.look(lambda sight: queries.item_history(sight, item))
    return found


@router.post("/confirmations/list", tags=["catalogue"])
async def confirmation_list(
    command: catalogue_shapes.Confirm, viewer: Person, accord: Built
) -> dict[str, str]:
    """The list to print for a hui, before many items are confirmed at once. Nothing is done."""
    text: str = await accord.path.look(
        lambda sight: queries.list_for_hui(sight, viewer, command.body, command.items,
                                           command.classes)
    )  # fmt: skip
    return {"text": text}


@router.get("/claims", tags=["public"])
async def list_claims(viewer: MaybePerson, accord: Built) -> list[Json]:
    """What is claimed by more than one body and not settled: it stays closed until it is."""
    found: list[Json] = await accord.path.look(lambda sight: queries.claims(sight, viewer))
    return found


@router.post("/claims", status_code=201, tags=["catalogue"])
async def claim(command: catalogue_shapes.Claim, viewer: Person, accord: Built) -> Recorded:
    """Your body says "ours too", or contests another's mandate. Nobody else settles it."""
    return Recorded.of(
        await accord.claims.claim(
            viewer, command.body, command.sent(), command.subjects.read(), command.statement,
            command.against,
        )
    )  # fmt: skip


@router.post("/claims/{claim}/withdrawal", status_code=201, tags=["catalogue"])
async def withdraw_claim(
    claim: fields.AtPath, command: shapes.ForBody, viewer: Person, accord: Built
) -> Recorded:
    """Your body takes its claim back."""
    sent = command.sent(claim=claim)
    return Recorded.of(await accord.claims.withdraw(viewer, command.body, sent, claim))


@router.post("/claims/{claim}/agreement", status_code=201, tags=["catalogue"])
async def settle_claim(
    claim: fields.AtPath, command: shapes.ForBody, viewer: Person, accord: Built
) -> Recorded:
    """Your body, which speaks for it, agrees that it is theirs too."""
    sent = command.sent(claim=claim)
    return Recorded.of(await accord.claims.settle(viewer, command.body, sent, claim))


@router.get("/searches", tags=["public"])
async def list_searches(viewer: MaybePerson, accord: Built) -> list[Json]:
    """For whose kaitiaki somebody is looking, and who looks."""
    found: list[Json] = await accord.path.look(lambda sight: queries.searches(sight, viewer))
    return found


@router.post("/searches", status_code=201, tags=["catalogue"])
async def search_for_kaitiaki(
    command: catalogue_shapes.Search, viewer: Person, accord: Built
) -> Recorded:
    """Look for those who care for something; who looks is named."""
    return Recorded.of(
        await accord.claims.search(
            viewer, command.body, command.sent(), command.subjects.read(), command.searcher,
            command.words,
        )
    )  # fmt: skip


@router.post("/searches/{search}/end", status_code=201, tags=["catalogue"])
async def end_search(
    search: fields.AtPath, command: catalogue_shapes.EndSearch, viewer: Person, accord: Built
) -> Recorded:
    """What came of the search."""
    sent = command.sent(search=search)
    return Recorded.of(
        await accord.claims.end_search(viewer, command.body, sent, search, command.words)
    )


@router.post("/items/{item}/wishes", status_code=201, tags=["catalogue"])
async def write_wishes(
    item: fields.AtPath, command: catalogue_shapes.Wishes, viewer: Person, accord: Built
) -> Recorded:
    """How whoever told a story wishes it to be treated; it travels with every use."""
    sent = command.sent(item=item)
    said = {"wishes": command.wishes, "context": command.context}
    return Recorded.of(await accord.claims.write_wishes(viewer, command.body, sent, item, said))
