"""Which text embedder the index has vectors of. The vectors stay; those of unknown models are of an earlier version."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "text_index",
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("identity", name="pk_text_index"),
    )
    vectors = "chunk_vector" if op.get_context().dialect.name == "postgresql" else "vector"
    # The adapters of text embedders name them so; no CLIP model is called ollama or st.
    op.execute(
        f"INSERT INTO text_index SELECT DISTINCT embedder, '', 'earlier' FROM {vectors} "
        "WHERE embedder LIKE 'ollama-%' OR embedder LIKE 'st-%'"
    )
