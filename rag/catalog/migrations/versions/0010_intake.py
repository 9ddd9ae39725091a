"""The order in which files are read: priorities, times of waiting, and outages of whole origins.

What waits already counts as having waited for long.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("source", sa.Column("priority", sa.Integer, nullable=False, server_default="1"))
    op.add_column("source", sa.Column("queued_at", sa.Float, nullable=False, server_default="0"))
    op.add_column("extraction", sa.Column("queued_at", sa.Float, nullable=False, server_default="0"))
    op.create_table(
        "outage",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("needs_operator", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_outage"),
    )
