"""The tables of rule packs: what is in force, since when, and the documents adopted."""

from __future__ import annotations

import sqlalchemy as sa

from services.store.table import HASH, ID, INSTANT, ITEM, table

# What is in force: a line a row, in the columns of the CSV files. A restriction's deny lines are
# among them (`restriction`), their `pack` empty. `speaking` says whose part a body speaks for.
rules = table(
    "rules",
    sa.Column("id", sa.String(300), primary_key=True),
    sa.Column("pack", ID, nullable=False),
    sa.Column("owner", ID, nullable=False, index=True),
    sa.Column("role", ID, nullable=False),
    sa.Column("act", ID, nullable=False),
    sa.Column("collection", ID, nullable=False),
    sa.Column("item", ITEM, nullable=False),
    sa.Column("klass", ID, nullable=False),
    sa.Column("purpose", ID, nullable=False),
    sa.Column("level", ID, nullable=False),
    sa.Column("slice", sa.Text, nullable=False),
    sa.Column("effect", sa.String(5), nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("since", INSTANT, nullable=False),
    sa.Column("until", INSTANT, nullable=False),
    sa.Column("adopter", ID, nullable=False),
    sa.Column("reach", ID, nullable=False),
    sa.Column("restriction", ID, index=True),
    sa.Column("hidden", sa.Boolean, nullable=False),
    sa.Column("made_at", INSTANT, nullable=False),
    sa.CheckConstraint("effect IN ('allow', 'deny')", name="effect"),
)
routing_rules = table(
    "routing_rules",
    sa.Column("id", sa.String(300), primary_key=True),
    sa.Column("pack", ID, nullable=False),
    sa.Column("owner", ID, nullable=False, index=True),
    sa.Column("body", ID, nullable=False),
    sa.Column("capacity", ID, nullable=False),
    sa.Column("klass", ID, nullable=False),
    sa.Column("people", ID, nullable=False),
    sa.Column("place", ID, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
    sa.Column("adopter", ID, nullable=False),
    sa.Column("made_at", INSTANT, nullable=False),
)
role_rules = table(
    "role_rules",
    sa.Column("id", sa.String(300), primary_key=True),
    sa.Column("pack", ID, nullable=False),
    sa.Column("owner", ID, nullable=False),
    sa.Column("role", ID, nullable=False),
    sa.Column("includes", ID, nullable=False),
    sa.Column("because", sa.Text, nullable=False),
)
speaking = table(
    "speaking",
    sa.Column("part", ID, primary_key=True),
    sa.Column("body", ID, primary_key=True, index=True),
    sa.Column("why", sa.String(300), primary_key=True),
)
# Every change of the above, in the order of the commits; refuses UPDATE and DELETE by trigger.
rule_changes = table(
    "rule_changes",
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", INSTANT, nullable=False, index=True),
    sa.Column("entry", ID),
    sa.Column("change", sa.JSON, nullable=False),
)
# The packs' documents, each as the archive that `sha256` is of. They refuse UPDATE and DELETE by
# trigger: what was in force on any day can be read again.
pack_documents = table(
    "pack_documents",
    sa.Column("pack", ID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sha256", HASH, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("entry", ID, nullable=False),
)
