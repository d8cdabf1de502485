"""Commands, events and states are read as they were written; stored events stay readable."""

import json
import typing
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from from_hints import readable, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import codec
from policies.catalogue.classification import Classification
from policies.conditions import Condition
from policies.grant.commands import Issue
from policies.machines import (
    MACHINES,
    UPCASTERS,
    VERSIONS,
    kind_of,
    version_of,
    written_command,
    written_event,
)
from policies.permissions import COMMAND_ACTS, GRAMMAR, OTHER_ACTS, act_of
from policies.request.commands import RecordHui, Submit
from policies.slices import ANY, Slice
from policies.types import Envelope, Kawa, Named, TextId

SAMPLES = Path(__file__).parent / "samples" / "events.json"
COMMANDS = [
    (machine.kind, name) for machine in MACHINES.values() for name in sorted(machine.commands)
]
EVENTS = [(machine.kind, name) for machine in MACHINES.values() for name in sorted(machine.events)]


def through_json(value: object) -> object:
    return json.loads(json.dumps(value, sort_keys=True, ensure_ascii=False))


# What is written is read back.


@pytest.mark.parametrize(("kind", "name"), COMMANDS)
@settings(max_examples=8)
@given(data=st.data())
def test_a_command_is_read_as_it_was_written(kind, name, data) -> None:
    machine = MACHINES[kind]
    command = data.draw(values_of(machine.commands[name]))
    assert machine.command(through_json(written_command(command))) == command


@pytest.mark.parametrize(("kind", "name"), EVENTS)
@settings(max_examples=8)
@given(data=st.data())
def test_an_event_is_read_as_it_was_written(kind, name, data) -> None:
    machine = MACHINES[kind]
    event = data.draw(values_of(machine.events[name]))
    written = through_json(written_event(event))
    assert set(written) == {"type", "version", "data"}
    assert machine.event(written["type"], written["version"], written["data"]) == event


@pytest.mark.parametrize("kind", sorted(MACHINES))
@settings(max_examples=20)
@given(data=st.data())
def test_a_state_is_read_as_it_was_kept(kind, data) -> None:
    state_type = type(MACHINES[kind].initial)
    state = data.draw(values_of(state_type))
    assert codec.decode(state_type, through_json(codec.encode(state))) == state
    initial = MACHINES[kind].initial
    assert codec.decode(state_type, through_json(codec.encode(initial))) == initial


@settings(max_examples=30)
@given(values_of(Envelope))
def test_an_envelope_is_read_as_it_was_written(envelope) -> None:
    assert codec.decode(Envelope, through_json(codec.encode(envelope))) == envelope


@settings(max_examples=30)
@given(values_of(Submit), st.randoms())
def test_equal_values_are_written_equally_whatever_order_they_were_made_in(command, rng) -> None:
    def shuffled(mapping):
        pairs = list(mapping.items())
        rng.shuffle(pairs)
        return dict(pairs)

    content = type(command.content)(**{
        **{each.name: getattr(command.content, each.name) for each in fields(command.content)},
        "why": shuffled(command.content.why), "words": shuffled(command.content.words),
    })  # fmt: skip
    again = Submit(content, command.pinned, command.remind_at)
    assert json.dumps(codec.encode(again), sort_keys=True) == json.dumps(
        codec.encode(command), sort_keys=True
    )


def test_instants_are_written_in_utc_to_the_microsecond() -> None:
    auckland = timezone(timedelta(hours=13))
    value = datetime(2026, 3, 2, 22, 0, 0, 5, tzinfo=auckland)
    assert codec.written(value) == "2026-03-02T09:00:00.000005Z"
    assert codec.instant("2026-03-02T22:00:00.000005+13:00") == value
    assert codec.instant(codec.written(value)).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00",
        "2026-03-02",
        "soon",
        "",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-12:00",
    ],
)
def test_an_instant_without_a_zone_or_outside_time_is_refused(text) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.instant(text)


@pytest.mark.parametrize("value", [1.5, object(), b"bytes", {"a": 0.1}, [complex(1)]])
def test_what_has_no_place_in_a_record_cannot_be_written(value) -> None:
    with pytest.raises(TypeError, match="cannot be recorded"):
        codec.encode(value)


# What is not of the declared shape is refused.


@dataclass(frozen=True)
class Every:
    """One field of every shape that the codec reads."""

    words: str
    number: int
    truth: bool
    text: TextId
    when: datetime
    day: date
    some: frozenset[str]
    several: tuple[int, ...]
    named: typing.Mapping[str, int]
    part: frozenset[str] | typing.Literal["any"]
    nested: Named
    maybe: str | None = None


GOOD = {
    "words": "ā", "number": 1, "truth": True, "text": "text-1", "when": "2026-03-02T09:00:00Z",
    "day": "2026-03-02", "some": ["b", "a"], "several": [1, 2], "named": {"a": 1}, "part": "any",
    "nested": {"person": "person-1"},
}  # fmt: skip


def test_a_value_of_every_shape_is_read() -> None:
    assert codec.decode(Every, GOOD) == Every(
        "ā", 1, True, TextId("text-1"), datetime(2026, 3, 2, 9, tzinfo=UTC), date(2026, 3, 2),
        frozenset({"a", "b"}), (1, 2), {"a": 1}, ANY, Named("person-1"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("words", None),
        ("words", 1),
        ("words", ["a"]),
        ("number", "1"),
        ("number", True),
        ("number", 1.0),
        ("truth", 1),
        ("truth", "yes"),
        ("text", None),
        ("text", 5),
        ("when", 5),
        ("when", "2026-03-02"),
        ("day", 5),
        ("day", "yesterday"),
        # A word where a list belongs would be read as its letters.
        ("some", "river"),
        ("some", {"river": 1}),
        ("some", [1]),
        ("some", None),
        ("several", "12"),
        ("several", [True]),
        ("named", [["a", 1]]),
        ("named", {"a": "1"}),
        ("part", "all"),
        ("part", None),
        ("nested", "person-1"),
        ("nested", None),
        ("nested", {}),
        ("nested", {"person": "person-1", "power": "all"}),
        ("maybe", 1),
    ],
)
def test_a_value_of_another_shape_is_refused(field, value) -> None:
    with pytest.raises(ValueError, match=r"."):
        codec.decode(Every, {**GOOD, field: value})


@pytest.mark.parametrize("field", sorted(set(GOOD)))
def test_a_missing_field_is_refused(field) -> None:
    with pytest.raises(ValueError, match="incomplete"):
        codec.decode(Every, {name: each for name, each in GOOD.items() if name != field})


def test_an_unknown_field_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="has no field 'more'"):
        codec.decode(Every, {**GOOD, "more": 1})


@pytest.mark.parametrize("value", [None, [], "Named", 5])
def test_what_is_no_object_is_refused(value) -> None:
    with pytest.raises(ValueError, match="belongs here"):
        codec.decode(Named, value)


@pytest.mark.parametrize("value", [{}, {"kind": "Issue"}, {"kind": "submit"}, {"kind": ""}])
def test_a_command_that_a_stream_does_not_have_is_refused(value) -> None:
    with pytest.raises(ValueError, match="no such command"):
        MACHINES["request"].command(value)


def test_an_unknown_kawa_or_level_is_refused() -> None:
    with pytest.raises(ValueError, match="not a valid"):
        codec.decode(Kawa, {"rule": "chief", "quorum": 1})
    with pytest.raises(ValueError, match="level"):
        codec.decode(Slice, {"level": "finest"})


# Ids of words are found wherever they are.


def test_every_text_id_inside_an_event_is_found() -> None:
    hui = MACHINES["request"].events["HuiRecorded"]
    assert list(codec.text_ids(readable(hui))) == ["text-minutes"]
    condition = Condition("condition-1", "body-river", "own_words", words=TextId("text-own"))
    terms = readable(Issue).terms
    held = Issue(type(terms)(**{**vars(terms), "conditions": (condition, condition)}))
    assert list(codec.text_ids(held)) == ["text-own", "text-own"]
    assert list(codec.text_ids(readable(Submit))) == ["text-why", "text-words"]
    assert list(codec.text_ids(Classification(frozenset({"health"})))) == []


@pytest.mark.parametrize("kind", [Submit, RecordHui])
@settings(max_examples=30)
@given(data=st.data())
def test_a_text_id_stays_one_on_the_way(kind, data) -> None:
    """The recorder claims words by their type; a plain string would be left unclaimed."""
    value = data.draw(values_of(kind))
    read = codec.decode(kind, through_json(codec.encode(value)))
    assert sorted(codec.text_ids(read)) == sorted(codec.text_ids(value))


# Names of things.


def test_a_command_has_one_name_in_the_rules() -> None:
    assert act_of("request", "RecordHui") == "body:request:record_hui"
    assert act_of("grant", "Issue") == "system:grant:issue"
    assert {act_of(kind, name) for kind, name in COMMANDS} == COMMAND_ACTS
    assert all(GRAMMAR.fullmatch(each) for each in COMMAND_ACTS | OTHER_ACTS)


def test_a_streams_name_says_its_kind() -> None:
    for kind in MACHINES:
        assert kind_of(f"{kind}-00000000-0000-0000-0000-000000000000") == kind


# What was stored once stays readable.


def stored() -> list[dict]:
    return json.loads(SAMPLES.read_text(encoding="utf-8"))


def test_there_is_one_sample_of_each_version_of_each_event() -> None:
    """A new event, or a new version of one, needs a sample in samples/events.json.

    Write it once, as the ledger holds it, and never change it afterwards: it stands for
    what people's ledgers hold.
    """
    there = [(each["stream"], each["type"], each["version"]) for each in stored()]
    needed = [
        (kind, name, version) for kind, name in EVENTS for version in range(1, version_of(name) + 1)
    ]
    assert sorted(there) == sorted(needed)


@pytest.mark.parametrize(
    "sample", stored(), ids=lambda each: f"{each['stream']} {each['type']} {each['version']}"
)
def test_what_was_stored_is_still_read(sample) -> None:
    machine = MACHINES[sample["stream"]]
    event = machine.event(sample["type"], sample["version"], sample["data"])
    assert type(event) is machine.events[sample["type"]]
    if sample["version"] == version_of(sample["type"]):
        # Otherwise the shape has changed, and that needs a new version.
        assert written_event(event)["data"] == sample["data"]


def test_each_older_version_has_its_upcaster_and_no_other_has() -> None:
    needed = {(name, version) for name in VERSIONS for version in range(1, version_of(name))}
    assert set(UPCASTERS) == needed
    assert set(VERSIONS) <= {name for _, name in EVENTS}


@pytest.mark.parametrize(("name", "version"), [("Sung", 1), ("Withdrawn", 2)])
def test_an_event_of_a_later_accord_is_refused(name, version) -> None:
    with pytest.raises(ValueError, match="later Accord"):
        MACHINES["request"].event(name, version, {})
