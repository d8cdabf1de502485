"""What was recorded stays: the database itself refuses to change or remove it.

Entries and leaves are only ever added to. A home is temporary from its creation or
never: only in a temporary one can the clock be moved. Whoever may alter tables can drop
these triggers; what that would hide, an export and an earlier head show.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ENTRIES = "Entries of the record are never changed or removed."
LEAVES = "The order of the record is never changed or cut."
HOME = "A home is made once, and is temporary from then on or never."


def upgrade() -> None:
    """Make the triggers, in the words of the database at hand."""
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    for table, sentence in (("entries", ENTRIES), ("leaves", LEAVES)):
        _sqlite_trigger(f"{table}_never_change", f"BEFORE UPDATE ON {table}", sentence)
        _sqlite_trigger(f"{table}_never_go", f"BEFORE DELETE ON {table}", sentence)
    # INSERT OR REPLACE removes the row in its way without firing delete triggers, so what is
    # in the way is looked for first, by everything unique, SQLite's own row number included.
    _sqlite_trigger(
        "entries_are_new",
        "BEFORE INSERT ON entries WHEN EXISTS (SELECT 1 FROM entries WHERE id = NEW.id"
        " OR command = NEW.command OR (stream = NEW.stream AND sequence = NEW.sequence)"
        " OR rowid = NEW.rowid)",
        ENTRIES,
    )
    _sqlite_trigger(
        "leaves_are_new",
        "BEFORE INSERT ON leaves WHEN EXISTS"
        ' (SELECT 1 FROM leaves WHERE "index" = NEW."index" OR entry = NEW.entry)',
        LEAVES,
    )
    _sqlite_trigger(
        "home_stays",
        "BEFORE UPDATE ON deployment WHEN NEW.temporary AND NOT OLD.temporary",
        HOME,
    )
    _sqlite_trigger("home_never_goes", "BEFORE DELETE ON deployment", HOME)
    _sqlite_trigger(
        "home_is_one",
        "BEFORE INSERT ON deployment WHEN EXISTS (SELECT 1 FROM deployment)",
        HOME,
    )


def _sqlite_trigger(name: str, when: str, sentence: str) -> None:
    op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{sentence}'); END")


def _postgresql() -> None:
    for name, sentence in (("entries", ENTRIES), ("leaves", LEAVES), ("home", HOME)):
        op.execute(
            f"CREATE FUNCTION accord_{name}_stay() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'restrict_violation'; END $$"
        )
    for table in ("entries", "leaves"):
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION accord_{table}_stay()"
        )
    op.execute(
        "CREATE TRIGGER home_stays BEFORE UPDATE ON deployment FOR EACH ROW"
        " WHEN (NEW.temporary AND NOT OLD.temporary) EXECUTE FUNCTION accord_home_stay()"
    )
    op.execute(
        "CREATE TRIGGER home_never_goes BEFORE DELETE OR TRUNCATE ON deployment"
        " FOR EACH STATEMENT EXECUTE FUNCTION accord_home_stay()"
    )
