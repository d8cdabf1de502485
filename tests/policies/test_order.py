"""The order in which bodies decide: at once, after one another, or never, if all wait."""

import graphlib
import random
from itertools import pairwise

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from policies.order import After, cycle, known, predecessors, stages, turn
from policies.types import Capacity, RouteEntry

RIVER, HILL, ISLAND, ETHICS, OTHER_ETHICS, HOLDER = (
    f"body-{name}" for name in ("river", "hill", "island", "ethics", "other-ethics", "holder")
)
BODIES = (RIVER, HILL, ISLAND, ETHICS, OTHER_ETHICS, HOLDER)


def entry(body: str, capacity: Capacity = Capacity.PEOPLE) -> RouteEntry:
    return RouteEntry(body, capacity)


ROUTE = (
    entry(RIVER),
    entry(RIVER, Capacity.PLACE),
    entry(HILL),
    entry(ETHICS, Capacity.ETHICS),
    entry(HOLDER, Capacity.HOLDER),
)


def says(**after: set[str]) -> After:
    return {f"body-{name}": frozenset(whom) for name, whom in after.items()}


def test_all_decide_at_once_unless_somebody_says_otherwise() -> None:
    assert stages(ROUTE, {}) == (frozenset({RIVER, HILL, ETHICS, HOLDER}),)
    assert cycle(ROUTE, {}) == ()
    for body in (RIVER, HILL, ETHICS, HOLDER):
        assert turn(body, predecessors(ROUTE, {}), frozenset()) == frozenset()


def test_after_ethics_and_after_the_iwi() -> None:
    after = says(river={"ethics"}, holder={"people"})
    assert stages(ROUTE, after) == (frozenset({HILL, ETHICS}), frozenset({RIVER}),
                                    frozenset({HOLDER}))  # fmt: skip
    assert turn(RIVER, predecessors(ROUTE, after), frozenset()) == {ETHICS}
    assert turn(RIVER, predecessors(ROUTE, after), frozenset({HILL})) == {ETHICS}
    assert turn(RIVER, predecessors(ROUTE, after), frozenset({ETHICS})) == frozenset()
    assert turn(HOLDER, predecessors(ROUTE, after), frozenset({HILL})) == {RIVER}
    assert turn(HILL, predecessors(ROUTE, after), frozenset()) == frozenset()


def test_after_one_body_by_its_id() -> None:
    assert predecessors(ROUTE, says(hill={RIVER}))[HILL] == {RIVER}
    assert stages(ROUTE, says(hill={RIVER})) == (
        frozenset({RIVER, ETHICS, HOLDER}), frozenset({HILL}),
    )  # fmt: skip


def test_a_body_never_waits_for_itself() -> None:
    after = says(river={"people", "place", RIVER})
    assert predecessors(ROUTE, after)[RIVER] == {HILL}
    assert cycle(ROUTE, after) == ()


def test_what_is_not_on_the_route_is_not_waited_for() -> None:
    after = says(river={ISLAND, OTHER_ETHICS}, island={RIVER})
    assert stages(ROUTE, after) == stages(ROUTE, {})
    assert ISLAND not in predecessors(ROUTE, after)
    without_ethics = tuple(each for each in ROUTE if each.body != ETHICS)
    assert (
        turn(RIVER, predecessors(without_ethics, says(river={"ethics", ETHICS})), frozenset())
        == frozenset()
    )


def test_a_capacity_means_every_other_body_in_that_standing_and_no_other() -> None:
    route = (*ROUTE, entry(OTHER_ETHICS, Capacity.ETHICS), entry(ISLAND, Capacity.PLACE))
    found = predecessors(route, says(hill={"ethics"}, island={"place"}, holder={"holder"}))
    assert found[HILL] == {ETHICS, OTHER_ETHICS}
    assert found[ISLAND] == {RIVER}
    assert found[HOLDER] == frozenset()


def test_two_who_wait_for_each_other_are_named() -> None:
    after = says(river={"ethics"}, ethics={RIVER}, hill={RIVER})
    assert cycle(ROUTE, after) == (ETHICS, RIVER)
    with pytest.raises(ValueError, match="must agree"):
        stages(ROUTE, after)


def test_two_committees_that_each_come_after_ethics_wait_for_each_other() -> None:
    route = (entry(ETHICS, Capacity.ETHICS), entry(OTHER_ETHICS, Capacity.ETHICS))
    after = {ETHICS: frozenset({"ethics"}), OTHER_ETHICS: frozenset({"ethics"})}
    assert cycle(route, after) == (ETHICS, OTHER_ETHICS)


def test_each_of_a_cycle_waits_for_the_next() -> None:
    after = says(river={HILL}, hill={ETHICS}, ethics={HOLDER}, holder={RIVER})
    assert cycle(ROUTE, after) == (ETHICS, HOLDER, RIVER, HILL)


def test_whoever_only_waits_for_a_cycle_need_not_agree_to_anything() -> None:
    # "body-a" comes first by the alphabet, and is stuck, but in no cycle.
    route = (*ROUTE, entry("body-a"))
    after = says(a={RIVER}, river={ETHICS}, ethics={RIVER})
    assert cycle(route, after) == (ETHICS, RIVER)


def test_of_several_cycles_always_the_same_is_given() -> None:
    """Whoever is told must be told the same again, on another day and another machine."""
    two = says(river={HILL}, hill={RIVER}, ethics={HOLDER}, holder={ETHICS})
    assert cycle(ROUTE, two) == (ETHICS, HOLDER)
    through_one = says(ethics={RIVER, HOLDER, HILL}, river={ETHICS}, holder={ETHICS}, hill={ETHICS})
    assert cycle(ROUTE, through_one) == (ETHICS, HILL)


@pytest.mark.parametrize("element", ["ethic", "People", "", "river", "body", "person-1", "*"])
def test_a_word_that_means_nobody_is_refused_not_passed_over(element) -> None:
    assert not known(element)
    after = {RIVER: frozenset({element})}
    for ask in (predecessors, cycle, stages):
        with pytest.raises(ValueError, match="neither a body nor a capacity"):
            ask(ROUTE, after)
    # What somebody says who is not on this route does not matter to it.
    assert stages(ROUTE, {ISLAND: frozenset({element})}) == stages(ROUTE, {})


def test_every_capacity_and_every_body_can_be_come_after() -> None:
    assert all(known(each) for each in (*Capacity, *BODIES, "body-deployment"))


def test_it_is_nobodys_turn_who_is_not_on_the_route() -> None:
    with pytest.raises(ValueError, match="not on the route"):
        turn(ISLAND, predecessors(ROUTE, {}), frozenset())


def test_an_empty_route_has_no_stages() -> None:
    assert stages((), says(river={"ethics"})) == ()
    assert cycle((), says(river={RIVER})) == ()


# As properties.

entries = st.builds(RouteEntry, st.sampled_from(BODIES), st.sampled_from(Capacity))
routes = st.lists(entries, max_size=9).map(tuple)
everybody = st.tuples(*(st.builds(RouteEntry, st.just(each), st.sampled_from(Capacity))
                        for each in BODIES))  # fmt: skip
words = st.sampled_from([*BODIES, *BODIES, *(str(each) for each in Capacity)])
afters = st.dictionaries(
    st.sampled_from(BODIES), st.frozensets(words, max_size=3), max_size=len(BODIES)
)
# Everybody comes after somebody: many of these go round in a circle.
many_afters = st.fixed_dictionaries(
    {body: st.frozensets(words, min_size=1, max_size=2) for body in BODIES}
)


def by_hand(route: tuple[RouteEntry, ...], after: After) -> dict[str, set[str]]:
    """Pair by pair: does `body` come after `other`?"""
    return {
        body: {
            other.body
            for other in route
            if other.body != body
            and after.get(body, frozenset()) & {other.body, str(other.capacity)}
        }
        for body in {each.body for each in route}
    }


@given(routes, afters)
def test_whom_a_body_waits_for_is_what_its_kawa_says(route, after) -> None:
    found = predecessors(route, after)
    assert found == by_hand(route, after)
    assert list(found) == sorted(found)


@given(routes, afters, st.frozensets(st.sampled_from(BODIES)))
def test_it_is_a_bodys_turn_when_all_it_comes_after_have_approved(route, after, approved) -> None:
    for body, others in by_hand(route, after).items():
        assert turn(body, predecessors(route, after), approved) == others - approved


@settings(max_examples=300)
@given(routes | everybody, many_afters | afters)
def test_a_cycle_is_found_exactly_when_there_is_one(route, after) -> None:
    waits_for = by_hand(route, after)
    found = cycle(route, after)
    event("a cycle" if found else "none")
    try:
        graphlib.TopologicalSorter(waits_for).prepare()
    except graphlib.CycleError:
        assert len(found) >= 2
        assert len(set(found)) == len(found)
        assert found[0] == min(found)
        for body, following in zip(found, (*found[1:], found[0]), strict=True):
            assert following in waits_for[body]
        with pytest.raises(ValueError, match="must agree"):
            stages(route, after)
    else:
        assert found == ()
        stages(route, after)


@given(routes | everybody, afters | many_afters)
def test_stages_part_the_bodies_and_keep_every_order_no_later_than_needed(route, after) -> None:
    if cycle(route, after):
        return
    found = stages(route, after)
    placed = {body: number for number, stage in enumerate(found) for body in stage}
    assert all(found)
    assert len(placed) == sum(len(stage) for stage in found)
    waits_for = by_hand(route, after)
    assert set(placed) == set(waits_for)
    for body, others in waits_for.items():
        assert placed[body] == max((placed[other] + 1 for other in others), default=0)


@given(routes | everybody, afters | many_afters)
def test_stages_are_those_that_the_standard_library_finds(route, after) -> None:
    if cycle(route, after):
        return
    sorter = graphlib.TopologicalSorter(by_hand(route, after))
    sorter.prepare()
    expected = []
    while sorter.is_active():
        ready = sorter.get_ready()
        expected.append(frozenset(ready))
        sorter.done(*ready)
    assert stages(route, after) == tuple(expected)


@given(routes, afters)
def test_approving_stage_by_stage_everybodys_turn_comes(route, after) -> None:
    if cycle(route, after):
        return
    approved: frozenset[str] = frozenset()
    for stage in stages(route, after):
        for body in stage:
            assert turn(body, predecessors(route, after), approved) == frozenset()
        approved |= stage
    assert approved == {each.body for each in route}


@given(routes)
def test_in_parallel_by_default(route) -> None:
    bodies = frozenset(each.body for each in route)
    assert stages(route, {}) == ((bodies,) if bodies else ())


@given(routes, afters, st.integers(0, 9))
def test_the_order_of_the_route_changes_nothing(route, after, seed) -> None:
    shuffled = list(route)
    random.Random(seed).shuffle(shuffled)
    assert cycle(tuple(shuffled), after) == cycle(route, after)
    assert predecessors(tuple(shuffled), after) == predecessors(route, after)


@given(st.integers(2, 200))
def test_a_long_chain_and_a_long_ring_are_no_trouble(length) -> None:
    bodies = [f"body-{n:03}" for n in range(length)]
    route = tuple(entry(body) for body in bodies)
    chain = {body: frozenset({before}) for before, body in pairwise(bodies)}
    assert stages(route, chain) == tuple(frozenset({body}) for body in bodies)
    ring = chain | {bodies[0]: frozenset({bodies[-1]})}
    assert cycle(route, ring) == (bodies[0], *reversed(bodies[1:]))
