"""The one order: every entry gets one place, whoever commits late or sequences at once."""

import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.ledger.chain import Leaves, head_of
from services.store import leaves, schema, streams
from services.store.session import Store

Together = Callable[..., list[Any]]
START = datetime(2026, 11, 23, tzinfo=UTC)


def order(house: Any) -> list[Any]:
    """(index, stream, sequence) of every leaf."""
    return [
        tuple(row)
        for row in house.rows(
            sa.select(schema.leaves.c.index, schema.entries.c.stream, schema.entries.c.sequence)
            .join(schema.entries, schema.entries.c.id == schema.leaves.c.entry)
            .order_by(schema.leaves.c.index)
        )
    ]


def assert_whole(house: Any, count: int) -> None:
    """Every entry has exactly one place, without gaps, each stream in its own sequence."""
    found = order(house)
    assert [each[0] for each in found] == list(range(count))
    assert house.rows("SELECT count(*) FROM entries") == [(count,)]
    last: dict[str, int] = {}
    for _, stream, number in found:
        assert number == last.get(stream, 0) + 1
        last[stream] = number


def waiting(house: Any, older_than: datetime) -> int:
    with house.store.read() as connection:
        return leaves.unsequenced(connection, older_than)


def test_places_are_given_once_and_in_order(house: Any) -> None:
    assert house.sequenced() == 0
    house.carried(*(house.answer(f"access-{n % 3}") for n in range(7)))
    assert house.sequenced() == 7
    assert house.sequenced() == 0
    house.carried(house.answer("access-0"))
    assert house.sequenced() == 1
    assert_whole(house, 8)
    # What was recorded first comes first.
    assert order(house)[:3] == [(0, "access-0", 1), (1, "access-1", 1), (2, "access-2", 1)]


def test_at_most_so_many_at_a_time(house: Any) -> None:
    house.carried(*(house.answer(f"access-{n % 2}") for n in range(5)))
    given = []
    for _ in range(4):
        with house.store.write() as connection:
            given.append(leaves.sequence(connection, most=2))
    assert given == [2, 2, 1, 0]
    assert_whole(house, 5)


def test_a_clock_set_back_does_not_turn_a_stream_round(
    house: Any, entry_on: Callable[..., Any]
) -> None:
    for number in range(6):
        for name in ("access-a", "access-b"):
            with house.store.write() as connection:
                stream = streams.get(connection, name)
                at = START - timedelta(hours=number)
                streams.append(connection, entry_on(stream, number, at), "digest")
    given = 1
    while given:
        with house.store.write() as connection:
            given = leaves.sequence(connection, most=1)
    assert_whole(house, 12)


def test_the_alarm_counts_what_has_waited(house: Any) -> None:
    house.carried(house.answer())
    house.sequenced()
    house.carried(house.answer(), house.answer())
    now = house.now()
    assert waiting(house, now + timedelta(seconds=1)) == 2
    assert waiting(house, now - timedelta(minutes=1)) == 0
    house.sequenced()
    assert waiting(house, now + timedelta(days=1)) == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_is_committed_late_gets_a_place(house: Any) -> None:
    """Its instant, and any number drawn for it, are older than those already in place."""
    with house.held_open(house.answer("access-slow")) as finish:
        house.carried(house.answer("access-quick"), house.answer("access-quick"))
        assert house.sequenced() == 2
        slow = finish()
    quick = house.stream("access-quick")
    assert slow["at"] < quick[0]["at"]
    house.carried(house.answer("access-slow"))
    assert house.sequenced() == 2
    assert house.sequenced() == 0
    assert_whole(house, 4)
    assert [each[1] for each in order(house)] == ["access-quick"] * 2 + ["access-slow"] * 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_one_sequencer_at_a_time(house: Any) -> None:
    house.carried(house.answer())
    with house.store.write() as connection:
        assert leaves.sequence(connection) == 1
        # The other does not wait: there is nothing for it to do.
        assert house.sequenced() == 0
    house.carried(house.answer())
    assert house.sequenced() == 1
    assert_whole(house, 2)


def test_sequencers_and_writers_at_once(house: Any, together: Together) -> None:
    writing = threading.Event()
    others = [house.another() for _ in range(3)]

    def write(own: Any, number: int) -> Callable[[], None]:
        def work() -> None:
            for n in range(15):
                own.carry(house.answer(f"access-{(n + number) % 4}"))

        return work

    def sequence(own: Any) -> Callable[[], int]:
        def work() -> int:
            given = 0
            while not writing.is_set():
                with own._store.write() as connection:
                    given += leaves.sequence(connection, most=3)
                time.sleep(0.005)
            return given

        return work

    def write_all() -> None:
        try:
            for thread in [threading.Thread(target=write(own, n)) for n, own in enumerate(others)]:
                thread.start()
                threads.append(thread)
            for thread in threads:
                thread.join()
        finally:
            writing.set()

    threads: list[threading.Thread] = []
    found = together(write_all, *(sequence(own) for own in others[:2]))
    given = house.sequenced() + sum(found[1:])
    assert found[0] is None
    assert given == 45
    assert_whole(house, 45)
    for each in others:
        each._store.close()


def stored(house: Any) -> list[bytes]:
    query = (
        sa.select(schema.entries.c.canonical)
        .join(schema.leaves, schema.leaves.c.entry == schema.entries.c.id)
        .order_by(schema.leaves.c.index)
    )
    return [bytes(row.canonical) for row in house.rows(query)]


def test_the_head_is_that_of_the_entries_in_place(house: Any) -> None:
    assert leaves.head(house.store) == head_of([])
    for number in range(1, 6):
        house.carried(*(house.answer() for _ in range(number)))
        house.sequenced()
        house.carried(house.answer("access-later"))
        assert leaves.head(house.store) == head_of(stored(house))
        assert leaves.head(house.store).size == len(stored(house))


def test_only_what_was_added_is_read_for_a_head(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[bytes] = []
    add = Leaves.add_hash
    monkeypatch.setattr(Leaves, "add_hash", lambda tree, d: added.append(d) or add(tree, d))
    house.carried(*(house.answer() for _ in range(4)))
    house.sequenced()
    leaves.head(house.store)
    house.carried(house.answer())
    house.sequenced()
    for _ in range(3):
        leaves.head(house.store)
    assert len(added) == 5


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("entries", [1, 3, 5])
def test_another_database_in_its_place_is_read_anew(house: Any, entries: int) -> None:
    """Put back from a copy, shorter, as long, or longer, with other entries in it."""
    path = house.store.url.removeprefix("sqlite:///")
    house.store.close()
    shutil.copyfile(path, path + ".copy")
    house.carried(*(house.answer() for _ in range(3)))
    house.sequenced()
    first = leaves.head(house.store)
    house.store.close()
    shutil.copyfile(path + ".copy", path)
    house.carried(*(house.answer("access-other") for _ in range(entries)))
    house.sequenced()
    second = leaves.head(house.store)
    assert second == head_of(stored(house))
    assert (second.size, second.root == first.root) == (entries, False)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_missing_leaf_or_entry_is_said(house: Any) -> None:
    house.carried(*(house.answer() for _ in range(4)))
    house.sequenced()
    for name in ("entries_never_go", "leaves_never_go"):
        house.do(f"DROP TRIGGER {name}")
    house.do('DELETE FROM leaves WHERE "index" = 1')
    with pytest.raises(leaves.DamagedError, match="leaf 1 is missing"):
        leaves.head(Store(house.store.url))
    house.do("INSERT INTO leaves VALUES (1, 'entry-gone')")
    with pytest.raises(leaves.DamagedError, match="entry-gone, leaf 1, is missing"):
        leaves.head(Store(house.store.url))
