"""What every table is made of: how constraints are called, and the widths of columns."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = sa.String(200)
# A schema, a table and a variable of up to 200 characters each, and two dots.
ITEM = sa.String(700)
INSTANT = sa.String(27)
HASH = sa.String(64)


def table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    """A table of Accord's, in its one set of metadata."""
    return sa.Table(name, METADATA, *columns)
