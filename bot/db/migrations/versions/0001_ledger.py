"""The ledger's first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "delivery",
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_delivery"),
    )
    op.create_table(
        "question",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("thread", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_try", sa.Float, nullable=False, server_default="0"),
        sa.Column("asked", sa.Float, nullable=False),
        sa.Column("placeholder", sa.String(32)),
        sa.Column("reply", sa.JSON),
        sa.Column("uploads", sa.JSON),
        sa.Column("sharing", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_question"),
        sa.UniqueConstraint("channel", "ts", name="uq_question_channel_ts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_question_state_next_try", "question", ["state", "next_try"])
    op.create_table(
        "queried",
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("file", "channel", name="pk_queried"),
    )
    op.create_table(
        "conversation",
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("looked", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_conversation"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("file", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receipt"),
        sa.UniqueConstraint("channel", "ts", "file", name="uq_receipt_channel_ts_file"),
    )
    op.create_index("ix_receipt_state", "receipt", ["state"])
    op.create_table(
        "errand",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("ref", sa.String(32), nullable=False),
        sa.Column("sent", sa.Integer, nullable=False, server_default="1"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_try", sa.Float, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_errand"),
        sa.UniqueConstraint("kind", "ref", name="uq_errand_kind_ref"),
    )
