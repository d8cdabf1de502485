"""Upgrading: from nothing to the tables of the code, once, and no surprise afterwards."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alembic.command
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from services.store import in_force, migrate, rule_log, schema, streams
from services.store.schema import METADATA
from services.store.session import Store

NewDatabase = Callable[[bool | None], str]


def rows(store: Store, query: str) -> list[Any]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_tables_are_those_of_the_code(store: Store) -> None:
    options = {"compare_type": True, "compare_server_default": True}
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def test_constraints_have_their_names(store: Store) -> None:
    """What a later migration drops, it drops by name; autogeneration does not compare these."""
    with store.read() as connection:
        found = sa.inspect(connection)
        for table in METADATA.sorted_tables:
            checks = {each["name"] for each in found.get_check_constraints(table.name)}
            wanted = {
                f"ck_{table.name}_{each.name}".replace(f"ck_{table.name}_ck_", "ck_")
                for each in table.constraints
                if isinstance(each, sa.CheckConstraint)
            }
            assert checks == wanted
            assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"


def test_a_new_home_has_its_row_and_its_counters(store: Store) -> None:
    assert rows(store, "SELECT id, name, temporary, example, offset_seconds FROM deployment") == [
        (1, "deployment", True, False, 0.0)
    ]
    assert rows(store, "SELECT name, value FROM versions ORDER BY name") == [
        ("bodies", 0),
        ("catalogue", 0),
        ("restrictions", 0),
        ("rule-changes", 0),
        ("rules", 0),
    ]


def test_upgrading_again_changes_nothing(new_database: NewDatabase) -> None:
    url = new_database(None)
    migrate.upgrade(url)
    store = Store(url)
    with store.write() as connection:
        connection.execute(sa.text("UPDATE versions SET value = 7 WHERE name = 'rules'"))
    migrate.upgrade(url, temporary=True)
    assert rows(store, "SELECT temporary FROM deployment") == [(False,)]
    assert rows(store, "SELECT value FROM versions WHERE name = 'rules'") == [(7,)]
    store.close()


def test_several_processes_may_upgrade_at_once(new_database: NewDatabase) -> None:
    url = new_database(None)
    raised: list[BaseException] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(url, temporary=True)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    migrate.check_current(url)


def test_what_fails_leaves_nothing(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(None)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(migrate, "_base_rows", fail)
        with pytest.raises(ZeroDivisionError):
            migrate.upgrade(url)
    store = Store(url)
    with store.read() as connection:
        assert sa.inspect(connection).get_table_names() == []
    store.close()
    migrate.upgrade(url)
    migrate.check_current(url)


def test_states_are_told_anew_from_their_entries(house: Any) -> None:
    """A home of an Accord that kept another state for the same entries."""
    house.record(house.submit("request-told"))
    with house.store.write() as connection:
        before = streams.get(connection, "request-told").state
        connection.execute(sa.update(schema.streams).values(state={"status": "of old"}))
    with house.store.read() as connection, pytest.raises(ValueError, match="Status"):
        streams.get(connection, "request-told")
    with house.store.write() as connection:
        streams.refold(connection)
    with house.store.read() as connection:
        assert streams.get(connection, "request-told").state == before


def upgraded_to(url: str, revision: str) -> Store:
    """The database as an earlier Accord left it."""
    store = Store(url)
    with store.write() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)
        migrate._base_rows(connection, True)
    return store


OLD_RULES = [
    ("HOUSE-ASK", "body-deployment", "body:request:ask", "*", "allow"),
    ("READ@body-river", "body-river", "use.read", "*", "allow"),
    ("NO@body-river", "body-river", "*", '{"peoples": ["river-people"], "places": "any"}', "deny"),
    ("NO@body-ethics", "body-ethics", "*", "*", "deny"),
]


def test_what_was_in_force_stays_in_force(new_database: NewDatabase) -> None:
    """An Accord whose rules were JSON, and whose bodies' denials had a slice made for them."""
    url = new_database(None)
    store = upgraded_to(url, "0006")
    with store.write() as connection:
        for name, owner, act, slice_, effect in OLD_RULES:
            line = {
                "id": name, "role": "role:grantee", "act": act, "collection": "*", "item": "*",
                "klass": "*", "purpose": "*", "level": "*", "slice": slice_, "effect": effect,
                "because": "The test says so.", "adopter": owner, "restriction": None,
                "hidden": False,
            }  # fmt: skip
            connection.execute(
                sa.text("INSERT INTO rules VALUES (:id, 'some', :owner, 'rule', :line)"),
                {"id": name, "owner": owner, "line": json.dumps(line)},
            )
    store.close()
    migrate.upgrade(url)
    with Store(url).read() as connection:
        found = {each.id: each for each in in_force.read_whole(connection).rules}
        logged = [each for one in rule_log.changes(connection, 0, 99) for each in one.put]
    assert {(each.id, each.act, each.reach, each.slice) for each in found.values()} == {
        ("HOUSE-ASK", "body:request:ask", "*", "*"),
        ("READ@body-river", "use.read", "body-river", "*"),
        ("NO@body-river", "use", "body-river", "*"),
        ("NO@body-ethics", "use", "*", "*"),
    }
    assert sorted(each.id for each in logged) == sorted(found)


def test_an_adoption_from_before_documents_were_kept_is_still_one(
    house: Any, entry_on: Callable[..., Any]
) -> None:
    """Its digest and its lines' ids are known; there is no document, and none is made up."""
    old = {"body": "body-a", "sha256": "1" * 64, "rules": ["READ-OPEN@body-a"]}
    happened = [{"type": "Adopted", "version": 1, "data": old}]
    with house.store.write() as connection:
        entry = entry_on(streams.get(connection, "pack-example"), 1, events=happened)
        streams.append(connection, entry, "d")
        there = schema.streams.c.id == "pack-example"
        state = {"adopted": {"body-a": "1" * 64}}
        connection.execute(sa.update(schema.streams).where(there).values(state=state))
        streams.refold(connection)
    with house.store.read() as connection:
        adoption = streams.get(connection, "pack-example").state.adopted["body-a"]
    assert (adoption.sha256, adoption.version, adoption.rules) == (
        "1" * 64, None, ("READ-OPEN@body-a",),
    )  # fmt: skip
    assert house.rows(sa.select(schema.pack_documents)) == []


def test_current_is_current(database_url: str) -> None:
    migrate.check_current(database_url)


@pytest.mark.parametrize("revision", ["0001", None])
def test_an_older_database_is_refused(database_url: str, revision: str | None) -> None:
    store = Store(database_url)
    with store.write() as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
        if revision:
            connection.execute(sa.text(f"INSERT INTO alembic_version VALUES ('{revision}')"))
    store.close()
    with pytest.raises(migrate.NotCurrentError, match="older than this Accord"):
        migrate.check_current(database_url)


def test_a_newer_database_is_refused_and_left_alone(database_url: str) -> None:
    store = Store(database_url)
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (migrate.check_current, migrate.upgrade):
        with pytest.raises(migrate.NotCurrentError, match="newer than this Accord") as raised:
            act(database_url)
        assert len(str(raised.value).split()) <= 25
    assert rows(store, "SELECT version_num FROM alembic_version") == [("9999",)]
    store.close()


def test_looking_for_a_database_does_not_make_one(tmp_path: Path) -> None:
    with pytest.raises(migrate.NotCurrentError, match="no database yet"):
        migrate.check_current(f"sqlite:///{tmp_path / 'accord.db'}")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_one_starts_in_does_not_matter(tmp_path: Path) -> None:
    """Nor does a name with what configuration files give a meaning to."""
    home = tmp_path / "he kāinga, 100%(s)"
    home.mkdir()
    code = (
        "import sys; from services.store import migrate;"
        "migrate.upgrade(sys.argv[1]); migrate.check_current(sys.argv[1])"
    )
    url = f"sqlite:///{home / 'accord.db'}"
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code, url],
        cwd=home,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
