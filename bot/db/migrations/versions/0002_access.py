"""The log of access, the pictures sent to Slack, and files that left."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "departed",
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("file", "channel", name="pk_departed"),
    )
    op.create_table(
        "access",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("document", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("spaces", sa.JSON, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access"),
        sa.UniqueConstraint("channel", "ts", "document", name="uq_access_channel_ts_document"),
    )
    op.create_index("ix_access_sha256", "access", ["sha256"])
    op.create_index("ix_access_document", "access", ["document"])
    op.create_table(
        "evidence",
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("document", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_evidence"),
    )
    op.create_index("ix_evidence_document", "evidence", ["document"])
    # Replies of questions that are answered stand in Slack, and are kept here no longer.
    op.execute("UPDATE question SET reply = NULL WHERE state IN ('done', 'failed')")
