"""Group commit: answers asked for at the same moment share a commit, and nothing else."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from policies.access import Answer
from policies.refusals import Code, RefusedError
from policies.types import Authorisation, Envelope
from services import freshness
from services.committing import Batch, Carried, Committer
from services.ledger.verify import verify
from services.store import schema, versions

RIVER, HILL = "access-river", "access-hill"
REQUEST = "request-1"
WITHIN = 30.0
OWN = 3
"""How many entries `at_once` makes itself."""
HALF = "\ud800"
"""Half a surrogate pair: no JSON can be written of it."""


class Counted:
    """The recorder's way of carrying, with how many batches it was given each time."""

    def __init__(self, house: Any) -> None:
        self._carry = house.recorder.carry_together
        self.sizes: list[int] = []

    def __call__(self, batches: Any) -> Any:
        self.sizes.append(len(batches))
        return self._carry(batches)


@pytest.fixture
def counted(house: Any) -> Counted:
    return Counted(house)


@pytest.fixture
def committer(counted: Counted) -> Iterator[Committer]:
    made = Committer(counted)
    yield made
    made.close()


@pytest.fixture
def at_once(house: Any, committer: Committer) -> Callable[..., list[Future[Carried]]]:
    """Has batches come in while the committer is kept busy by a commit of somebody else's on the
    same stream, so that they are taken together."""

    def submit(*batches: Batch) -> list[Future[Carried]]:
        # The first entry of a stream has nothing to wait for each other by.
        house.recorder.carry(house.answer(RIVER))
        with house.held_open(house.answer(RIVER)) as finish:
            busy = committer.submit(Batch([house.answer(RIVER)]))
            while not busy.running():
                pass
            futures = [committer.submit(each) for each in batches]
            finish()
        busy.result(WITHIN)
        return futures

    return submit


def poisoned(envelope: Envelope) -> Envelope:
    answer: Answer = envelope.command
    return replace(envelope, command=replace(answer, purpose=HALF))


def relying(house: Any, envelope: Envelope, **more: int) -> Envelope:
    with house.store.read() as connection:
        present = versions.read(connection, [versions.RULES, versions.RESTRICTIONS])
    return replace(envelope, authorisation=Authorisation("HOUSE-ANY", {**present, **more}))


def recorded(house: Any) -> set[str]:
    return {row.command for row in house.rows(sa.select(schema.entries.c.command))}


def test_each_stream_has_its_entries_in_order(house: Any) -> None:
    """Beside those that are carried one by one, and in whatever process."""
    first = house.recorder.carry(house.answer(RIVER))
    batches = [
        Batch([house.answer(RIVER), house.answer(HILL), house.answer(RIVER)]),
        Batch([house.answer(HILL)]),
    ]
    outcomes = house.recorder.carry_together(batches)
    other = house.another()
    between = other.carry(house.answer(HILL))
    outcomes += house.recorder.carry_together([Batch([house.answer(HILL), house.answer(RIVER)])])
    made = [entry for outcome in outcomes for entry in outcome.entries]
    assert [entry["sequence"] for entry in made] == [2, 1, 3, 2, 4, 4]
    for stream in (RIVER, HILL):
        own = [entry for entry in (first, between, *made) if entry["stream"] == stream]
        assert sorted(own, key=lambda entry: entry["sequence"]) == house.stream(stream)
    commands = [each.id for batch in batches for each in batch.envelopes]
    assert [entry["command"] for entry in made[:4]] == commands
    house.sequenced()
    report = verify(house.exported())
    assert (report.problems, report.entries) == ((), 8)
    other._store.close()


def test_it_writes_what_one_by_one_would(house: Any) -> None:
    """But for what no two entries share."""
    one = house.recorder.carry(relying(house, house.answer(HILL)))
    (outcome,) = house.recorder.carry_together([Batch([relying(house, house.answer(RIVER))])])
    (entry,) = outcome.entries
    own = {"id", "stream", "command", "at"}
    assert {k: v for k, v in entry.items() if k not in own} == {
        k: v for k, v in one.items() if k not in own
    }
    assert freshness.is_fresh(outcome.checked)


def test_an_empty_round_writes_nothing(house: Any) -> None:
    assert house.recorder.carry_together([]) == []
    stale = relying(house, house.answer(RIVER), rules=7)
    (refused,) = house.recorder.carry_together([Batch([stale])])
    assert refused.refused.code is Code.STALE
    assert house.rows(sa.select(schema.streams.c.id)) == []


def test_who_is_stale_is_told_alone(house: Any) -> None:
    good = [relying(house, house.answer(RIVER)) for _ in range(4)]
    stale = relying(house, house.answer(RIVER), restrictions=3)
    outcomes = house.recorder.carry_together(
        [Batch([good[0]]), Batch([good[1], stale]), Batch([good[2]]), Batch([good[3]])]
    )
    refused = outcomes.pop(1)
    assert refused.refused.code is Code.STALE
    assert all(isinstance(each, Carried) for each in outcomes)
    # Of a batch of which one is stale nothing is there.
    assert recorded(house) == {good[0].id, good[2].id, good[3].id}
    assert [each["sequence"] for each in house.stream(RIVER)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("seen", "stale"), [({REQUEST: 1}, False), ({REQUEST: 0}, True), ({"grant-no": 1}, True)]
)
def test_what_else_was_read_must_stand_as_well(house: Any, seen: Any, stale: bool) -> None:
    house.record(house.submit(REQUEST))
    (outcome,) = house.recorder.carry_together([Batch([house.answer(RIVER)], seen)])
    assert isinstance(outcome, RefusedError) is stale
    if stale:
        assert outcome.refused.code is Code.STALE


def test_a_version_that_is_moving_is_waited_for(house: Any, in_thread: Any) -> None:
    """Whoever changes the rules has not committed yet: the answer is not recorded before."""
    batch = Batch([relying(house, house.answer(RIVER))])
    with house.store.write() as connection:
        versions.raise_(connection, versions.RULES)
        thread = in_thread(lambda: house.recorder.carry_together([batch]))
        thread.join(0.3)
        assert thread.is_alive()
    (refused,) = thread.result()
    assert refused.refused.code is Code.STALE
    assert house.stream(RIVER) == []


def test_what_is_carried_by_itself_is_not_carried_together(house: Any) -> None:
    """A stream with a workflow; a command that system may not give; words."""
    outcomes = house.recorder.carry_together(
        [
            Batch([house.submit(REQUEST)]),
            Batch([house.enter("body-a")]),
            Batch([replace(house.answer(RIVER), actor="person-1", authorisation=None)]),
            Batch([house.answer(RIVER)]),
        ]
    )
    assert [type(each) for each in outcomes] == [ValueError, ValueError, RefusedError, Carried]
    assert house.stream(REQUEST) == house.stream("body-a") == []


def test_those_who_wait_share_a_commit(
    house: Any, counted: Counted, at_once: Callable[..., Any]
) -> None:
    batches = [Batch([house.answer(each)]) for each in (RIVER, HILL) * 5]
    entries = [future.result(WITHIN).entries for future in at_once(*batches)]
    assert counted.sizes == [1, 10]
    for batch, (entry,) in zip(batches, entries, strict=True):
        assert entry["command"] == batch.envelopes[0].id
    assert [each["sequence"] for each in house.stream(HILL)] == [1, 2, 3, 4, 5]
    assert len(house.stream(RIVER)) == OWN + 5


@pytest.mark.parametrize("poison", ["no JSON", "a command again"])
def test_one_that_fails_fails_none_of_the_others(
    house: Any, counted: Counted, at_once: Callable[..., Any], poison: str
) -> None:
    """In Python, before anything is written; and in the database, which spoils the transaction."""
    once = house.recorder.carry(house.answer(HILL))
    again = replace(house.answer(RIVER), id=once["command"])
    bad = poisoned(house.answer(RIVER)) if poison == "no JSON" else again
    batches = [Batch([house.answer(RIVER), house.answer(RIVER)]) for _ in range(4)]
    batches.insert(2, Batch([house.answer(RIVER), bad, house.answer(RIVER)]))
    futures = at_once(*batches)
    failed = futures.pop(2).exception(WITHIN)
    assert isinstance(failed, ValueError if poison == "no JSON" else IntegrityError)
    good = [batches[number] for number in (0, 1, 3, 4)]
    for future, batch in zip(futures, good, strict=True):
        commands = [each["command"] for each in future.result(WITHIN).entries]
        assert commands == [each.id for each in batch.envelopes]
    assert [each["sequence"] for each in house.stream(RIVER)] == list(range(1, OWN + 9))
    assert recorded(house).isdisjoint(each.id for each in batches[2].envelopes if each is not again)
    assert counted.sizes == ([1, 5] if poison == "no JSON" else [1, 5, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("when", ["INSERT INTO entries", "COMMIT"])
def test_a_database_that_is_lost_in_the_middle_answers_nobody(
    house: Any, counted: Counted, at_once: Callable[..., Any], committer: Committer, when: str
) -> None:
    """Before the commit nothing is there. At the commit nobody knows, and nobody is told yes."""
    engine = house.store.engine
    lost: list[int] = []

    def lose(connection: sa.Connection) -> None:
        if lost or threading.current_thread().name != "committer":
            return
        if len(house.stream(RIVER)) < OWN:
            return
        pid = connection.connection.driver_connection.info.backend_pid
        lost.append(pid)
        house.do(f"SELECT pg_terminate_backend({pid}, 10000)")

    def before(connection: sa.Connection, cursor: Any, statement: str, *more: Any) -> None:
        if statement.startswith(when):
            lose(connection)

    if when == "COMMIT":
        sa.event.listen(engine, "commit", lose)
    else:
        sa.event.listen(engine, "before_cursor_execute", before)
    futures = at_once(*(Batch([house.answer(RIVER)]) for _ in range(5)))
    errors = [future.exception(WITHIN) for future in futures]
    assert all(isinstance(error, DBAPIError) for error in errors)
    assert lost
    # Nobody waits for a database that is not there, one after the other.
    assert counted.sizes == [1, 5]
    assert len(house.stream(RIVER)) == OWN
    # The next one is answered.
    assert committer.submit(Batch([house.answer(RIVER)])).result(WITHIN).entries


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_disk_that_is_full_answers_nobody(
    house: Any, counted: Counted, at_once: Callable[..., Any], committer: Committer
) -> None:
    full = [True]

    def limit(connection: sa.Connection, *more: Any) -> None:
        if threading.current_thread().name == "committer":
            pages = 1 if full and len(counted.sizes) > 1 else 10**6
            connection.connection.driver_connection.execute(f"PRAGMA max_page_count={pages}")

    sa.event.listen(house.store.engine, "engine_connect", limit)
    answer = house.answer(RIVER)
    large = replace(answer, command=replace(answer.command, purpose="x" * 100_000))
    futures = at_once(Batch([house.answer(RIVER)]), Batch([large]), Batch([house.answer(RIVER)]))
    for future in futures:
        assert isinstance(future.exception(WITHIN), OperationalError)
    assert counted.sizes == [1, 3]
    assert len(house.stream(RIVER)) == OWN
    full.clear()
    assert committer.submit(Batch([large])).result(WITHIN).entries


def test_many_threads_lose_nothing(
    house: Any, committer: Committer, together: Callable[..., list[Any]]
) -> None:
    """Every one is woken, with its own entry."""

    def asking(number: int) -> list[bool]:
        stream = RIVER if number % 2 else HILL
        answers = []
        for _ in range(20):
            envelope = house.answer(stream)
            (entry,) = committer.submit(Batch([envelope])).result(WITHIN).entries
            answers.append(entry["command"] == envelope.id)
        return answers

    found = together(*(lambda number=number: asking(number) for number in range(8)))
    assert found == [[True] * 20] * 8
    for stream in (RIVER, HILL):
        assert [each["sequence"] for each in house.stream(stream)] == list(range(1, 81))


def test_two_processes_commit_into_one_stream(
    house: Any, together: Callable[..., list[Any]]
) -> None:
    """Also the very first entry, for which there is no row yet to be locked."""
    others = [house.another() for _ in range(2)]
    committers = [Committer(each.carry_together) for each in others]

    def asking(own: Committer) -> int:
        done = 0
        while done < 20:
            try:
                own.submit(Batch([house.answer(RIVER)])).result(WITHIN)
            except IntegrityError:
                continue  # whoever asks looks again
            done += 1
        return done

    assert together(*(lambda own=own: asking(own) for own in committers)) == [20, 20]
    assert [each["sequence"] for each in house.stream(RIVER)] == list(range(1, 41))
    for each, other in zip(committers, others, strict=True):
        each.close()
        other._store.close()


def test_whoever_has_gone_is_not_recorded(
    house: Any, committer: Committer, counted: Counted
) -> None:
    house.recorder.carry(house.answer(RIVER))
    with house.held_open(house.answer(RIVER)) as finish:
        busy = committer.submit(Batch([house.answer(RIVER)]))
        while not busy.running():
            pass
        gone, stays = (committer.submit(Batch([house.answer(RIVER)])) for _ in range(2))
        assert gone.cancel()
        finish()
    assert stays.result(WITHIN).entries
    with pytest.raises(CancelledError):
        gone.result(WITHIN)
    assert len(house.stream(RIVER)) == OWN + 1


def test_at_its_end_it_commits_what_it_was_given_and_takes_no_more(
    house: Any, counted: Counted
) -> None:
    committer = Committer(counted)
    house.recorder.carry(house.answer(RIVER))
    with house.held_open(house.answer(RIVER)) as finish:
        futures = [committer.submit(Batch([house.answer(RIVER)])) for _ in range(5)]
        closing = threading.Thread(target=committer.close)
        closing.start()
        finish()
    closing.join(WITHIN)
    assert all(future.result(0).entries for future in futures)
    with pytest.raises(RefusedError) as raised:
        committer.submit(Batch([house.answer(RIVER)]))
    assert raised.value.refused.code is Code.UNAVAILABLE
    assert len(house.stream(RIVER)) == 7


def test_a_round_is_bounded(
    house: Any, counted: Counted, at_once: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.committing.MOST", 4)
    futures = at_once(*(Batch([house.answer(RIVER), house.answer(RIVER)]) for _ in range(5)))
    for future in futures:
        assert future.result(WITHIN).entries
    assert counted.sizes == [1, 2, 2, 1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whatever_ends_its_thread_nobody_waits_in_vain(house: Any) -> None:
    ends = [True]

    def carry(batches: Any) -> Any:
        if ends:
            ends.clear()
            raise SystemExit
        return house.recorder.carry_together(batches)

    committer = Committer(carry)
    with pytest.raises(RefusedError):
        committer.submit(Batch([house.answer(RIVER)])).result(WITHIN)
    while committer._thread is not None and committer._thread.is_alive():
        pass
    assert committer.submit(Batch([house.answer(RIVER)])).result(WITHIN).entries
    committer.close()
