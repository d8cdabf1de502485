"""Brings a database to the tables of this Accord, and says when it is not there.

Configured in code: the migrations lie in the package (`services/migrations`), and the
folder that a process was started in does not matter.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from services.store import versions
from services.store.schema import deployment
from services.store.schema import versions as versions_table
from services.store.session import Store

NAME = "deployment"
_LOCK = 0x4163_636F_7264_01
"""The advisory lock that upgrades of one PostgreSQL database wait for."""


class NotCurrentError(Exception):
    """The database has other tables than this Accord. Its text says what to do."""


def upgrade(url: str, *, temporary: bool = False) -> None:
    """Bring the database at `url` to this Accord's tables, in one transaction: all or nothing.

    The first time, it becomes a home: `temporary` says whether its clock may be moved
    (story and tests), and is ignored from then on. Several processes may call this at
    once; each waits for the one before it.

    Raises:
        NotCurrentError: a later Accord has upgraded it; nothing was touched.
    """
    store = Store(url)
    try:
        with store.write() as connection:
            if connection.dialect.name != "sqlite":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            config = _config()
            _refuse_later(connection, ScriptDirectory.from_config(config))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            _base_rows(connection, temporary)
    finally:
        store.close()


def check_current(url: str) -> None:
    """Nothing, when the database at `url` has exactly this Accord's tables.

    Raises:
        NotCurrentError: it was never made, or is behind or ahead of this code.
    """
    file = sa.make_url(url).database
    if url.startswith("sqlite") and not (file and Path(file).exists()):
        # Only looking must not leave an empty database behind.
        raise NotCurrentError("There is no database yet. Run `accord migrate`, which makes it.")
    scripts = ScriptDirectory.from_config(_config())
    store = Store(url)
    try:
        with store.read() as connection:
            _refuse_later(connection, scripts)
            if _revisions(connection) != scripts.get_heads():
                raise NotCurrentError(
                    "The database is older than this Accord. Stop what uses it, back it up,"
                    " and run `accord migrate`."
                )
    finally:
        store.close()


def _config() -> Config:
    config = Config()
    folder = str(resources.files("services").joinpath("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config


def _revisions(connection: Connection) -> list[str]:
    return list(MigrationContext.configure(connection).get_current_heads())


def _refuse_later(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if not known.issuperset(_revisions(connection)):
        raise NotCurrentError(
            "The database is newer than this Accord. Run the Accord that upgraded it, or a"
            " later one."
        )


def _base_rows(connection: Connection, temporary: bool) -> None:
    """The home itself, and the counters that routes are relied on by."""
    if connection.execute(sa.select(deployment.c.id)).one_or_none() is None:
        connection.execute(
            sa.insert(deployment).values(
                id=1, name=NAME, temporary=temporary, example=False, offset_seconds=0.0
            )
        )
    wanted = (
        versions.RULES, versions.RESTRICTIONS, versions.BODIES, versions.CATALOGUE,
        versions.RULE_CHANGES,
    )  # fmt: skip
    there = set(connection.execute(sa.select(versions_table.c.name)).scalars())
    for name in wanted:
        if name not in there:
            connection.execute(sa.insert(versions_table).values(name=name, value=0))
