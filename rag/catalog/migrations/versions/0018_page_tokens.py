"""The token vectors of page images, by late-interaction models."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "page_tokens",
        sa.Column("embedder", sa.String(64), nullable=False),
        sa.Column("chunk_id", sa.Integer, nullable=False),
        sa.Column("vectors", sa.LargeBinary, nullable=False),
        sa.Column("boxes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("embedder", "chunk_id", name="pk_page_tokens"),
        sa.ForeignKeyConstraint(
            ["chunk_id"], ["chunk.id"], name="fk_page_tokens_chunk_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_page_tokens_chunk_id", "page_tokens", ["chunk_id"])
