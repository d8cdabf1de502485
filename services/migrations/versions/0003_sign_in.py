"""How people sign in, their sessions, and the mail that goes out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# As wide as the columns were at this revision, whatever `schema.py` says later.
ID = sa.String(200)
INSTANT = sa.String(27)
HASH = sa.String(64)


def upgrade() -> None:
    """Make the tables of sign-in and of the mailer."""
    _known_by()
    _signed_in()
    _mail()


def _known_by() -> None:
    """What people are known by: at a provider, and by their address."""
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
    )
    op.create_index("ix_identities_person", "identities", ["person"])
    op.create_table(
        "emails",
        sa.Column("lookup", HASH, nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.Column("text", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("lookup", name="pk_emails"),
        sa.UniqueConstraint("person", name="uq_emails_person"),
    )


def _signed_in() -> None:
    """Sessions, and the links that begin them."""
    op.create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("secret", HASH, nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.Column("way", sa.String(10), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("stepped_up_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("secret", name="uq_sessions_secret"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "signin_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("token", HASH, nullable=False),
        sa.Column("person", ID),
        sa.Column("lookup", HASH, nullable=False),
        sa.Column("browser", HASH, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_signin_links"),
        sa.UniqueConstraint("token", name="uq_signin_links_token"),
    )
    op.create_index("ix_signin_links_lookup", "signin_links", ["lookup"])
    op.create_index("ix_signin_links_created_at", "signin_links", ["created_at"])


def _mail() -> None:
    """The mail's outbox."""
    op.create_table(
        "messages",
        sa.Column("key", ID, nullable=False),
        sa.Column("person", ID),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("outcome", sa.String(10)),
        sa.PrimaryKeyConstraint("key", name="pk_messages"),
    )
    op.create_index("ix_messages_outcome", "messages", ["outcome"])
