"""Every stream's folded state is told anew from its entries.

What a state holds has changed: a dispute knows on what anything rests and when it was said, a
search who may say what came of it, a request which silences went to the reviewer. Whoever
changes what a state holds adds a revision like this one; the entries stay what they are.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

from services.store import streams

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Fold them all."""
    streams.refold(op.get_bind())
