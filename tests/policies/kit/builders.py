"""Small parts that several tests are built from. All peoples, places and persons are invented."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from policies.slices import ANY, Slice
from policies.types import Kawa, KawaRule, Level, Named, Sitting, Voice

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PERSONS = tuple(f"person-{n}" for n in range(8))
PEOPLES = ("river-people", "hill-people", "island-people")
PLACES = ("river-mouth", "hill-top")
YEARS = (2018, 2023)

voices = st.sampled_from(Voice)
persons = st.sampled_from(PERSONS)


def sitting(
    body: str,
    *members: str,
    kawa: Kawa | None = None,
    secretaries: tuple[str, ...] = (),
    version: int = 1,
) -> Sitting:
    """A body of these members; consensus unless said otherwise."""
    decides = kawa or Kawa(KawaRule.CONSENSUS)
    return Sitting(body, version, decides, frozenset(members), frozenset(secretaries))


def kawas(people: tuple[str, ...] = PERSONS) -> st.SearchStrategy[Kawa]:
    """Any kawa among `people`; named assent with and without delegates."""
    quorum = st.integers(1, 3)
    named = st.lists(
        st.builds(Named, st.sampled_from(people), st.none() | st.sampled_from(people)),
        min_size=1,
        max_size=3,
        unique_by=lambda each: each.person,
    ).map(tuple)
    present = st.frozensets(st.sampled_from(people), max_size=2)
    plain = st.builds(
        Kawa,
        st.sampled_from([KawaRule.CONSENSUS, KawaRule.MAJORITY]),
        quorum,
        present=st.just(frozenset()) | present,
    )
    listed = st.builds(
        Kawa,
        st.just(KawaRule.WHANAU),
        quorum,
        named,
        delegate=st.none() | st.sampled_from(people),
    )
    return plain | listed | st.builds(Kawa, st.just(KawaRule.NAMED_ASSENT), quorum, named)


def delegations(people: tuple[str, ...] = PERSONS) -> st.SearchStrategy[dict[str, str]]:
    """Who speaks for whom: nobody for two, nobody for somebody who speaks for another."""
    pairs = st.lists(st.sampled_from(people), max_size=4, unique=True)
    return pairs.map(lambda each: dict(zip(each[::2], each[1::2], strict=False)))


def parts(values: tuple, smallest: int = 0) -> st.SearchStrategy:
    """A part of a slice: a set of `values`, or any."""
    return st.just(ANY) | st.frozensets(st.sampled_from(values), min_size=smallest)


def slices(smallest: int = 0) -> st.SearchStrategy[Slice]:
    """Any slice of the invented peoples, places and years; empty ones too unless `smallest`."""
    return st.builds(
        Slice,
        parts(PEOPLES, smallest),
        parts(PLACES, smallest),
        parts(YEARS, smallest),
        st.sampled_from(Level),
    )
