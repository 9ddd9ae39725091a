"""Versions of the full-text index, and the language of each chunk. An index with rows is searched until a worker has
filled the next version."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TOKENIZE = """tokenize = "ascii tokenchars '-./_:@+#&^~='" """


def upgrade():
    op.create_table(
        "index_version",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("analysis", sa.String(16), nullable=False),
        sa.Column("chunks_to", sa.Integer, nullable=False),
        sa.Column("shares_to", sa.Integer, nullable=False),
        sa.Column("is_complete", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_index_version"),
    )
    op.add_column("chunk", sa.Column("language", sa.String(8)))
    op.drop_index("ix_chunk_document_id", "chunk")
    op.create_index("ix_chunk_document_id_language", "chunk", ["document_id", "language"])
    if op.get_context().dialect.name == "postgresql":
        return
    connection = op.get_bind()
    has_rows = any(connection.execute(sa.text(f"SELECT 1 FROM {name} LIMIT 1")).all() for name in ("chunk", "share"))
    if has_rows:
        op.execute("INSERT INTO index_version VALUES (0, '', 0, 0, 1)")
        return
    op.execute("DROP TABLE fulltext")
    op.execute("DROP TABLE share_fulltext")
    op.execute("INSERT INTO index_version VALUES (1, '1', 0, 0, 1)")
    op.execute(f"CREATE VIRTUAL TABLE fulltext_1 USING fts5(title, heading, caption, body, forms, {TOKENIZE})")
    op.execute("CREATE VIRTUAL TABLE fulltext_1_terms USING fts5vocab(fulltext_1, row)")
    op.execute(f"CREATE VIRTUAL TABLE share_fulltext_1 USING fts5(words, forms, {TOKENIZE})")
