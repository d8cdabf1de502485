"""The tables as the first Accord has them.

There is no way back from here: whoever needs an older state has a back-up of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# As wide as the columns were at this revision, whatever `schema.py` says later.
ID = sa.String(200)
ITEM = sa.String(700)
INSTANT = sa.String(27)
HASH = sa.String(64)


def upgrade() -> None:
    """Make every table, on an empty database."""
    _record()
    _people()
    _projections()
    _catalogue()


def _record() -> None:
    """The streams, their entries and leaves; what follows from them; the words; the home."""
    op.create_table(
        "streams",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("head", HASH, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_streams"),
    )
    op.create_index("ix_streams_kind", "streams", ["kind"])
    op.create_table(
        "entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("stream", ID, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("command", ID, nullable=False),
        sa.Column("digest", HASH, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("canonical", sa.LargeBinary, nullable=False),
        sa.Column("hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sa.UniqueConstraint("command", name="uq_entries_command"),
        sa.UniqueConstraint("stream", "sequence", name="uq_entries_stream_sequence"),
    )
    op.create_index("ix_entries_owner", "entries", ["owner"])
    op.create_table(
        "leaves",
        sa.Column("index", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("entry", ID, nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_leaves"),
        sa.UniqueConstraint("entry", name="uq_leaves_entry"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("entry", ID, nullable=False),
        sa.Column("target", ID, nullable=False),
        sa.Column("envelope", sa.JSON, nullable=False),
        sa.Column("delivered_at", INSTANT),
        sa.Column("outcome", sa.String(40)),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_delivered_at", "outbox", ["delivered_at"])
    op.create_table(
        "texts",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("audience", sa.String(10), nullable=False),
        sa.Column("author", ID, nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("entry", ID),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_texts"),
    )
    op.create_index("ix_texts_owner", "texts", ["owner"])
    op.create_table(
        "versions",
        sa.Column("name", ID, nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_versions"),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("name", ID, nullable=False),
        sa.Column("temporary", sa.Boolean, nullable=False),
        sa.Column("example", sa.Boolean, nullable=False),
        sa.Column("offset_seconds", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deployment"),
        sa.CheckConstraint("temporary OR offset_seconds = 0", name=op.f("ck_deployment_clock")),
        sa.CheckConstraint("id = 1", name=op.f("ck_deployment_one")),
    )


def _people() -> None:
    """People and their drafts."""
    op.create_table(
        "persons",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", ID, nullable=False),
        sa.Column("example_key", sa.String(60)),
        sa.PrimaryKeyConstraint("id", name="pk_persons"),
        sa.UniqueConstraint("example_key", name="uq_persons_example_key"),
    )
    op.create_table(
        "drafts",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drafts"),
    )
    op.create_index("ix_drafts_owner", "drafts", ["owner"])


def _projections() -> None:
    """What is written with each entry and can be made again from them."""
    op.create_table(
        "bodies",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bodies"),
    )
    op.create_table(
        "gateways",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("collections", sa.JSON, nullable=False),
        sa.Column("credential_hash", HASH, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateways"),
        sa.UniqueConstraint("credential_hash", name="uq_gateways_credential_hash"),
    )
    op.create_table(
        "rules",
        sa.Column("id", ID, nullable=False),
        sa.Column("pack", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("line", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
    )
    op.create_table(
        "requests",
        sa.Column("id", ID, nullable=False),
        sa.Column("applicant", ID, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_applicant", "requests", ["applicant"])
    op.create_table(
        "request_bodies",
        sa.Column("request", ID, nullable=False),
        sa.Column("body", ID, nullable=False),
        sa.PrimaryKeyConstraint("request", "body", name="pk_request_bodies"),
    )
    op.create_index("ix_request_bodies_body", "request_bodies", ["body"])
    op.create_table(
        "request_people",
        sa.Column("request", ID, nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.PrimaryKeyConstraint("request", "person", name="pk_request_people"),
    )
    op.create_index("ix_request_people_person", "request_people", ["person"])
    op.create_table(
        "grants",
        sa.Column("id", ID, nullable=False),
        sa.Column("request", ID, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_request", "grants", ["request"])
    op.create_table(
        "grant_people",
        sa.Column("grant", ID, nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.PrimaryKeyConstraint("grant", "person", name="pk_grant_people"),
    )
    op.create_index("ix_grant_people_person", "grant_people", ["person"])
    op.create_table(
        "grant_items",
        sa.Column("grant", ID, nullable=False),
        sa.Column("item", ITEM, nullable=False),
        sa.PrimaryKeyConstraint("grant", "item", name="pk_grant_items"),
    )
    op.create_index("ix_grant_items_item", "grant_items", ["item"])
    op.create_table(
        "restrictions",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("words", ID, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restrictions"),
    )
    op.create_index("ix_restrictions_owner", "restrictions", ["owner"])
    op.create_index("ix_restrictions_status", "restrictions", ["status"])


def _catalogue() -> None:
    """What is held, what it may be, and what bodies have confirmed it to be."""
    op.create_table(
        "names",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_names"),
    )
    op.create_table(
        "imports",
        sa.Column("id", ID, nullable=False),
        sa.Column("sha256", HASH, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("staged_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.CheckConstraint(
            "status IN ('staged', 'dropped', 'published')", name=op.f("ck_imports_status")
        ),
    )
    op.create_index("ix_imports_status", "imports", ["status"])
    op.create_table(
        "collections",
        sa.Column("id", ID, nullable=False),
        sa.Column("agency", sa.String(500), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("batch", ID, nullable=False),
        sa.Column("history", ID),
        sa.PrimaryKeyConstraint("id", name="pk_collections"),
    )
    op.create_index("ix_collections_batch", "collections", ["batch"])
    op.create_table(
        "items",
        sa.Column("id", ITEM, nullable=False),
        sa.Column("collection", ID, nullable=False),
        sa.Column("table", sa.String(500), nullable=False),
        sa.Column("variable", sa.String(500), nullable=False),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("batch", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
    )
    op.create_index("ix_items_batch", "items", ["batch"])
    op.create_index("ix_items_collection", "items", ["collection"])
    op.create_table(
        "proposals",
        sa.Column("item", ITEM, nullable=False),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("line", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("item", "rule", name="pk_proposals"),
    )
    op.create_table(
        "confirmations",
        sa.Column("item", ITEM, nullable=False),
        sa.Column("body", ID, nullable=False),
        sa.Column("classification", sa.JSON, nullable=False),
        sa.Column("entry", ID, nullable=False),
        sa.PrimaryKeyConstraint("item", "body", name="pk_confirmations"),
    )
