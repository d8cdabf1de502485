"""Ours too, not settled yet, being looked for, and how whoever told a story wishes it treated."""

from typing import Any

import pytest
import sqlalchemy as sa

from policies.body import commands as b
from policies.catalogue.classification import Classification
from policies.refusals import Code
from policies.types import Capacity
from services import facts
from services.catalogue.claiming import Subjects
from services.people import Viewer
from services.preview import drafted, preview
from services.queries import catalogue as queries
from services.store import schema, texts

ONE, TWO, STORY = "c.d.one", "c.d.two", "c.d.story"
Body = tuple[str, Viewer]


@pytest.fixture
def house(house: Any) -> Any:
    """With items, and three bodies, two of which have said what the first item is."""
    house.bring(house.file(*(f"A,B,c,d,{each}" for each in ("one", "two", "story"))))
    house.know("sea", places=("moon",))
    for each in ("river", "hill", "island"):
        setattr(house, each, house.for_peoples(f"{each}-body", each))
    house.run(confirm(house, house.river, ONE, "health", "river", "hill"))
    house.run(confirm(house, house.hill, ONE, "identifiable", "river", "hill"))
    return house


def confirm(house: Any, who: Body, item: str, klass: str, *peoples: str) -> Any:
    body, viewer = who
    said = Classification(frozenset({klass}), frozenset(peoples))
    return house.catalogue.confirm(viewer, body, house.sent(), frozenset({item}), said)


def claim(
    house: Any, who: Body, items: set[str] = frozenset({ONE}), against: str | None = None,
    **more: set[str],
) -> Any:  # fmt: skip
    """That claim, on its way."""
    body, viewer = who
    subjects = Subjects(frozenset(items), **{name: frozenset(each) for name, each in more.items()})
    return house.claims.claim(viewer, body, house.sent(), subjects, "Ours too.", against)


def settle(house: Any, who: Body, name: str) -> Any:
    return house.claims.settle(who[1], who[0], house.sent(), name)


def withdraw(house: Any, who: Body, name: str) -> Any:
    return house.claims.withdraw(who[1], who[0], house.sent(), name)


def contested(house: Any) -> frozenset[str]:
    found: frozenset[str] = house.look(lambda sight: facts.open_claims(sight.connection))
    return found


def refusals_of(house: Any, item: str) -> set[Code]:
    draft = drafted({"items": {item: "why"}, "slice": {"peoples": ["river", "hill"]}})
    shown = house.look(lambda sight: preview(sight, house.operator, draft))
    return {each.code for each in shown.refused}


def listed(house: Any, who: Body | None = None) -> Any:
    viewer = who[1] if who else None
    return house.look(lambda sight: queries.claims(sight, viewer))


def test_a_claim_waits_for_every_body_that_has_a_say(house: Any) -> None:
    entry = house.run(claim(house, house.island))
    name = entry["command"]
    assert entry["owner"] == house.island[0]
    assert contested(house) == {ONE}
    assert Code.CONTESTED in refusals_of(house, ONE)
    [told] = listed(house)
    assert told["statement"] == "Ours too."
    assert set(told["waiting_for"]) == {house.river[0], house.hill[0]}
    house.run(settle(house, house.river, name))
    assert house.refused(settle(house, house.river, name)).code is Code.ALREADY_DONE
    assert contested(house) == {ONE}
    assert listed(house)[0]["waiting_for"] == [house.hill[0]]
    house.run(settle(house, house.hill, name))
    assert contested(house) == frozenset()
    assert listed(house) == []
    assert Code.CONTESTED not in refusals_of(house, ONE)
    for late in (settle(house, house.hill, name), withdraw(house, house.island, name)):
        assert house.refused(late).code is Code.NOT_FOUND


def test_an_item_that_two_claim_is_closed_until_both_are_settled(house: Any) -> None:
    first = house.run(claim(house, house.island))["command"]
    # Somebody who has said what it is may say so too; it waits for the others.
    second = house.run(claim(house, house.river))["command"]
    assert {each["id"]: each["waiting_for"] for each in listed(house)}[second] == [house.hill[0]]
    house.run(withdraw(house, house.island, first))
    assert contested(house) == {ONE}
    house.run(withdraw(house, house.river, second))
    assert contested(house) == frozenset()


def test_a_claim_is_taken_back_by_its_own_body_alone(house: Any) -> None:
    name = house.run(claim(house, house.island))["command"]
    for other in (house.river, house.hill):
        assert house.refused(withdraw(house, other, name)).code is Code.NOT_FOUND
    stranger = (house.island[0], house.river[1])
    assert house.refused(withdraw(house, stranger, name)).code is Code.NOT_FOUND
    assert house.refused(settle(house, house.island, name)).code is Code.NOT_FOUND
    assert contested(house) == {ONE}


def test_a_mandate_is_contested_in_what_it_says_by_whom_it_names(house: Any) -> None:
    river = house.river[0]
    name = house.run(claim(house, house.hill, set(), river, peoples={"river"}))["command"]
    assert contested(house) == {"river"}
    assert listed(house)[0]["against"] == river
    assert Code.CONTESTED in refusals_of(house, ONE)
    house.run(withdraw(house, house.hill, name))
    cases: list[tuple[Any, Code]] = [
        (claim(house, house.hill, set(), river, peoples={"hill"}), Code.INVALID),
        (claim(house, house.hill, {ONE}, river, peoples={"river"}), Code.INVALID),
        (claim(house, house.river, set(), river, peoples={"river"}), Code.INVALID),
        (claim(house, house.hill, set(), "body-of-nobody", peoples={"river"}), Code.NOT_FOUND),
        (claim(house, house.hill, set(), b.DEPLOYMENT, peoples={"river"}), Code.NOT_FOUND),
    ]
    for work, code in cases:
        assert house.refused(work).code is code
    mandate = b.Mandate(
        frozenset({Capacity.PEOPLE}), frozenset({"sea"}), challengers=frozenset({house.hill[0]})
    )
    sea, _ = house.enter("sea-body", mandate)
    refused = house.refused(claim(house, house.island, set(), sea, peoples={"sea"}))
    assert refused.code is Code.NOT_PERMITTED
    house.run(claim(house, house.hill, set(), sea, peoples={"sea"}))


def test_what_cannot_be_claimed(house: Any) -> None:
    mandate = b.Mandate(frozenset({Capacity.PEOPLE}), frozenset({"sea"}))
    unknown = house.enter("unknown-body", mandate, known=False)
    cases: list[tuple[Any, Code]] = [
        (claim(house, house.island, set()), Code.INVALID),
        (claim(house, house.island, {"c.d.zero"}), Code.INVALID),
        (claim(house, house.island, set(), peoples={"moon"}), Code.INVALID),
        # Nobody else speaks for it.
        (claim(house, house.island, {TWO}), Code.INVALID),
        (claim(house, house.island, set(), peoples={"island"}), Code.INVALID),
        (claim(house, (house.island[0], house.operator)), Code.NOT_FOUND),
        (claim(house, (b.DEPLOYMENT, house.operator)), Code.NOT_PERMITTED),
        (claim(house, unknown), Code.NOT_WELCOME_YET),
    ]
    for work, code in cases:
        assert house.refused(work).code is code
    assert contested(house) == frozenset()


def look_for(house: Any, who: Body, searcher: str) -> Any:
    subjects = Subjects(frozenset({TWO}), frozenset({"sea"}), frozenset({"moon"}))
    return house.claims.search(who[1], who[0], house.sent(), subjects, searcher, "Who knows?")


def test_a_search_is_listed_until_whoever_looks_says_what_came_of_it(house: Any) -> None:
    hill = house.hill[0]
    name = house.run(look_for(house, house.river, hill))["command"]
    [told] = house.look(lambda sight: queries.searches(sight, None))
    assert (told["id"], told["searcher"], told["words"]) == (name, hill, "Who knows?")
    assert told["for"] == [TWO, "moon", "sea"]

    def end(who: Body, search: str = name) -> Any:
        return house.claims.end_search(who[1], who[0], house.sent(), search, "Found.")

    assert house.refused(end(house.island)).code is Code.NOT_PERMITTED
    assert house.refused(end(house.hill, "another")).code is Code.NOT_FOUND
    house.run(end(house.hill))
    assert house.look(lambda sight: queries.searches(sight, None)) == []
    # Whoever had it looked for may end it too.
    again = house.run(look_for(house, house.river, hill))["command"]
    house.run(end(house.river, again))
    assert house.refused(look_for(house, house.river, "body-of-nobody")).code is Code.INVALID
    house.run(look_for(house, (b.DEPLOYMENT, house.operator), b.DEPLOYMENT))


def wishes(house: Any, who: Body, item: str, said: str) -> Any:
    words = {"wishes": said, "context": f"{said} By the river."}
    return house.claims.write_wishes(who[1], who[0], house.sent(), item, words)


def test_wishes_are_of_a_story_by_a_body_that_said_that_it_is_one(house: Any) -> None:
    assert house.refused(wishes(house, house.river, STORY, "x")).code is Code.NOT_FOUND
    assert house.refused(wishes(house, house.river, ONE, "x")).code is Code.INVALID
    house.run(confirm(house, house.river, STORY, "korero", "river"))
    for said in ("Kia tūpato.", "Kia tūpato rawa."):
        house.run(wishes(house, house.river, STORY, said))
    assert house.refused(wishes(house, house.hill, STORY, "x")).code is Code.NOT_FOUND
    with house.store.read() as connection:
        [row] = connection.execute(sa.select(schema.wishes)).all()
        told = texts.read(connection, [row.wishes, row.context])
        audience = connection.execute(
            sa.select(schema.texts.c.audience).where(schema.texts.c.id == row.wishes)
        ).scalar_one()
    assert set(told.values()) == {"Kia tūpato rawa.", "Kia tūpato rawa. By the river."}
    assert (row.item, row.body, audience) == (STORY, house.river[0], "parties")


@pytest.mark.parametrize("klass", ["korero", "tapu"])
def test_a_story_is_in_no_list_and_missing_from_no_page(house: Any, klass: str) -> None:
    assert house.ids() == [ONE, STORY, TWO]
    house.run(confirm(house, house.river, STORY, klass, "river"))
    assert house.ids() == house.ids(limit=2) == [ONE, TWO]
    assert house.ids(limit=1, after=ONE) == [TWO]
    assert house.ids(STORY) == house.ids(STORY, limit=1) == [STORY]
    assert house.look(lambda sight: facts.stories(sight.connection)) == {STORY}
    # Another body's milder word does not bring it back: the strictest holds.
    house.run(confirm(house, house.hill, STORY, "open", "hill"))
    assert house.ids() == [ONE, TWO]
    name = house.run(claim(house, house.island, {ONE, STORY}))["command"]
    assert listed(house)[0]["items"] == [ONE]
    for concerned in (house.island, house.river, house.hill):
        assert set(listed(house, concerned)[0]["items"]) == {ONE, STORY}
    house.run(withdraw(house, house.island, name))
    house.run(confirm(house, house.river, STORY, "open", "river"))
    assert house.ids() == [ONE, STORY, TWO]


def test_the_history_of_an_item_keeps_what_was_said_before(house: Any) -> None:
    house.run(confirm(house, house.river, ONE, "open", "river"))
    told = house.look(lambda sight: queries.item_history(sight, ONE))
    assert [each["classification"]["classes"] for each in told] == [
        ["health"], ["identifiable"], ["open"],
    ]  # fmt: skip
    assert [each["body"] for each in told] == [house.river[0], house.hill[0], house.river[0]]
    assert house.refused(
        house.path.look(lambda sight: queries.item_history(sight, "c.d.zero"))
    ).code is Code.NOT_FOUND  # fmt: skip
