"""Whose turn it is, what a button asks for, and that a question was changed, stopped or deleted while it was answered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("question", sa.Column("kind", sa.String(8), nullable=False, server_default="ask"))
    op.add_column("question", sa.Column("about", sa.JSON))
    op.add_column("question", sa.Column("turn", sa.Integer, nullable=False, server_default="0"))
    op.add_column("question", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.add_column("question", sa.Column("halt", sa.String(8)))
    op.add_column("question", sa.Column("obsolete", sa.JSON))
    op.create_index("ix_question_channel_thread", "question", ["channel", "thread"])
