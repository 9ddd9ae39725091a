"""Captions that a model wrote of pictures, apart from what documents say themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "caption",
        sa.Column("chunk_id", sa.Integer, nullable=False),
        sa.Column("captioner", sa.String(128), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", name="pk_caption"),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunk.id"], name="fk_caption_chunk_id", ondelete="CASCADE"),
    )
