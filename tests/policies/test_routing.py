"""Who must decide: computed from items, slice, mandates and adopted lines, with real Casbin."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import PEOPLES, PLACES, START, slices
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.body.commands import Mandate
from policies.catalogue.classification import Classification
from policies.enforcer import Enforcer
from policies.refusals import Code
from policies.routing import Item, Known, Route, Unroutable, route
from policies.rules import EVERY, NOBODY, ROUTING_COLUMNS, SELF, Pack, RoutingRule
from policies.slices import ANY, Slice
from policies.types import Capacity, RouteEntry

RIVER, HILL, ISLAND = PEOPLES
MOUTH, TOP = PLACES
WHY = "Because the test says so."


def line(number: int, body: str = SELF, capacity: str = "people", **but: str) -> RoutingRule:
    plain = {"klass": EVERY, "people": EVERY, "place": EVERY, "because": WHY}
    return RoutingRule(f"ROUTE-{number}", body, capacity, **{**plain, **but})


EVERYTHING = Pack(
    routing=tuple(line(n, capacity=each) for n, each in enumerate(Capacity))
)  # Whoever adopts this decides in whatever standing its mandate gives it.


def adopted(*bodies: str, pack: Pack = EVERYTHING, also: tuple[Pack, ...] = ()) -> Enforcer:
    return Enforcer([*(pack.adopted_by(body) for body in bodies), *also])


def of_people(*peoples: str, until=None) -> Mandate:
    return Mandate(frozenset({Capacity.PEOPLE}), frozenset(peoples), until=until)


def of_place(*places: str) -> Mandate:
    return Mandate(frozenset({Capacity.PLACE}), places=frozenset(places))


def known(**mandates: Mandate) -> Known:
    bodies = {f"body-{name}": each for name, each in mandates.items()}
    return Known(frozenset(PEOPLES), frozenset(PLACES), bodies)


def item(name: str = "survey.sleep", **said: object) -> Item:
    plain = {"classes": frozenset({"health"}), "peoples": frozenset({RIVER})}
    return Item(name, name.split(".")[0], Classification(**{**plain, **said}))


def routed(
    enforcer: Enforcer,
    world: Known,
    *items: Item,
    asked: Slice | None = None,
    for_body: str | None = None,
) -> Route:
    return route(enforcer, items, asked or Slice(), world, START, for_body)


def asked_of(found: Route) -> dict[tuple[str, str], tuple[set, set, set]]:
    """Who is asked about what, without the lines that say so."""
    return {
        (each.body, str(each.capacity)): (set(each.peoples), set(each.places), set(each.items))
        for each in found.entries
    }


def test_a_peoples_own_body_must_decide() -> None:
    found = routed(adopted("body-river"), known(river=of_people(RIVER)), item())
    assert found.entries == (
        RouteEntry(
            "body-river",
            Capacity.PEOPLE,
            frozenset({RIVER}),
            items=frozenset({"survey.sleep"}),
            rules=("ROUTE-0@body-river",),
        ),
    )
    assert found.refused == ()
    assert {name: each.because for name, each in found.lines.items()} == {"ROUTE-0@body-river": WHY}
    assert found.items["survey.sleep"].peoples == {RIVER}


def test_an_item_that_no_body_has_confirmed_is_refused() -> None:
    found = routed(
        adopted("body-river"), known(river=of_people(RIVER)), Item("survey.sleep", "survey", None)
    )
    assert found.refused == (Unroutable("survey.sleep", Code.UNCONFIRMED),)
    assert found.entries == ()
    assert found.items == {}


def test_where_nobody_speaks_for_a_people_the_item_cannot_be_asked_for() -> None:
    both = item(peoples=frozenset({RIVER, HILL}))
    found = routed(adopted("body-river"), known(river=of_people(RIVER)), both)
    assert found.refused == (Unroutable(both.id, Code.UNROUTABLE, frozenset({HILL})),)
    # Nobody is asked for the sake of an item that cannot be asked for.
    assert found.entries == ()
    assert found.lines == {}


def test_what_a_refused_item_concerns_is_asked_of_nobody() -> None:
    mixed = item("survey.diet", peoples=frozenset({HILL, ISLAND}))
    world = known(both=of_people(RIVER, HILL))
    found = routed(adopted("body-both"), world, item(), mixed)
    assert asked_of(found) == {("body-both", "people"): ({RIVER}, set(), {"survey.sleep"})}
    assert [each.item for each in found.refused] == ["survey.diet"]


def test_a_mandate_alone_without_an_adopted_line_does_not_speak() -> None:
    world = known(river=of_people(RIVER))
    for rules in (adopted(), adopted("body-hill")):
        assert routed(rules, world, item()).refused[0].code is Code.UNROUTABLE


def test_a_line_alone_without_a_mandate_does_not_speak() -> None:
    found = routed(adopted("body-river"), known(river=of_people(HILL)), item())
    assert found.refused[0].code is Code.UNROUTABLE


def test_no_body_stands_in_for_another_people() -> None:
    """A body of many peoples meets those it has a mandate for, and no more."""
    world = known(all=of_people(RIVER, HILL))
    found = routed(adopted("body-all"), world, item(peoples=frozenset(PEOPLES)))
    assert found.refused == (Unroutable("survey.sleep", Code.UNROUTABLE, frozenset({ISLAND})),)


def test_an_adopted_line_may_say_that_no_collective_body_decides() -> None:
    nobody = Pack(routing=(line(9, NOBODY, people=ISLAND),)).adopted_by("body-deployment")
    world = known(river=of_people(RIVER))
    found = routed(
        adopted("body-river", also=(nobody,)), world, item(peoples=frozenset({RIVER, ISLAND}))
    )
    assert found.refused == ()
    assert asked_of(found) == {("body-river", "people"): ({RIVER}, set(), {"survey.sleep"})}
    # It says so for that people alone.
    other = routed(adopted("body-river", also=(nobody,)), world, item(peoples=frozenset({HILL})))
    assert other.refused[0].peoples == {HILL}


def test_a_line_for_every_body_is_no_line_for_nobody() -> None:
    for_all = Pack(routing=(line(9, EVERY),))
    found = routed(
        Enforcer([for_all]), known(river=of_people(RIVER)), item(peoples=frozenset({HILL}))
    )
    assert found.refused[0].code is Code.UNROUTABLE
    found = routed(Enforcer([for_all]), known(river=of_people(RIVER)), item())
    assert [each.body for each in found.entries] == ["body-river"]


def test_two_bodies_for_one_people_are_both_on_the_route() -> None:
    world = known(river=of_people(RIVER), elders=of_people(RIVER, HILL))
    found = routed(adopted("body-river", "body-elders"), world, item())
    assert asked_of(found) == {
        ("body-elders", "people"): ({RIVER}, set(), {"survey.sleep"}),
        ("body-river", "people"): ({RIVER}, set(), {"survey.sleep"}),
    }


def test_a_mandate_that_has_run_out_does_not_speak() -> None:
    for until, code in ((START, Code.UNROUTABLE), (START + timedelta(seconds=1), None)):
        found = routed(adopted("body-river"), known(river=of_people(RIVER, until=until)), item())
        assert [each.code for each in found.refused] == ([code] if code else [])


def test_any_means_all_that_are_known() -> None:
    world = known(river=of_people(RIVER), hill=of_people(HILL))
    everyones = item(peoples=ANY)
    found = routed(adopted("body-river", "body-hill"), world, everyones)
    assert found.refused == (Unroutable("survey.sleep", Code.UNROUTABLE, frozenset({ISLAND})),)
    with_island = known(river=of_people(RIVER), hill=of_people(HILL), island=of_people(ISLAND))
    found = routed(adopted("body-river", "body-hill", "body-island"), with_island, everyones)
    assert {each.body for each in found.entries} == {"body-river", "body-hill", "body-island"}
    assert found.slice.peoples == frozenset(PEOPLES), "any would reach peoples not known today"
    assert found.items["survey.sleep"].peoples == frozenset(PEOPLES)


def test_only_the_peoples_in_the_slice_are_asked() -> None:
    world = known(river=of_people(RIVER), hill=of_people(HILL))
    found = routed(
        adopted("body-river", "body-hill"),
        world,
        item(peoples=ANY),
        asked=Slice(peoples=frozenset({RIVER})),
    )
    assert found.refused == ()
    assert asked_of(found) == {("body-river", "people"): ({RIVER}, set(), {"survey.sleep"})}


def test_places_are_asked_too_and_narrowed_too() -> None:
    world = known(river=of_people(RIVER), mouth=of_place(MOUTH), top=of_place(TOP))
    rules = adopted("body-river", "body-mouth", "body-top")
    everywhere = item(places=ANY)
    assert set(asked_of(routed(rules, world, everywhere))) == {
        ("body-river", "people"), ("body-mouth", "place"), ("body-top", "place"),
    }  # fmt: skip
    narrowed = routed(rules, world, everywhere, asked=Slice(places=frozenset({MOUTH})))
    assert asked_of(narrowed)["body-mouth", "place"] == (set(), {MOUTH}, {"survey.sleep"})
    assert ("body-top", "place") not in asked_of(narrowed)


def test_a_place_that_nobody_speaks_for_is_named() -> None:
    found = routed(
        adopted("body-river"), known(river=of_people(RIVER)), item(places=frozenset({TOP}))
    )
    assert found.refused[0].places == {TOP}
    assert found.refused[0].peoples == frozenset()


def test_an_item_of_which_no_record_is_in_the_slice_is_refused() -> None:
    world = known(river=of_people(RIVER), mouth=of_place(MOUTH))
    rules = adopted("body-river", "body-mouth")
    for said, asked in [
        ({}, Slice(frozenset({HILL}))),
        # The place's yes cannot stand for the people that were left out.
        ({"places": frozenset({MOUTH})}, Slice(frozenset({HILL}))),
        ({"places": frozenset({MOUTH})}, Slice(places=frozenset({TOP}))),
    ]:
        found = routed(rules, world, item(**said), asked=asked)
        assert found.refused == (Unroutable("survey.sleep", Code.NOTHING_LEFT),)
        assert found.entries == ()


def test_what_is_whole_is_not_cut_so_that_one_of_its_peoples_is_not_asked() -> None:
    world = known(river=of_people(RIVER), hill=of_people(HILL))
    rules = adopted("body-river", "body-hill")
    genome = item("genomes.plant", peoples=frozenset({RIVER, HILL}), whole=True)
    cut = routed(rules, world, genome, asked=Slice(frozenset({RIVER})))
    assert cut.refused == (Unroutable("genomes.plant", Code.NOTHING_LEFT),)
    whole = routed(rules, world, genome, asked=Slice(frozenset({RIVER, HILL})))
    assert {each.body for each in whole.entries} == {"body-river", "body-hill"}


def test_ethics_is_asked_about_every_item_in_its_mandate() -> None:
    ethics = Mandate(frozenset({Capacity.ETHICS}))
    some = Mandate(frozenset({Capacity.ETHICS}), items=frozenset({"survey.diet"}))
    world = known(river=of_people(RIVER), ethics=ethics, some=some)
    found = routed(
        adopted("body-river", "body-ethics", "body-some"), world, item(), item("survey.diet")
    )
    both = {"survey.sleep", "survey.diet"}
    assert asked_of(found) == {
        ("body-ethics", "ethics"): (set(), set(), both),
        ("body-river", "people"): ({RIVER}, set(), both),
        ("body-some", "ethics"): (set(), set(), {"survey.diet"}),
    }


def test_ethics_does_not_meet_a_people() -> None:
    found = routed(
        adopted("body-ethics"), known(ethics=Mandate(frozenset({Capacity.ETHICS}))), item()
    )
    assert found.refused[0].code is Code.UNROUTABLE


def test_a_line_for_one_class_asks_about_items_of_that_class_alone() -> None:
    pack = Pack(routing=(line(1, klass="genomic"),))
    world = known(river=of_people(RIVER))
    genomic = item("genomes.river", classes=frozenset({"genomic", "health"}))
    found = routed(adopted("body-river", pack=pack), world, item(), genomic)
    assert [each.item for each in found.refused] == ["survey.sleep"]
    assert asked_of(found) == {("body-river", "people"): ({RIVER}, set(), {"genomes.river"})}


def test_there_is_no_such_thing_as_a_deny_in_routing() -> None:
    """A stray deny line would take a body out of a route; there is nowhere to write one."""
    assert "effect" not in ROUTING_COLUMNS
    assert "effect" not in RoutingRule.__dataclass_fields__
    deny = RoutingRule("ROUTE-9", "body-river", "people", EVERY, EVERY, EVERY, "deny", "deny")
    rules = Enforcer([EVERYTHING.adopted_by("body-river"), Pack(routing=(deny,))])
    found = routed(rules, known(river=of_people(RIVER)), item())
    assert [each.body for each in found.entries] == ["body-river"]


# What is not settled.


def test_what_somebody_claims_cannot_be_asked_for() -> None:
    claimed = replace(item(), contested=True)
    found = routed(adopted("body-river"), known(river=of_people(RIVER)), claimed)
    assert found.refused == (Unroutable("survey.sleep", Code.CONTESTED),)
    assert found.entries == ()
    # Nobody has said what it is: that is told first, as of any such item.
    unknown = Item("survey.sleep", "survey", None, contested=True)
    found = routed(adopted("body-river"), known(river=of_people(RIVER)), unknown)
    assert found.refused[0].code is Code.UNCONFIRMED


@pytest.mark.parametrize(
    ("contested", "asked", "refused"),
    [
        ({RIVER}, Slice(), ({RIVER}, set())),
        ({RIVER}, Slice(frozenset({HILL})), None),
        ({MOUTH}, Slice(), (set(), {MOUTH})),
        ({MOUTH}, Slice(places=frozenset({TOP})), None),
        ({RIVER, MOUTH, ISLAND}, Slice(), ({RIVER}, {MOUTH})),
        ({ISLAND}, Slice(), None),
    ],
)
def test_peoples_and_places_for_whom_two_speak_wait_until_they_have_settled_it(
    contested, asked, refused
) -> None:
    world = known(
        river=of_people(RIVER), hill=of_people(HILL), mouth=of_place(MOUTH), top=of_place(TOP)
    )
    rules = adopted("body-river", "body-hill", "body-mouth", "body-top")
    whose = item(peoples=frozenset({RIVER, HILL}), places=frozenset({MOUTH, TOP}))
    found = routed(rules, replace(world, contested=frozenset(contested)), whose, asked=asked)
    if refused is None:
        assert found.refused == ()
    else:
        peoples, places = map(frozenset, refused)
        assert found.refused == (Unroutable(whose.id, Code.CONTESTED, peoples, places),)
        assert found.entries == ()
    assert routed(rules, world, whose, asked=asked).refused == ()


# In what order.


def test_the_route_says_after_whom_a_body_comes() -> None:
    world = replace(
        known(river=of_people(RIVER), elders=of_people(RIVER)),
        after={"body-river": frozenset({"ethics", "body-elders"})},
    )
    found = routed(adopted("body-river", "body-elders"), world, item())
    assert {each.body: each.after for each in found.entries} == {
        "body-elders": frozenset(), "body-river": {"ethics", "body-elders"},
    }  # fmt: skip


# A body asks for its own people's data.

AGENCY = Mandate(frozenset({Capacity.HOLDER}))
COMMITTEE = Mandate(frozenset({Capacity.ETHICS}))
OWN = Mandate(frozenset({Capacity.PEOPLE, Capacity.PLACE}), frozenset({RIVER}), frozenset({MOUTH}))
WORLD = known(
    river=OWN, elders=of_people(RIVER), hill=of_people(HILL), top=of_place(TOP),
    agency=AGENCY, committee=COMMITTEE,
)  # fmt: skip
ALL = adopted(*WORLD.mandates)


def on_the_way(*items: Item, world: Known = WORLD, **how: object) -> set[str]:
    found = routed(ALL, world, *items, **how)
    return {each.body.removeprefix("body-") for each in found.entries}


@pytest.mark.parametrize(
    ("peoples", "places", "asked", "ways"),
    [
        ({RIVER}, set(), Slice(), {"river", "elders", "agency"}),
        ({RIVER}, {MOUTH}, Slice(), {"river", "elders", "agency"}),
        ({RIVER, HILL}, set(), Slice(), {"river", "elders", "hill", "agency", "committee"}),
        ({RIVER}, {MOUTH, TOP}, Slice(), {"river", "elders", "top", "agency", "committee"}),
        # Others' records are not in it where they are not in the slice.
        ({RIVER, HILL}, set(), Slice(frozenset({RIVER})), {"river", "elders", "agency"}),
        ({RIVER}, {MOUTH, TOP}, Slice(places=frozenset({MOUTH})), {"river", "elders", "agency"}),
    ],
)
def test_by_the_light_path_only_others_interests_are_checked(peoples, places, asked, ways) -> None:
    whose = item(peoples=frozenset(peoples), places=frozenset(places))
    assert on_the_way(whose, asked=asked, for_body="body-river") == ways
    # Anybody else goes by the whole path.
    assert on_the_way(whose, asked=asked) == ways | {"committee"}


def test_ethics_looks_at_the_items_that_hold_others_records_alone() -> None:
    own, mixed = item(), item("survey.diet", peoples=frozenset({RIVER, HILL}))
    found = asked_of(routed(ALL, WORLD, own, mixed, for_body="body-river"))
    assert found["body-committee", "ethics"] == (set(), set(), {"survey.diet"})
    assert found["body-agency", "holder"] == (set(), set(), {"survey.sleep", "survey.diet"})


def test_both_bodies_of_one_people_are_asked_when_one_of_them_asks() -> None:
    found = asked_of(routed(ALL, WORLD, item(), for_body="body-elders"))
    assert {("body-river", "people"), ("body-elders", "people")} <= set(found)


def test_without_a_holder_who_answers_it_is_refused() -> None:
    nobody = replace(WORLD, mandates={k: m for k, m in WORLD.mandates.items() if m is not AGENCY})
    found = routed(ALL, nobody, item(), for_body="body-river")
    assert found.refused == (Unroutable("survey.sleep", Code.NO_HOLDER),)
    assert found.entries == ()
    assert found.lines == {}
    # For anybody else that is no obstacle, as before.
    assert routed(ALL, nobody, item()).refused == ()


@pytest.mark.parametrize(
    ("held", "unheld"), [("survey.sleep", "survey.diet"), ("survey.diet", "survey.sleep")]
)
def test_of_two_items_the_one_that_nobody_holds_is_refused(held, unheld) -> None:
    some = replace(AGENCY, items=frozenset({held}))
    world = replace(WORLD, mandates={**WORLD.mandates, "body-agency": some})
    found = routed(ALL, world, item(held), item(unheld), for_body="body-river")
    assert found.refused == (Unroutable(unheld, Code.NO_HOLDER),)
    assert all(each.items == {held} for each in found.entries)


@pytest.mark.parametrize(
    "stands",
    [
        replace(AGENCY, peoples=frozenset(PEOPLES), places=frozenset(PLACES)),
        replace(COMMITTEE, peoples=frozenset(PEOPLES), places=frozenset(PLACES)),
        replace(OWN, capacities=frozenset({Capacity.PLACE})),
        replace(OWN, until=START),
        None,
    ],
    ids=["a holder", "a committee", "for its place alone", "until yesterday", "nobody known"],
)
def test_nobody_takes_the_light_path_for_a_people_not_their_own(stands) -> None:
    mandates = dict(WORLD.mandates)
    if stands is not None:
        mandates["body-other"] = stands
    world = replace(WORLD, mandates=mandates)
    rules = adopted(*mandates)
    found = routed(rules, world, item(), for_body="body-other")
    assert "body-committee" in {each.body for each in found.entries}


def test_a_people_that_names_a_place_does_not_speak_for_it() -> None:
    people = replace(OWN, capacities=frozenset({Capacity.PEOPLE}))
    mandates = {**WORLD.mandates, "body-river": people, "body-mouth": of_place(MOUTH)}
    world = replace(WORLD, mandates=mandates)
    there = item(places=frozenset({MOUTH}))
    found = routed(adopted(*mandates), world, there, for_body="body-river")
    assert {"body-committee", "body-mouth"} <= {each.body for each in found.entries}


mandates = st.builds(
    Mandate,
    st.frozensets(st.sampled_from(Capacity), min_size=1),
    st.frozensets(st.sampled_from(PEOPLES)),
    st.frozensets(st.sampled_from(PLACES)),
    until=st.sampled_from([None, START, START + timedelta(days=1)]),
)
worlds = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), mandates, max_size=4)
said = st.builds(
    Classification,
    st.frozensets(st.sampled_from(["health", "child"]), min_size=1),
    st.just(ANY) | st.frozensets(st.sampled_from(PEOPLES)),
    st.just(ANY) | st.frozensets(st.sampled_from(PLACES)),
    st.booleans(),
).filter(lambda each: each.peoples or each.places)
catalogues = st.dictionaries(
    st.sampled_from(["survey.a", "survey.b", "survey.c"]), st.none() | said, min_size=1
)
some_lines = st.lists(
    st.builds(
        lambda number, capacity, body, klass, people: line(
            number, body, capacity, klass=klass, people=people
        ),
        st.integers(0, 99),
        st.sampled_from(["people", "people", "place", "ethics", "holder"]),
        st.sampled_from([SELF, SELF, SELF, NOBODY]),
        st.sampled_from([EVERY, EVERY, "child"]),
        st.sampled_from([EVERY, EVERY, RIVER]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.id,
)


@settings(max_examples=100)
@given(worlds, catalogues, some_lines, slices(1), st.randoms())
def test_the_route_does_not_depend_on_any_order(world, catalogue, lines, asked, rng) -> None:
    items = [Item(name, "survey", each) for name, each in catalogue.items()]

    def once() -> Route:
        bodies = list(world)
        rng.shuffle(bodies)
        rng.shuffle(items)
        rng.shuffle(lines)
        rules = Enforcer([Pack(routing=tuple(lines)).adopted_by(f"body-{b}") for b in bodies])
        mixed = known(**{name: world[name] for name in bodies})
        return route(rules, tuple(items), asked, mixed, START)

    first, second = once(), once()
    assert asked_of(first) == asked_of(second)
    assert [each.body for each in first.entries] == [each.body for each in second.entries]
    assert first.refused == second.refused
    assert first.items == second.items
    assert first.slice == second.slice


doubts = st.frozensets(st.sampled_from([*PEOPLES, *PLACES]), max_size=1)


@settings(max_examples=150)
@given(
    worlds, catalogues, some_lines, slices(1), doubts,
    st.none() | st.sampled_from(["body-a", "body-b"]),
)  # fmt: skip
def test_every_people_and_place_of_every_item_asked_for_is_met(
    world, catalogue, lines, asked, contested, for_body
) -> None:
    items = [Item(name, "survey", each) for name, each in catalogue.items()]
    rules = Enforcer([Pack(routing=tuple(lines)).adopted_by(f"body-{b}") for b in world])
    here = replace(known(**world), contested=contested)
    found = route(rules, items, asked, here, START, for_body)
    usual = route(rules, items, asked, here, START)
    own = world.get((for_body or "").removeprefix("body-"))
    speaks = own is not None and (own.until is None or own.until > START)
    if not speaks:
        assert found == usual
    nobody = [each for each in lines if each.body == NOBODY] if world else []
    assert set(found.items) | {each.item for each in found.refused} == set(catalogue)
    assert found.slice.peoples != ANY
    for name, facts in found.items.items():
        peoples = facts.peoples & found.slice.peoples
        places = facts.places if found.slice.places == ANY else facts.places & found.slice.places
        assert peoples or places
        assert not (peoples | places) & contested
        # The light path leaves out nobody but ethics committees, and them only where there
        # are no others' records.
        left_out = {(each.body, each.capacity) for each in usual.entries if name in each.items}
        left_out -= {(each.body, each.capacity) for each in found.entries if name in each.items}
        assert {capacity for _, capacity in left_out} <= {Capacity.ETHICS}
        if left_out:
            assert peoples <= (own.peoples if Capacity.PEOPLE in own.capacities else set())
            assert places <= (own.places if Capacity.PLACE in own.capacities else set())
        if speaks:
            on_it = {each.capacity for each in found.entries if name in each.items}
            assert Capacity.HOLDER in on_it
        if facts.whole:
            assert (peoples, places) == (facts.peoples, facts.places)
        on = [each for each in found.entries if name in each.items]
        for people in peoples:
            met = any(each.capacity is Capacity.PEOPLE and people in each.peoples for each in on)
            assert met or any(
                each.capacity == "people" and each.people in (EVERY, people) for each in nobody
            )
        for place in places:
            met = any(each.capacity is Capacity.PLACE and place in each.places for each in on)
            assert met or any(each.capacity == "place" for each in nobody)
    for entry in found.entries:
        mandate = world[entry.body.removeprefix("body-")]
        assert entry.capacity in mandate.capacities
        assert entry.peoples <= mandate.peoples & found.slice.peoples
        assert entry.places <= mandate.places
        assert entry.items <= set(found.items)
        assert set(entry.rules) <= set(found.lines)
        assert mandate.until is None or mandate.until > START
