"""Rules in named columns, who speaks for what, and the log of every change of them.

What was in force stays in force. Lines adopted before now reach their adopter's own part, for
allowing as for denying, and speak of uses where they spoke of every act; each body's lines are
read again from what it adopted, its restrictions' from their streams.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policies.body.commands import DEPLOYMENT
from policies.rules import ANY_USE, EVERY, Pack, RoleRule, RoutingRule, Rule
from services.store import in_force, streams

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.String(200)
ITEM = sa.String(700)
INSTANT = sa.String(27)
STAYS = "What was in force when is never changed or removed."


def upgrade() -> None:
    """Make the tables, and write down anew what is in force."""
    connection = op.get_bind()
    streams.refold(connection)
    old = sa.table("rules", *(sa.column(each) for each in ("pack", "owner", "kind")),
                   sa.column("line", sa.JSON))  # fmt: skip
    before = list(connection.execute(sa.select(old).order_by(old.c.pack, old.c.owner)))
    op.drop_table("rules")
    _make()
    _stays(connection)
    if connection.execute(_deployed()).one_or_none() is None:
        return
    found: dict[tuple[str, str], dict[str, list[object]]] = {}
    for row in before:
        lines = found.setdefault((row.pack, row.owner), {"rule": [], "routing": [], "role": []})
        lines[row.kind].append(_line(row.kind, row.owner, row.line))
    for (pack, owner), lines in found.items():
        in_force.replace_pack(
            connection, pack, owner,
            Pack(tuple(lines["rule"]), tuple(lines["routing"]), tuple(lines["role"])),  # type: ignore[arg-type]
        )  # fmt: skip
    _from_streams(connection)


def _deployed() -> sa.Select[tuple[str]]:
    return sa.select(sa.column("id")).select_from(sa.table("deployment"))


def _line(kind: str, owner: str, line: dict[str, object]) -> object:
    if kind == "routing":
        return RoutingRule(**line)  # type: ignore[arg-type]
    if kind == "role":
        return RoleRule(**line)  # type: ignore[arg-type]
    everybody = owner == DEPLOYMENT or (line["effect"] == "deny" and line["slice"] == EVERY)
    moved = {"slice": EVERY, "reach": EVERY if everybody else owner}
    if owner != DEPLOYMENT and line["act"] == EVERY:
        moved["act"] = ANY_USE
    return Rule(**{**line, **moved})  # type: ignore[arg-type]


def _from_streams(connection: sa.Connection) -> None:
    table = sa.table("streams", sa.column("id"), sa.column("kind"))
    for kind, write in (("body", in_force.restate), ("restriction", in_force.restrict)):
        ids = connection.execute(sa.select(table.c.id).where(table.c.kind == kind)).scalars()
        for name, state in streams.states(connection, ids).items():
            write(connection, name, state)


def _make() -> None:
    op.create_table(
        "rules",
        sa.Column("id", sa.String(300), nullable=False),
        sa.Column("pack", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
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
        sa.Column("restriction", ID),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules"),
        sa.CheckConstraint("effect IN ('allow', 'deny')", name=op.f("ck_rules_effect")),
    )
    op.create_index("ix_rules_owner", "rules", ["owner"])
    op.create_index("ix_rules_restriction", "rules", ["restriction"])
    op.create_table(
        "routing_rules",
        sa.Column("id", sa.String(300), nullable=False),
        sa.Column("pack", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("body", ID, nullable=False),
        sa.Column("capacity", ID, nullable=False),
        sa.Column("klass", ID, nullable=False),
        sa.Column("people", ID, nullable=False),
        sa.Column("place", ID, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("adopter", ID, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_routing_rules"),
    )
    op.create_index("ix_routing_rules_owner", "routing_rules", ["owner"])
    op.create_table(
        "role_rules",
        sa.Column("id", sa.String(300), nullable=False),
        sa.Column("pack", ID, nullable=False),
        sa.Column("owner", ID, nullable=False),
        sa.Column("role", ID, nullable=False),
        sa.Column("includes", ID, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_role_rules"),
    )
    op.create_table(
        "speaking",
        sa.Column("part", ID, nullable=False),
        sa.Column("body", ID, nullable=False),
        sa.Column("why", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("part", "body", "why", name="pk_speaking"),
    )
    op.create_index("ix_speaking_body", "speaking", ["body"])
    op.create_table(
        "rule_changes",
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("entry", ID),
        sa.Column("change", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_rule_changes"),
    )
    op.create_index("ix_rule_changes_at", "rule_changes", ["at"])


def _stays(connection: sa.Connection) -> None:
    """The log is only ever added to, as the record is (revision 0002)."""
    if connection.dialect.name == "sqlite":
        for what, when in (("change", "UPDATE"), ("go", "DELETE")):
            op.execute(
                f"CREATE TRIGGER rule_changes_never_{what} BEFORE {when} ON rule_changes"
                f" BEGIN SELECT RAISE(ABORT, '{STAYS}'); END"
            )
        # INSERT OR REPLACE removes the row in its way without firing delete triggers.
        there = "EXISTS (SELECT 1 FROM rule_changes WHERE position = NEW.position)"
        op.execute(
            f"CREATE TRIGGER rule_changes_are_new BEFORE INSERT ON rule_changes WHEN {there}"
            f" BEGIN SELECT RAISE(ABORT, '{STAYS}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION accord_rule_changes_stay() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE EXCEPTION '{STAYS}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER rule_changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON rule_changes"
        " FOR EACH STATEMENT EXECUTE FUNCTION accord_rule_changes_stay()"
    )
