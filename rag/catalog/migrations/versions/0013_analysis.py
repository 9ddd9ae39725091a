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
        _create_tables_of_postgresql()
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


def _create_tables_of_postgresql():
    """Create the tables that rag.catalog.tsvector_tables describes."""
    op.execute("INSERT INTO index_version VALUES (1, '1', 0, 0, TRUE)")
    for name in ("fulltext_1", "share_fulltext_1"):
        op.execute(
            f"CREATE TABLE {name} (rowid INTEGER PRIMARY KEY, size INTEGER NOT NULL, written TSVECTOR NOT NULL, "
            "forms TSVECTOR NOT NULL) WITH (toast_tuple_target = 8160)"
        )
        op.execute(f"ALTER TABLE {name} ALTER written SET STORAGE MAIN, ALTER forms SET STORAGE MAIN")
        op.execute(f"CREATE INDEX ix_{name} ON {name} USING gin (written, forms) WITH (fastupdate = off)")
        op.execute(f"CREATE TABLE {name}_size (texts INTEGER NOT NULL, tokens BIGINT NOT NULL)")
        op.execute(f"INSERT INTO {name}_size VALUES (0, 0)")
    op.execute('CREATE TABLE fulltext_1_terms (term TEXT COLLATE "C" PRIMARY KEY, texts INTEGER NOT NULL)')
