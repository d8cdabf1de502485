"""What items are: confirmed only by bodies concerned, and the strictest of what they say."""

from __future__ import annotations

import pytest
from builders import PEOPLES, PLACES, START, sitting
from hypothesis import given
from hypothesis import strategies as st
from ledger_in_memory import Stream

from policies import catalogue as c
from policies.refusals import Code, Refused
from policies.slices import ANY
from policies.types import Envelope, TextId

RIVER, HILL, ISLAND = PEOPLES
ANN, BEN = "person-ann", "person-ben"
NOBODYS = frozenset()


def stream() -> Stream:
    """A catalogue that knows the invented peoples and places, and one collection."""
    told = Stream("catalogue", "c")
    names = (
        {each: TextId("text-1") for each in PEOPLES},
        {each: TextId("text-1") for each in PLACES},
    )
    send(told, c.Name(*names))
    send(told, c.Import("batch-1", "hash-1", 2, ("survey",)))
    return told


def send(told: Stream, command: object, actor: str = ANN) -> object:
    name = f"command-{told.sequence + 1}"
    return told.send(Envelope(name, "catalogue-main", told.sequence, actor, START, command))


def confirm(
    said: c.Classification, peoples=frozenset({RIVER}), places=NOBODYS, actor=ANN
) -> object:
    body = sitting("body-river", ANN)
    return send(
        stream(), c.Confirm(body, frozenset({"survey.sleep"}), said, peoples, places), actor
    )


def said(peoples=frozenset({RIVER}), places=NOBODYS, classes=frozenset({"health"})) -> object:
    return c.Classification(classes, peoples, places)


@pytest.mark.parametrize(
    ("classification", "code"),
    [
        (said(), None),
        (said(ANY), None),
        (said(frozenset({RIVER, HILL})), None),
        (said(frozenset({HILL})), Code.NOT_WITHIN),
        (said(NOBODYS, frozenset({PLACES[0]})), Code.NOT_WITHIN),
        (said(NOBODYS), Code.INVALID),
        (said(frozenset({RIVER, "unknown-people"})), Code.INVALID),
        (said(places=frozenset({"unknown-place"})), Code.INVALID),
        (said(classes=NOBODYS), Code.INVALID),
        (said(classes=frozenset({"health", "secret"})), Code.INVALID),
    ],
)
def test_a_body_confirms_what_concerns_its_own_people(classification, code) -> None:
    found = confirm(classification)
    assert (found.code if isinstance(found, Refused) else None) is code


def test_a_body_confirms_what_concerns_its_own_place() -> None:
    place = frozenset({PLACES[0]})
    assert not isinstance(confirm(said(NOBODYS, place), NOBODYS, place), Refused)
    assert confirm(said(ANY, ANY), NOBODYS, NOBODYS).code is Code.NOT_WITHIN


def test_only_those_of_the_body_confirm_in_its_name() -> None:
    assert confirm(said(), actor=BEN).code is Code.NOT_A_MEMBER


def test_a_file_is_imported_once() -> None:
    told = stream()
    assert send(told, c.Import("batch-2", "hash-1", 2, ("survey",))).code is Code.ALREADY_DONE
    assert not isinstance(send(told, c.Import("batch-2", "hash-2", 2, ("survey",))), Refused)


parts = st.just(ANY) | st.frozensets(st.sampled_from(PEOPLES))
classifications = st.builds(
    c.Classification,
    st.frozensets(st.sampled_from(["health", "child", "voice"]), min_size=1),
    parts,
    parts,
    st.booleans(),
)


@given(st.lists(classifications, max_size=4), st.randoms())
def test_of_several_words_the_strictest_holds_in_any_order(confirmed, rng) -> None:
    found = c.strictest(confirmed)
    rng.shuffle(confirmed)
    assert c.strictest(confirmed) == found
    if found is None:
        assert not confirmed
        return
    for each in confirmed:
        assert each.classes <= found.classes
        assert each.whole <= found.whole
        for one, all_of_them in ((each.peoples, found.peoples), (each.places, found.places)):
            assert all_of_them == ANY or (one != ANY and one <= all_of_them)
        assert each.joined(each) == each
    assert found.classes == frozenset().union(*(each.classes for each in confirmed))
