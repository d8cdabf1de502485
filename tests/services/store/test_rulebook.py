"""The rules in force, as a process has them that has followed every change: as if read anew."""

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import pytest

from policies.body.commands import Mandate
from policies.body.state import BodyState
from policies.enforcer import Enforcer, Question, part_of_people, part_of_place
from policies.restriction.commands import Scope, Visibility
from policies.restriction.state import RestrictionState, Status
from policies.rules import EVERY, Pack, RoutingRule, Rule
from policies.slices import Slice
from policies.types import CLASSES, USE_ACTS, Capacity
from services.following import Following
from services.rulebook import Rulebook
from services.store import in_force, rule_log, versions
from services.store.session import Store

NOW = datetime(2026, 11, 25, tzinfo=UTC)
BODIES = ("body-river", "body-hill", "body-ethics")
PEOPLES = ("river-people", "hill-people", "newcomers")
KLASSES = sorted(CLASSES)[:3]
PURPOSES = ("sleep-study", "policing")
WITHIN = 20.0
"""Seconds within which what another thread does must have happened."""


def question(rng: random.Random) -> Question:
    people = rng.choice(PEOPLES)
    whose = rng.choice([part_of_people(people), part_of_place("hilltop"), "-"])
    return Question(
        "role:grantee", rng.choice(USE_ACTS), NOW, whose, "survey", "survey.sleep",
        rng.choice(KLASSES), rng.choice(PURPOSES), "aggregate", Slice(frozenset({people})),
    )  # fmt: skip


def line(rng: random.Random, number: int) -> Rule:
    return Rule(
        f"LINE-{number}", "role:grantee", rng.choice([*USE_ACTS, "use"]), EVERY, EVERY,
        rng.choice([*KLASSES, EVERY]), rng.choice([*PURPOSES, EVERY]), EVERY, EVERY,
        rng.choice(["allow", "allow", "deny"]), "Because the test says so.",
    )  # fmt: skip


def some_pack(rng: random.Random) -> Pack:
    lines = tuple(line(rng, n) for n in range(rng.randrange(5)))
    nobody = RoutingRule("NOBODY", "none", "people", EVERY, "newcomers", EVERY, "None decides.")
    own = RoutingRule("OWN", "self", "people", EVERY, EVERY, EVERY, "Its own body decides.")
    return Pack(lines, tuple(each for each in (nobody, own) if rng.random() < 0.5))


def change(rng: random.Random, store: Store) -> None:
    """One of the things that change what is in force."""
    body = rng.choice(BODIES)
    with store.write() as connection:
        match rng.randrange(4):
            case 0 | 1:
                adopted = some_pack(rng).adopted_by(body, own=body != "body-ethics")
                in_force.replace_pack(connection, rng.choice(["one", "two"]), body, adopted)
            case 2:
                peoples = frozenset(rng.sample(PEOPLES[:2], rng.randrange(3)))
                places = frozenset({"hilltop"}) if rng.random() < 0.3 else frozenset()
                mandate = Mandate(frozenset({Capacity.PEOPLE}), peoples, places)
                state = replace(
                    BodyState(), entered=True, welcome=rng.random() < 0.8, mandate=mandate
                )
                in_force.restate(connection, body, state)
            case 3:
                scope = Scope(Slice(frozenset({rng.choice(PEOPLES)})), acts=frozenset({"use.read"}))
                state = RestrictionState(
                    status=rng.choice([Status.OPEN, Status.LIFTED]), body=body, scope=scope,
                    visibility=rng.choice(list(Visibility)),
                )  # fmt: skip
                in_force.restrict(connection, f"restriction-{rng.randrange(3)}", state)


def answers(enforcer: Enforcer, rng: random.Random) -> list[Any]:
    found = []
    for _ in range(40):
        told = enforcer.may(question(rng))
        found.append((told.allowed, told.code, sorted(each.id for each in told.matched)))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_who_followed_every_change_answers_as_who_reads_it_all(store: Store, seed: int) -> None:
    rng = random.Random(seed)
    following = Rulebook()
    views = []
    for number in range(60):
        change(rng, store)
        if rng.random() < 0.6 or number == 59:
            with store.read() as connection:
                followed = following.at(connection).enforcer
                anew = Rulebook().at(connection).enforcer
            told = answers(followed, random.Random(number))
            assert told == answers(anew, random.Random(number))
            views.append((number, followed, told))
    # Whoever still has an older view is answered as of that, whatever has come since.
    for number, followed, told in views:
        assert answers(followed, random.Random(number)) == told


def test_an_older_snapshot_is_answered_as_of_itself(store: Store) -> None:
    rng, rulebook = random.Random(7), Rulebook()
    for _ in range(10):
        change(rng, store)
    with store.read() as connection:
        before = rulebook.at(connection)
        told = answers(before.enforcer, random.Random(1))
        for _ in range(20):
            change(rng, store)
        with store.read() as later:
            assert rulebook.at(later).versions != before.versions
        again = rulebook.at(connection)
        assert again.versions == before.versions
        assert answers(again.enforcer, random.Random(1)) == told


def test_a_process_that_begins_late_reads_an_older_snapshot_by_itself(store: Store) -> None:
    rng = random.Random(3)
    change(rng, store)
    rulebook = Rulebook()
    with store.read() as connection:
        versions.read(connection, (versions.RULE_CHANGES,))
        expected = answers(Rulebook().at(connection).enforcer, random.Random(1))
        for _ in range(5):
            change(rng, store)
        with store.read() as later:
            rulebook.at(later)
        assert answers(rulebook.at(connection).enforcer, random.Random(1)) == expected


def test_positions_follow_each_other_without_gap_whoever_writes(store: Store) -> None:
    def write(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(10):
            change(rng, store)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with store.read() as connection:
        last = versions.read(connection, (versions.RULE_CHANGES,))[versions.RULE_CHANGES]
        found = [each.position for each in rule_log.changes(connection, 0, last)]
    assert found == list(range(1, last + 1))
    assert last > 10


def test_more_lines_than_a_deployment_holds_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_force, "MOST", 3)
    rng = random.Random(1)
    few = Pack(tuple(line(rng, n) for n in range(3))).adopted_by("body-river")
    many = Pack(tuple(line(rng, n) for n in range(4))).adopted_by("body-river")
    with store.write() as connection:
        in_force.replace_pack(connection, "one", "body-river", few)
    with pytest.raises(in_force.TooManyError, match="At most 3"), store.write() as connection:
        in_force.replace_pack(connection, "one", "body-river", many)
    with store.read() as connection:
        assert len(in_force.read_whole(connection).rules) == 3


# Reading ahead.


def until(found: Any) -> None:
    began = monotonic()
    while not found():
        assert monotonic() < began + WITHIN
        sleep(0.01)


@pytest.fixture
def followed(store: Store) -> Any:
    rulebook = Rulebook()
    following = Following(store, rulebook)
    following.start()
    yield rulebook, following
    following.stop()


def test_changes_are_read_ahead_without_anybody_asking(store: Store, followed: Any) -> None:
    rulebook, following = followed
    until(lambda: following.behind() is not None)
    rng = random.Random(5)
    for _ in range(5):
        change(rng, store)
    with store.read() as connection:
        last = versions.read(connection, (versions.RULE_CHANGES,))[versions.RULE_CHANGES]
    assert last > 0
    until(lambda: rulebook.position == last)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_goes_away_is_followed_again_when_it_is_back(
    store: Store, followed: Any
) -> None:
    rulebook, following = followed
    until(lambda: following.behind() is not None)
    with store.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    change(random.Random(2), store)
    change(random.Random(9), store)
    with store.read() as connection:
        last = versions.read(connection, (versions.RULE_CHANGES,))[versions.RULE_CHANGES]
    until(lambda: rulebook.position == last)
