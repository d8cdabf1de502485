"""Runs migrations on the connection that `services.store.migrate` hands over.

There is no `alembic.ini`: a database is upgraded by `migrate.upgrade` alone, inside one
transaction that it opens and ends.
"""

from alembic import context

from services.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite cannot alter most things in place; later migrations copy the table there. A
    # copied table has lost its triggers: such a migration makes them again.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
