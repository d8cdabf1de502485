"""The recorder: the last word on every command, whoever else is writing at that moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from policies import codec, pack
from policies.body import commands as body
from policies.body.commands import DEPLOYMENT
from policies.refusals import Code, RefusedError
from policies.types import SYSTEM, Authorisation, Kawa, KawaRule, derived_id
from services.ledger.chain import leaf_hash
from services.packs import put_in_force, shipped
from services.store import schema, streams, versions
from services.store.session import Store, upsert
from workflows.contracts import LoadCall
from workflows.envelopes import envelope_of

Together = Callable[..., list[Any]]
REQUEST = "request-1"


def refusal(reply: Any) -> tuple[str, dict[str, str]]:
    assert reply.status == "refused"
    assert reply.made is None
    return reply.refusal.code, reply.refusal.facts


def test_a_command_is_recorded(house: Any) -> None:
    envelope = house.submit(REQUEST)
    reply = house.record(envelope)
    assert reply.status == "recorded"
    assert reply.entries == [reply.made]
    entry = reply.made
    assert entry["stream"] == REQUEST
    assert entry["sequence"] == 1
    assert entry["command"] == envelope.id
    assert entry["cause"] is None
    assert entry["actor"] == entry["events"][0]["data"]["applicant"] == "person-asks"
    assert entry["authorisation"] == {"rule": "HOUSE-TEST", "versions": {"rules": 0}}
    assert house.stream(REQUEST) == [entry]
    assert reply.now == entry["at"]
    assert house.rows(sa.select(schema.requests.c.status)) == [("deciding",)]
    assert house.rows(sa.select(schema.request_bodies)) == [(REQUEST, "body-a")]
    (row,) = house.rows(sa.select(schema.entries.c.canonical, schema.entries.c.hash))
    assert leaf_hash(bytes(row.canonical)).hex() == row.hash


def test_the_same_command_again_gets_its_first_entry(house: Any) -> None:
    envelope = house.submit(REQUEST)
    first = house.record(envelope).made
    house.record(house.hui(REQUEST, "body-a"))
    for known in (None, 0):
        again = house.record(envelope, known)
        assert (again.status, again.made) == ("known", first)
    # What the caller had not folded comes with it.
    assert [each["sequence"] for each in again.entries] == [1, 2]


@pytest.mark.parametrize("change", [{"digest": "other"}, {"stream": "request-2"}])
def test_a_command_id_is_not_used_for_something_else(house: Any, change: dict[str, Any]) -> None:
    envelope = house.submit(REQUEST)
    house.record(envelope)
    reply = house.record(replace(envelope, **change))
    assert refusal(reply)[0] == Code.COMMAND_REUSED
    assert len(house.rows(sa.select(schema.entries.c.id))) == 1


def test_who_is_behind_gets_what_was_missed(house: Any) -> None:
    house.record(house.submit(REQUEST, "body-a", "body-b"))
    house.record(house.hui(REQUEST, "body-a"))
    late = house.hui(REQUEST, "body-b")
    reply = house.record(late, after=1)
    assert (reply.status, reply.made) == ("behind", None)
    assert [each["sequence"] for each in reply.entries] == [2]
    assert house.record(late).status == "recorded"


def test_who_is_ahead_is_told_that_this_cannot_be(house: Any) -> None:
    """A database put back from an older copy: looking again would go on for ever."""
    house.record(house.submit(REQUEST))
    call = replace(house.call(house.hui(REQUEST, "body-a")), after=7)
    assert refusal(house.recorder.record(call))[0] == Code.UNAVAILABLE


def test_a_refused_command_learns_whether_it_knew_everything(house: Any) -> None:
    house.record(house.submit(REQUEST))
    refused = house.accept(REQUEST)
    assert house.call(refused).events == []
    reply = house.record(refused)
    assert (reply.status, reply.entries, reply.made) == ("current", [], None)
    assert house.record(refused, after=0).status == "behind"
    with pytest.raises(RefusedError) as raised:
        house.recorder.carry(refused)
    assert raised.value.refused.code is Code.NOT_YET
    assert len(house.stream(REQUEST)) == 1


def test_load_gives_what_follows(house: Any) -> None:
    house.carried(house.submit(REQUEST), house.hui(REQUEST, "body-a"))
    assert len(house.recorder.load(LoadCall(REQUEST, 0)).entries) == 2
    reply = house.recorder.load(LoadCall(REQUEST, 1))
    assert [each["sequence"] for each in reply.entries] == [2]
    assert codec.instant(house.recorder.tell_time().now) >= codec.instant(reply.now)


@pytest.mark.parametrize("relied_on", [["rules"], ["rules", "restrictions", "body-a"]])
def test_what_let_a_command_through_must_still_be_so(house: Any, relied_on: list[str]) -> None:
    envelope = house.submit(REQUEST)
    with house.store.write() as connection:
        versions.raise_(connection, "body-a")
        seen = versions.read(connection, relied_on)
    envelope = replace(envelope, authorisation=Authorisation("HOUSE-TEST", seen))
    with house.store.write() as connection:
        versions.raise_(connection, "bodies")
        versions.raise_(connection, relied_on[-1])
    reply = house.record(envelope)
    assert refusal(reply) == (Code.STALE, {"changed": relied_on[-1]})
    with house.store.read() as connection:
        seen = versions.read(connection, relied_on)
    allowed = replace(envelope, authorisation=Authorisation("HOUSE-TEST", seen))
    assert house.record(allowed).status == "recorded"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_was_relied_on_waits_for_the_commit(house: Any, in_thread: Any) -> None:
    """Nobody changes the rules between a command's last look at them and its commit."""

    def change() -> None:
        with house.store.write() as connection:
            versions.raise_(connection, "rules")

    with house.held_open(house.submit(REQUEST)) as finish:
        changing = in_thread(change)
        changing.join(0.3)
        assert changing.is_alive()
        finish()
    changing.result()


def test_nobody_authorised_is_refused(house: Any) -> None:
    envelope = replace(house.submit(REQUEST), authorisation=None)
    assert refusal(house.record(envelope))[0] == Code.NOT_PERMITTED
    assert house.stream(REQUEST) == []


def test_system_does_only_what_is_on_its_list(house: Any) -> None:
    for command in (
        house.submit(REQUEST).command,
        house.enter("body-a").command,
        body.SetKawa(Kawa(KawaRule.MAJORITY)),
    ):
        stream = REQUEST if type(command).__name__ == "Submit" else "body-a"
        if isinstance(command, body.SetKawa):
            house.carried(house.enter("body-a"))
        reply = house.record(house.envelope(stream, SYSTEM, command))
        assert refusal(reply)[0] == Code.NOT_PERMITTED


def test_system_acts_under_the_rules_of_the_moment(house: Any) -> None:
    (entry,) = house.carried(house.answer())
    assert entry["authorisation"] == {"rule": "HOUSE-SYSTEM-ANSWER", "versions": {"rules": 0}}
    lines = shipped("house")[0]
    without = tuple(each for each in lines.rules if each.id != "HOUSE-SYSTEM-ANSWER")
    with house.store.write() as connection:
        put_in_force(connection, "house", DEPLOYMENT, replace(lines, rules=without))
        versions.raise_(connection, "rules")
    with pytest.raises(RefusedError) as refused:
        house.recorder.carry(house.answer())
    assert refused.value.refused.code is Code.NOT_PERMITTED


def test_what_the_clock_does_names_the_entry_before_it(house: Any) -> None:
    house.carried(house.answer(), house.answer())
    (third,) = house.carried(house.answer(seen=2))
    assert third["cause"] == house.stream("access-gateway")[1]["id"]


def accepted(house: Any) -> Any:
    return house.carried(
        house.submit(REQUEST), house.hui(REQUEST, "body-a"), house.accept(REQUEST)
    )[-1]


def test_what_follows_in_another_stream_is_posted_with_the_entry(house: Any) -> None:
    entry = accepted(house)
    grant = entry["events"][0]["data"]["grant"]
    (row,) = house.rows(sa.select(schema.outbox))
    assert (row.entry, row.target, row.delivered_at) == (entry["id"], grant, None)
    envelope = envelope_of(row.envelope)
    assert envelope.id == derived_id(entry["id"], "0", grant)
    assert (envelope.actor, envelope.cause) == (SYSTEM, entry["id"])
    # However often it is delivered, it happens once.
    issued = house.carried(envelope, envelope)
    assert issued[0] == issued[1]
    assert issued[0]["cause"] == entry["id"]
    assert len(house.stream(grant)) == 1
    assert house.rows(sa.select(schema.grants.c.request)) == [(REQUEST,)]


def test_everything_of_a_command_is_in_one_transaction(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing that is written fails: nothing of the rest is there either."""
    house.carried(house.submit(REQUEST), house.hui(REQUEST, "body-a"))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    tables = (schema.streams, schema.entries, schema.outbox, schema.requests, schema.texts)
    before = [house.rows(sa.select(table)) for table in tables]
    last = house.accept(REQUEST)
    with monkeypatch.context() as patched:
        patched.setattr("services.entry_making.derived_id", fail)
        with pytest.raises(ZeroDivisionError):
            house.recorder.carry(last)
    assert [house.rows(sa.select(table)) for table in tables] == before
    assert house.carried(last)[0]["sequence"] == 3


def test_a_use_case_writes_in_the_same_transaction(house: Any) -> None:
    envelope = house.answer()

    def write(connection: sa.Connection, entry: str) -> None:
        row = {"id": "people-x", "kind": "people", "name": entry}
        upsert(connection, schema.names, row)

    def write_and_fail(connection: sa.Connection, entry: str) -> None:
        write(connection, entry)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        house.recorder.carry(envelope, write_and_fail)
    assert house.rows(sa.select(schema.names)) == house.stream(envelope.stream) == []
    entry = house.recorder.carry(envelope, write)
    assert house.rows(sa.select(schema.names.c.name)) == [(entry["id"],)]


def test_what_can_never_be_written_is_said_and_not_tried_for_ever(house: Any) -> None:
    def write(connection: sa.Connection, entry: str) -> None:
        connection.execute(sa.text("INSERT INTO versions VALUES ('rules', 1)"))

    with pytest.raises(IntegrityError):
        house.recorder.carry(house.answer(), write)
    assert house.stream("access-gateway") == []


@contextmanager
def recorders(house: Any, count: int) -> Iterator[list[Any]]:
    made = [house.another() for _ in range(count)]
    yield made
    for each in made:
        each._store.close()


def test_racing_on_an_empty_stream_loses_nothing(house: Any, together: Together) -> None:
    envelopes = [[house.answer() for _ in range(5)] for _ in range(6)]
    with recorders(house, 6) as made:
        found = together(
            *(
                lambda own=own, each=each: [own.carry(envelope) for envelope in each]
                for own, each in zip(made, envelopes, strict=True)
            )
        )
    answers = [entry for each in found for entry in each]
    written = house.stream("access-gateway")
    assert [each["sequence"] for each in written] == list(range(1, 31))
    assert {each["command"] for each in written} == {e.id for each in envelopes for e in each}
    assert sorted(answers, key=lambda each: each["sequence"]) == written


def test_only_one_of_two_first_commands_happens(house: Any, together: Together) -> None:
    envelopes = [house.enter("body-a", f"person-{n}") for n in range(4)]
    with recorders(house, 4) as made:
        found = together(
            *(
                lambda own=own, each=each: own.carry(each)
                for own, each in zip(made, envelopes, strict=True)
            )
        )
    (entry,) = house.stream("body-a")
    assert [each for each in found if not isinstance(each, RefusedError)] == [entry]
    codes = [each.refused.code for each in found if isinstance(each, RefusedError)]
    assert codes == [Code.ALREADY_DONE] * 3


@pytest.mark.parametrize("rounds", range(3))
@pytest.mark.parametrize("place", ["first", "second"])
def test_one_command_sent_many_times_at_once_happens_once(
    house: Any, together: Together, place: str, rounds: int
) -> None:
    envelope = house.submit(REQUEST)
    if place == "second":
        house.record(envelope)
        envelope = house.hui(REQUEST, "body-a")
    call = house.call(envelope)
    with recorders(house, 5) as made:
        found = together(*(lambda own=own: own.record(call) for own in made))
    entry = house.stream(REQUEST)[-1]
    assert entry["command"] == envelope.id
    assert sorted({each.status for each in found} | {"behind"}) in (
        ["behind", "known", "recorded"],
        ["behind", "recorded"],
    )
    assert [each.status for each in found].count("recorded") == 1
    for each in found:
        assert each.entries == [entry]
        assert each.made == (None if each.status == "behind" else entry)
    # Who was told to look again gets the same answer.
    assert house.recorder.record(call).made == entry


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_becomes_known_at_the_last_moment_comes_with_what_was_missed(house: Any) -> None:
    """The same command is committed between the look at its stream and the look for its id."""
    call = house.call(house.submit(REQUEST))
    with recorders(house, 1) as (second,):
        first: list[Any] = []

        def commit(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("SELECT entries.canonical") and not first:
                first.append(house.recorder.record(call))

        sa.event.listen(second._store.engine, "before_cursor_execute", commit)
        reply = second.record(call)
    assert [each.status for each in (*first, reply)] == ["recorded", "known"]
    assert reply.entries == [reply.made] == first[0].entries


def test_what_a_recorder_folded_is_nothing_beside_the_row(house: Any) -> None:
    """Each keeps the state as it last left it, and the other has moved the stream since."""
    house.record(house.submit(REQUEST, "body-a", "body-b", "body-c"))
    with recorders(house, 2) as (one, other):
        for own, body_ in ((one, "body-a"), (other, "body-b"), (one, "body-c")):
            assert own.record(house.call(house.hui(REQUEST, body_))).status == "recorded"
        assert set(standing(house).decisions) == {"body-a", "body-b", "body-c"}


def test_what_was_rolled_back_was_never_folded(house: Any) -> None:
    house.record(house.submit(REQUEST, "body-a", "body-b"))
    lost = house.hui(REQUEST, "body-a")

    def fail(connection: sa.Connection, entry: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        house.recorder.carry(lost, fail)
    house.record(house.hui(REQUEST, "body-b"))
    assert set(standing(house).decisions) == {"body-b"}
    assert house.record(lost).status == "recorded"
    assert set(standing(house).decisions) == {"body-a", "body-b"}


def test_only_so_much_is_kept() -> None:
    folded = streams.Folded()
    for number in range(folded.MOST + 1):
        folded.keep(streams.Stream(f"request-{number}", "", 1, f"head-{number}", number))
    assert folded.at("request-0", "head-0") is None
    assert folded.at("request-1", "head-1") == 1
    assert folded.at("request-1", "head-2") is None


def test_only_what_is_in_the_outbox_rings(house: Any) -> None:
    """And only once it is there for everybody to see."""
    rung: list[int] = []
    house.recorder.posted = lambda: rung.append(len(house.rows(sa.select(schema.outbox.c.id))))
    house.carried(house.submit(REQUEST), house.hui(REQUEST, "body-a"))
    assert rung == []

    def fail(connection: sa.Connection, entry: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        house.recorder.carry(house.accept(REQUEST), fail)
    assert rung == []
    house.carried(house.accept(REQUEST))
    assert rung == [1]


def standing(house: Any) -> Any:
    """The stored state of the request, which is what its entries tell."""
    with house.store.read() as connection:
        stream = streams.get(connection, REQUEST)
    state = streams.MACHINES["request"].initial
    for entry in house.stream(REQUEST):
        state = streams.MACHINES["request"].fold(state, entry)
    assert stream.state == state
    return state


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_writers_on_different_streams_do_not_wait_for_each_other(house: Any) -> None:
    held, free = house.submit("request-held"), house.submit("request-free")
    with house.held_open(held) as finish:
        begun = monotonic()
        (entry,) = house.carried(free)
        assert monotonic() - begun < 1
        assert house.stream("request-free") == [entry]
        assert house.stream("request-held") == []
        assert finish()["command"] == held.id


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_deadlock_is_looked_at_again(house: Any, together: Together) -> None:
    """Two packs are adopted at once. Each relied on the rules, and each changes them."""
    both_look = threading.Barrier(2)

    def meet(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE versions") and not both_look.broken:
            try:
                both_look.wait(2)
            except threading.BrokenBarrierError:
                return
            both_look.abort()

    sa.event.listen(house.store.engine, "before_cursor_execute", meet)
    adopted = [
        house.envelope(f"pack-{name}", "person-1", pack.Adopt("body-a", 1, "0" * 64))
        for name in ("one", "two")
    ]
    found = together(*(lambda each=each: house.recorder.carry(each) for each in adopted))
    refused = [each for each in found if isinstance(each, RefusedError)]
    assert [each.refused.facts for each in refused] == [{"changed": "rules"}]
    assert len(house.rows(sa.select(schema.entries.c.id))) == 1


def test_streams_stand_as_their_entries_tell(house: Any) -> None:
    """The stored state is what folding the entries gives, and the head is the last hash."""
    accepted(house)
    house.carried(house.enter("body-a"))
    store: Store = house.store
    with store.read() as connection:
        for row in connection.execute(sa.select(schema.streams)).all():
            stream = streams.get(connection, row.id)
            machine = streams.MACHINES[row.kind]
            state = machine.initial
            for entry in streams.after(connection, row.id, 0):
                state = machine.fold(state, entry)
            assert state == stream.state
            last = connection.execute(
                sa.select(schema.entries.c.hash).where(
                    schema.entries.c.stream == row.id, schema.entries.c.sequence == row.sequence
                )
            ).scalar_one()
            assert row.head == last
        assert streams.open_driven(connection) == [REQUEST]
