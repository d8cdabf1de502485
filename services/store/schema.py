"""The tables. The streams (`entries`) are the truth; everything below them follows from it.

Each row names its owning body where one owns it. Instants are text as the ledger
writes them (UTC, microseconds, ``Z``), which sorts in order on both databases.
"""

from __future__ import annotations

import sqlalchemy as sa

from services.store.rule_tables import pack_documents as pack_documents
from services.store.rule_tables import role_rules as role_rules
from services.store.rule_tables import routing_rules as routing_rules
from services.store.rule_tables import rule_changes as rule_changes
from services.store.rule_tables import rules as rules
from services.store.rule_tables import speaking as speaking
from services.store.table import HASH, ID, INSTANT, ITEM, table
from services.store.table import METADATA as METADATA

# The record. `entries` and `leaves` refuse UPDATE and DELETE by trigger.
streams = table(
    "streams",
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False, index=True),
    sa.Column("owner", ID, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("head", HASH, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
)
entries = table(
    "entries",
    sa.Column("id", ID, primary_key=True),
    sa.Column("stream", ID, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("command", ID, nullable=False, unique=True),
    sa.Column("digest", HASH, nullable=False),
    sa.Column("owner", ID, nullable=False, index=True),
    sa.Column("at", INSTANT, nullable=False),
    sa.Column("canonical", sa.LargeBinary, nullable=False),
    sa.Column("hash", HASH, nullable=False),
    sa.UniqueConstraint("stream", "sequence"),
)
leaves = table(
    "leaves",
    sa.Column("index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entry", ID, nullable=False, unique=True),
)
outbox = table(
    "outbox",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("entry", ID, nullable=False),
    sa.Column("target", ID, nullable=False),
    sa.Column("envelope", sa.JSON, nullable=False),
    sa.Column("delivered_at", INSTANT, index=True),
    sa.Column("outcome", sa.String(40)),
)
texts = table(
    "texts",
    sa.Column("id", ID, primary_key=True),
    sa.Column("owner", ID, nullable=False, index=True),
    sa.Column("audience", sa.String(10), nullable=False),
    sa.Column("author", ID, nullable=False),
    sa.Column("key_id", sa.String(40), nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("entry", ID),
    sa.Column("created_at", INSTANT, nullable=False),
)
versions = table(
    "versions",
    sa.Column("name", ID, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)
deployment = table(
    "deployment",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", ID, nullable=False),
    sa.Column("temporary", sa.Boolean, nullable=False),
    sa.Column("example", sa.Boolean, nullable=False),
    sa.Column("offset_seconds", sa.Float, nullable=False),
    sa.CheckConstraint("id = 1", name="one"),
    sa.CheckConstraint("temporary OR offset_seconds = 0", name="clock"),
)

# People and their drafts.
persons = table(
    "persons",
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", ID, nullable=False),
    sa.Column("example_key", sa.String(60), unique=True),
)
drafts = table(
    "drafts",
    sa.Column("id", ID, primary_key=True),
    sa.Column("owner", ID, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
)

# How people sign in, and the mail that goes out. Secrets are here only as hashes: of a
# session's and a link's SHA-256 (they are random), of an address HMAC under the deployment's key
# (addresses can be guessed).
identities = table(
    "identities",
    sa.Column("issuer", sa.String(500), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("person", ID, nullable=False, index=True),
    sa.Column("created_at", INSTANT, nullable=False),
)
emails = table(
    "emails",
    sa.Column("lookup", HASH, primary_key=True),
    sa.Column("person", ID, nullable=False, unique=True),
    sa.Column("text", ID, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
)
sessions = table(
    "sessions",
    sa.Column("id", ID, primary_key=True),
    sa.Column("secret", HASH, nullable=False, unique=True),
    sa.Column("person", ID, nullable=False, index=True),
    sa.Column("way", sa.String(10), nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("seen_at", INSTANT, nullable=False),
    sa.Column("expires_at", INSTANT, nullable=False, index=True),
    sa.Column("stepped_up_at", INSTANT),
    sa.Column("ended_at", INSTANT),
)
signin_links = table(
    "signin_links",
    sa.Column("id", ID, primary_key=True),
    sa.Column("token", HASH, nullable=False, unique=True),
    # None where nobody has the address: that was asked for all the same, and counts.
    sa.Column("person", ID),
    sa.Column("lookup", HASH, nullable=False, index=True),
    sa.Column("browser", HASH, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False, index=True),
    sa.Column("expires_at", INSTANT, nullable=False),
    sa.Column("used_at", INSTANT),
)
messages = table(
    "messages",
    sa.Column("key", ID, primary_key=True),
    sa.Column("person", ID),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False),
    sa.Column("not_before", INSTANT, nullable=False),
    sa.Column("claimed_until", INSTANT),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("sent_at", INSTANT),
    # None while it waits; then sent, dropped (nothing to say any more) or refused.
    sa.Column("outcome", sa.String(10), index=True),
)

# Projections of streams: written with the entry, in its transaction.
bodies = table(
    "bodies",
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", ID, nullable=False),
)
gateways = table(
    "gateways",
    sa.Column("id", ID, primary_key=True),
    sa.Column("owner", ID, nullable=False),
    sa.Column("collections", sa.JSON, nullable=False),
    sa.Column("credential_hash", HASH, nullable=False, unique=True),
)
requests = table(
    "requests",
    sa.Column("id", ID, primary_key=True),
    sa.Column("applicant", ID, nullable=False, index=True),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
)
request_bodies = table(
    "request_bodies",
    sa.Column("request", ID, primary_key=True),
    sa.Column("body", ID, primary_key=True, index=True),
)
request_people = table(
    "request_people",
    sa.Column("request", ID, primary_key=True),
    sa.Column("person", ID, primary_key=True, index=True),
)
grants = table(
    "grants",
    sa.Column("id", ID, primary_key=True),
    sa.Column("request", ID, nullable=False, index=True),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
)
grant_people = table(
    "grant_people",
    sa.Column("grant", ID, primary_key=True),
    sa.Column("person", ID, primary_key=True, index=True),
)
grant_items = table(
    "grant_items",
    sa.Column("grant", ID, primary_key=True),
    sa.Column("item", ITEM, primary_key=True, index=True),
)
restrictions = table(
    "restrictions",
    sa.Column("id", ID, primary_key=True),
    sa.Column("owner", ID, nullable=False, index=True),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("words", ID, nullable=False),
    sa.Column("updated_at", INSTANT, nullable=False),
)

# The catalogue. Rows are staged under an import and seen once its status is `published`,
# which one row says for all of them: publishing takes the same moment for any file.
names = table(
    "names",
    sa.Column("id", ID, primary_key=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("name", ID, nullable=False),
)
imports = table(
    "imports",
    sa.Column("id", ID, primary_key=True),
    sa.Column("sha256", HASH, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("status", sa.String(10), nullable=False, index=True),
    sa.Column("staged_at", INSTANT, nullable=False),
    sa.CheckConstraint("status IN ('staged', 'dropped', 'published')", name="status"),
)
collections = table(
    "collections",
    sa.Column("id", ID, primary_key=True),
    sa.Column("agency", sa.String(500), nullable=False),
    sa.Column("name", sa.String(500), nullable=False),
    sa.Column("batch", ID, nullable=False, index=True),
    sa.Column("history", ID),
)
items = table(
    "items",
    sa.Column("id", ITEM, primary_key=True),
    sa.Column("collection", ID, nullable=False, index=True),
    sa.Column("table", sa.String(500), nullable=False),
    sa.Column("variable", sa.String(500), nullable=False),
    sa.Column("search", sa.Text, nullable=False),
    sa.Column("batch", ID, nullable=False, index=True),
)
proposals = table(
    "proposals",
    sa.Column("item", ITEM, primary_key=True),
    sa.Column("rule", sa.String(60), primary_key=True),
    sa.Column("line", sa.JSON, nullable=False),
)
confirmations = table(
    "confirmations",
    sa.Column("item", ITEM, primary_key=True),
    sa.Column("body", ID, primary_key=True),
    sa.Column("classification", sa.JSON, nullable=False),
    sa.Column("entry", ID, nullable=False),
)

wishes = table(
    "wishes",
    sa.Column("item", ITEM, primary_key=True),
    sa.Column("body", ID, primary_key=True),
    sa.Column("wishes", ID, nullable=False),
    sa.Column("context", ID, nullable=False),
)

# What bodies have not settled: a row while it is open, and none afterwards.
claims = table(
    "claims",
    sa.Column("claim", ID, primary_key=True),
    sa.Column("subject", ITEM, primary_key=True, index=True),
)
disputes = table(
    "disputes",
    sa.Column("dispute", ID, primary_key=True),
    sa.Column("rests_on", ID, nullable=False, index=True),
)
searches = table(
    "searches",
    sa.Column("id", ID, primary_key=True),
    sa.Column("subjects", sa.JSON, nullable=False),
    sa.Column("searcher", ID, nullable=False),
    sa.Column("words", ID, nullable=False),
)

# Codes printed for people who are named in a record, by which they can say that it is not so.
read_backs = table(
    "read_backs",
    sa.Column("code_hash", HASH, primary_key=True),
    sa.Column("request", ID, nullable=False),
    sa.Column("entry", ID, nullable=False, index=True),
    sa.Column("person", ID, nullable=False),
    sa.Column("made_at", INSTANT, nullable=False),
    sa.UniqueConstraint("entry", "person"),
)

PUBLISHED = sa.select(imports.c.id).where(imports.c.status == "published")
"""The batches whose rows readers may see: ``items.c.batch.in_(PUBLISHED)``."""
