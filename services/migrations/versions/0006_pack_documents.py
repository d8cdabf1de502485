"""Packs are documents with versions: each is kept as it was, and what stays is not changed.

What was adopted before is not among them: of those adoptions the record has the digest and the
lines' ids, and the lines that are still in force are in `rules`. What a line said that is in
force no more cannot be told.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.store import streams

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SENTENCE = "A version of a pack is never changed or removed."


def upgrade() -> None:
    """Make the table, and fold the packs' streams: their states hold versions from now on."""
    op.create_table(
        "pack_documents",
        sa.Column("pack", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("entry", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("pack", "version", name="pk_pack_documents"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite("pack_documents_never_change", "BEFORE UPDATE ON pack_documents")
        _sqlite("pack_documents_never_go", "BEFORE DELETE ON pack_documents")
        # INSERT OR REPLACE removes the row in its way without firing delete triggers.
        _sqlite(
            "pack_documents_are_new",
            "BEFORE INSERT ON pack_documents WHEN EXISTS (SELECT 1 FROM pack_documents WHERE"
            " (pack = NEW.pack AND version = NEW.version) OR rowid = NEW.rowid)",
        )
    else:
        op.execute(
            "CREATE FUNCTION accord_pack_documents_stay() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'restrict_violation'; END $$"
        )
        op.execute(
            "CREATE TRIGGER pack_documents_stay BEFORE UPDATE OR DELETE OR TRUNCATE"
            " ON pack_documents FOR EACH STATEMENT EXECUTE FUNCTION accord_pack_documents_stay()"
        )
    streams.refold(op.get_bind(), "pack")


def _sqlite(name: str, when: str) -> None:
    op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END")
