"""Rename the table of vectors: `vector` is the name of a type of pgvector. No row changes."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade():
    if op.get_context().dialect.name == "postgresql":
        return  # it has the new name from the start
    op.drop_index("ix_vector_chunk_id", "vector")
    op.rename_table("vector", "chunk_vector")
    op.create_index("ix_chunk_vector_chunk_id", "chunk_vector", ["chunk_id"])
