"""The messages that share a web page, and pictures that are on their way to Slack."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "linked",
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("url", "channel", "ts", name="pk_linked"),
    )
    op.create_table(
        "removed",
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("file", "channel", "ts", name="pk_removed"),
    )
    op.create_table(
        "upload",
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("question", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_upload"),
    )
