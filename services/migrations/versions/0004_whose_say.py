"""Whose say: what bodies have not settled, tellers' wishes, printed read-backs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As wide as the columns were at this revision, whatever `schema.py` says later.
ID = sa.String(200)
ITEM = sa.String(700)
INSTANT = sa.String(27)
HASH = sa.String(64)


def upgrade() -> None:
    """Make the tables, empty; what they hold follows from entries that come later."""
    op.create_table(
        "wishes",
        sa.Column("item", ITEM, nullable=False),
        sa.Column("body", ID, nullable=False),
        sa.Column("wishes", ID, nullable=False),
        sa.Column("context", ID, nullable=False),
        sa.PrimaryKeyConstraint("item", "body", name="pk_wishes"),
    )
    op.create_table(
        "claims",
        sa.Column("claim", ID, nullable=False),
        sa.Column("subject", ITEM, nullable=False),
        sa.PrimaryKeyConstraint("claim", "subject", name="pk_claims"),
    )
    op.create_index("ix_claims_subject", "claims", ["subject"])
    op.create_table(
        "disputes",
        sa.Column("dispute", ID, nullable=False),
        sa.Column("rests_on", ID, nullable=False),
        sa.PrimaryKeyConstraint("dispute", name="pk_disputes"),
    )
    op.create_index("ix_disputes_rests_on", "disputes", ["rests_on"])
    op.create_table(
        "searches",
        sa.Column("id", ID, nullable=False),
        sa.Column("subjects", sa.JSON, nullable=False),
        sa.Column("searcher", ID, nullable=False),
        sa.Column("words", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_searches"),
    )
    op.create_table(
        "read_backs",
        sa.Column("code_hash", HASH, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("entry", ID, nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name="pk_read_backs"),
        sa.UniqueConstraint("entry", "person", name="uq_read_backs_entry_person"),
    )
    op.create_index("ix_read_backs_entry", "read_backs", ["entry"])
