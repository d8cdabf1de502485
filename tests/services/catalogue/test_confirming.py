"""Who says what items are, what they are called, and how they came to be held."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from policies.body import commands as b
from policies.catalogue.classification import Classification
from policies.refusals import Code
from policies.types import CLASSES, Capacity
from services import facts
from services.catalogue import proposals
from services.catalogue.incoming import Incoming
from services.ledger.chain import commitment
from services.people import Viewer
from services.preview import drafted, preview
from services.store import schema, texts

ONE, TWO = "c.d.one", "c.d.two"
HEALTH = Classification(frozenset({"health"}), frozenset({"river"}))
WHANAU = Classification(frozenset({"whanau"}), frozenset({"hill"}), frozenset({"valley"}), True)


@pytest.fixture
def house(house: Any) -> Any:
    """With three items of two collections, and two peoples and a place known by name."""
    house.bring(house.file("A,B,c,d,one", "A,B,c,d,two", "A,E,e,d,three"))
    house.know("river", "hill", places=("valley",))
    return house


def confirm(
    house: Any, who: tuple[str, Viewer], items: set[str], said: Classification = HEALTH
) -> Any:
    """That body's confirmation, on its way."""
    body, viewer = who
    return house.catalogue.confirm(viewer, body, house.sent(), frozenset(items), said)


def said_of(house: Any, item: str) -> Classification | None:
    """What the item is by everything that bodies have confirmed."""
    with house.store.read() as connection:
        [found] = facts.read_items(connection, [item])
    return found.said


def refusals_of(house: Any, item: str) -> set[Code]:
    """Why a request for the item would be refused."""
    draft = drafted({"items": {item: "why"}, "purpose": "research"})
    shown = house.run(house.path.look(lambda sight: preview(sight, house.operator, draft)))
    return {each.code for each in shown.refused}


def test_a_body_concerned_confirms(house: Any) -> None:
    river = house.for_peoples("river-body", "river")
    entry = house.run(confirm(house, river, {ONE, TWO}))
    assert entry["owner"] == river[0]
    assert entry["authorisation"]["versions"].keys() >= {"rules", river[0]}
    assert said_of(house, ONE) == said_of(house, TWO) == HEALTH
    [found] = house.search("one")
    assert found.confirmed
    assert found.said == HEALTH
    assert not house.search("three")[0].confirmed


def test_the_strictest_of_what_two_bodies_say_holds(house: Any) -> None:
    river, hill = house.for_peoples("river-body", "river"), house.for_peoples("hill-body", "hill")
    house.run(confirm(house, river, {ONE}))
    house.run(confirm(house, hill, {ONE}, WHANAU))
    both = Classification(
        frozenset({"health", "whanau"}), frozenset({"river", "hill"}), frozenset({"valley"}), True
    )
    assert said_of(house, ONE) == both
    everyone = Classification(frozenset({"open"}), "any")
    house.run(confirm(house, river, {ONE}, everyone))
    assert said_of(house, ONE) == Classification(
        frozenset({"open", "whanau"}), "any", frozenset({"valley"}), True
    )


def test_saying_it_again_replaces_only_what_the_body_itself_said(house: Any) -> None:
    river, hill = house.for_peoples("river-body", "river"), house.for_peoples("hill-body", "hill")
    house.run(confirm(house, river, {ONE, TWO}))
    house.run(confirm(house, hill, {ONE}, WHANAU))
    softer = Classification(frozenset({"aggregated"}), frozenset({"river"}))
    house.run(confirm(house, river, {ONE}, softer))
    assert said_of(house, ONE) == WHANAU.joined(softer)
    assert said_of(house, TWO) == HEALTH


def test_what_nobody_has_confirmed_is_refused(house: Any) -> None:
    river = house.for_peoples("river-body", "river")
    assert refusals_of(house, ONE) == {Code.UNCONFIRMED}
    house.run(confirm(house, river, {TWO}))
    assert refusals_of(house, ONE) == {Code.UNCONFIRMED}
    assert Code.UNCONFIRMED not in refusals_of(house, TWO)


def test_proposals_bind_nobody(house: Any, tmp_path: Any) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text(
        "id,match,except,tables,except_tables,class,peoples,places,because\n"
        "open,four,,,,open,any,,It looks open.\n",
        "utf-8",
    )
    house.bring(house.file("A,F,f,d,four"), rules=proposals.load(rules, CLASSES))
    [found] = house.search("four")
    assert found.proposals
    assert not found.confirmed
    assert said_of(house, "f.d.four") is None
    assert refusals_of(house, "f.d.four") == {Code.UNCONFIRMED}


def test_items_that_are_not_in_the_catalogue(house: Any) -> None:
    river = house.for_peoples("river-body", "river")
    refused = house.refused(confirm(house, river, {ONE, "c.d.zero", "c.d.nought"}))
    assert refused.code is Code.NOT_FOUND
    assert refused.sentence.startswith("2 of 3 items")
    assert "c.d.nought" in refused.sentence
    assert said_of(house, ONE) is None


def test_items_that_are_staged_but_not_published(house: Any) -> None:
    river = house.for_peoples("river-body", "river")
    work = Incoming(house.store, house.file("A,B,c,d,soon"), ())
    list(work.check())
    list(work.stage())
    assert house.refused(confirm(house, river, {"c.d.soon"})).code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        (Classification(frozenset(), frozenset({"river"})), Code.INVALID, "classes"),
        (Classification(frozenset({"secret"}), frozenset({"river"})), Code.INVALID, "classes"),
        (Classification(frozenset({"open"})), Code.INVALID, "peoples"),
        (Classification(frozenset({"open"}), frozenset({"sea"})), Code.INVALID, "peoples"),
        (
            Classification(frozenset({"open"}), frozenset({"river"}), frozenset({"moon"})),
            Code.INVALID,
            "places",
        ),
        (Classification(frozenset({"open"}), frozenset({"hill"})), Code.NOT_WITHIN, "peoples"),
        (Classification(frozenset({"open"}), places="any"), Code.NOT_WITHIN, "peoples"),
    ],
)
def test_what_a_body_cannot_say(house: Any, said: Classification, code: Code, field: str) -> None:
    river = house.for_peoples("river-body", "river")
    refused = house.refused(confirm(house, river, {ONE}, said))
    assert (refused.code, refused.facts["field"]) == (code, field)
    assert said_of(house, ONE) is None


def test_a_body_for_a_place_confirms_what_lies_there(house: Any) -> None:
    mandate = b.Mandate(frozenset({Capacity.PLACE}), places=frozenset({"valley"}))
    valley = house.enter("valley-body", mandate)
    said = Classification(frozenset({"wahi_tapu"}), places=frozenset({"valley"}))
    house.run(confirm(house, valley, {ONE}, said))
    assert said_of(house, ONE) == said


def test_a_mandate_that_has_ended_speaks_for_nobody(house: Any) -> None:
    over = datetime.now(UTC) - timedelta(days=1)
    peoples = frozenset({"river"})
    river = house.enter("river", b.Mandate(frozenset({Capacity.PEOPLE}), peoples, until=over))
    assert house.refused(confirm(house, river, {ONE})).code is Code.NOT_WITHIN


def test_only_the_bodys_own_people_confirm(house: Any) -> None:
    runs = Viewer.inside("person-who-runs-its-computer")
    mandate = b.Mandate(frozenset({Capacity.PEOPLE}), frozenset({"river"}))
    body, _ = house.enter("river", mandate, b.Member(runs.person, frozenset({"operator"})))
    assert house.refused(confirm(house, (body, runs), {ONE})).code is Code.NOT_PERMITTED
    for outsider in (Viewer.inside("person-else"), house.operator):
        assert house.refused(confirm(house, (body, outsider), {ONE})).code is Code.NOT_FOUND


def test_the_deployment_speaks_for_no_people(house: Any) -> None:
    deployment = (b.DEPLOYMENT, house.operator)
    assert house.refused(confirm(house, deployment, {ONE})).code is Code.NOT_WITHIN


def test_how_many_items_at_once(house: Any) -> None:
    river = house.for_peoples("river-body", "river")
    house.bring(house.file(*(f"A,G,g,d,v{n:03}" for n in range(501))))
    every = {f"g.d.v{n:03}" for n in range(501)}
    assert house.refused(confirm(house, river, every)).code is Code.TOO_LARGE
    assert house.refused(confirm(house, river, set())).code is Code.INVALID
    house.run(confirm(house, river, every - {"g.d.v500"}))
    assert sum(each.confirmed for each in house.search("v", collection="g", limit=500)) == 500


def test_a_command_sent_twice_happens_once(house: Any) -> None:
    body, viewer = house.for_peoples("river-body", "river")
    sent = house.sent()
    first, second = (
        house.run(house.catalogue.confirm(viewer, body, sent, frozenset({ONE}), HEALTH))
        for _ in range(2)
    )
    assert first == second


def history_of(house: Any, collection: str) -> str:
    """The history's present words."""
    with house.store.read() as connection:
        query = sa.select(schema.collections.c.history).where(schema.collections.c.id == collection)
        text = connection.execute(query).scalar_one()
        return str(texts.read(connection, [text])[text])


def write_history(house: Any, who: tuple[str, Viewer], collection: str, words: str) -> Any:
    """That history, on its way."""
    body, viewer = who
    return house.catalogue.write_history(viewer, body, house.sent(), collection, words)


def test_a_history_is_written_by_the_holder_and_by_a_body_concerned(house: Any) -> None:
    holder = (b.DEPLOYMENT, house.operator)
    entry = house.run(write_history(house, holder, "c", "Taken in 1990 under a promise."))
    assert history_of(house, "c") == "Taken in 1990 under a promise."
    [text] = entry["commitments"]
    with house.store.read() as connection:
        row = connection.execute(sa.select(schema.texts).where(schema.texts.c.id == text)).one()
    assert entry["commitments"][text] == commitment(bytes(row.salt), bytes(row.content))
    assert (row.audience, row.owner) == ("public", b.DEPLOYMENT)

    river = house.for_peoples("river-body", "river")
    assert house.refused(write_history(house, river, "c", "Ours.")).code is Code.NOT_WITHIN
    house.run(confirm(house, river, {ONE}))
    house.run(write_history(house, river, "c", "He kōrero nā mātou."))
    assert history_of(house, "c") == "He kōrero nā mātou."
    assert house.refused(write_history(house, river, "e", "Ours.")).code is Code.NOT_WITHIN


def test_histories_that_are_refused(house: Any) -> None:
    holder = (b.DEPLOYMENT, house.operator)
    assert house.refused(write_history(house, holder, "z", "Words.")).code is Code.NOT_FOUND
    assert house.refused(write_history(house, holder, "c", " \n")).code is Code.INVALID
    stranger = (b.DEPLOYMENT, Viewer.inside("person-else"))
    assert house.refused(write_history(house, stranger, "c", "Words.")).code is Code.NOT_FOUND


def test_names_are_kept_as_given_and_committed_to(house: Any) -> None:
    peoples = {"people-a": "Ngā tāngata o te awa", "people-b": "Kakai ʻo e motu"}
    entry = house.run(
        house.catalogue.name(house.operator, house.sent(), peoples, {"place-a": "Te Āwhina"})
    )
    assert len(entry["commitments"]) == 3
    event = entry["events"][0]["data"]
    named = event["peoples"] | event["places"]
    assert set(named.values()) == set(entry["commitments"])
    with house.store.read() as connection:
        found = texts.read(connection, named.values())
        known = facts.known(connection, house.run(house.path.look(lambda sight: sight.bodies)))
    assert {each: found[text] for each, text in named.items()} == {
        **peoples,
        "place-a": "Te Āwhina",
    }
    assert known.peoples == {"river", "hill", "people-a", "people-b"}
    assert known.places == {"valley", "place-a"}


def test_a_name_is_given_anew(house: Any) -> None:
    entry = house.run(house.catalogue.name(house.operator, house.sent(), {"river": "Te Awa"}, {}))
    text = entry["events"][0]["data"]["peoples"]["river"]
    with house.store.read() as connection:
        rows = connection.execute(sa.select(schema.names).where(schema.names.c.id == "river")).all()
    assert [(row.kind, row.name) for row in rows] == [("people", text)]


@pytest.mark.parametrize(
    ("peoples", "places"),
    [
        ({}, {}),
        ({"any": "Everyone"}, {}),
        ({}, {"none": "Nowhere"}),
        ({"unknown": "Nobody knows"}, {}),
        ({"a b": "Two words"}, {}),
        ({"*": "All"}, {}),
        ({"": "Nothing"}, {}),
        ({"p" * 201: "Long"}, {}),
        ({"sea": " "}, {}),
        ({"sea": "Sea"}, {"sea": "Sea"}),
        ({"valley": "A place already"}, {}),
        ({}, {"river": "A people already"}),
    ],
)
def test_names_that_are_refused(
    house: Any, peoples: dict[str, str], places: dict[str, str]
) -> None:
    work = house.catalogue.name(house.operator, house.sent(), peoples, places)
    assert house.refused(work).code is Code.INVALID


def test_names_are_the_operators_and_a_bounded_number(house: Any) -> None:
    _, viewer = house.for_peoples("river-body", "river")
    work = house.catalogue.name(viewer, house.sent(), {"sea": "Sea"}, {})
    assert house.refused(work).code is Code.NOT_FOUND
    many = {f"people-{n}": "A name" for n in range(201)}
    work = house.catalogue.name(house.operator, house.sent(), many, {})
    assert house.refused(work).code is Code.TOO_LARGE
