"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    is_postgresql = op.get_context().dialect.name == "postgresql"
    # pgvector's type is called "vector", and a table has a type of its own name. SQLite's table is renamed in 0019.
    vectors = "chunk_vector" if is_postgresql else "vector"
    op.create_table(
        "run",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.String(64)),
        sa.Column("title", sa.Text),
        sa.Column("reading_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("sha256", name="uq_document_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("hint", sa.Text),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("delays", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_try", sa.Float, server_default="0", nullable=False),
        sa.Column("run", sa.String(32)),
        sa.Column("document_id", sa.Integer),
        sa.Column("mtime_ns", sa.BigInteger),
        sa.Column("size", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("kind", "ref", name="uq_source_kind_ref"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_source_document_id", ondelete="SET NULL"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_source_state_next_try", "source", ["state", "next_try"])
    op.create_index("ix_source_document_id", "source", ["document_id"])
    op.create_table(
        "share",
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        sa.Column("shared_by", sa.String(64)),
        sa.Column("shared_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "space", name="pk_share"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_share_source_id", ondelete="CASCADE"),
    )
    op.create_index("ix_share_space", "share", ["space"])
    op.create_table(
        "reading",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("document_id", sa.Integer, nullable=False),
        sa.Column("reader", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("hint", sa.Text),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("next_try", sa.Float, server_default="0", nullable=False),
        sa.Column("run", sa.String(32)),
        sa.Column("pages", sa.Integer, server_default="0", nullable=False),
        sa.Column("pages_done", sa.Integer, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reading"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_reading_document_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reading_document_id", "reading", ["document_id"])
    op.create_index("ix_reading_state_next_try", "reading", ["state", "next_try"])
    op.create_table(
        "page",
        sa.Column("reading_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("width", sa.Float, nullable=False),
        sa.Column("height", sa.Float, nullable=False),
        sa.Column("text_source", sa.String(8), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("render", sa.Text),
        sa.Column("words", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("reading_id", "number", name="pk_page"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.id"], name="fk_page_reading_id", ondelete="CASCADE"),
    )
    op.create_table(
        "chunk",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("document_id", sa.Integer, nullable=False),
        sa.Column("reading_id", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("heading", sa.Text, nullable=False),
        sa.Column("caption", sa.Text, nullable=False),
        sa.Column("box", sa.Text, nullable=False),
        sa.Column("marks", sa.Text, nullable=False),
        sa.Column("picture", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_chunk"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_chunk_document_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.id"], name="fk_chunk_reading_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chunk_reading_id_page", "chunk", ["reading_id", "page"])
    op.create_index("ix_chunk_document_id", "chunk", ["document_id"])
    op.create_table(
        vectors,
        sa.Column("embedder", sa.String(64), nullable=False),
        sa.Column("chunk_id", sa.Integer, nullable=False),
        sa.Column("window", sa.Integer, nullable=False),
        sa.Column("modality", sa.String(8), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("embedder", "chunk_id", "window", name=f"pk_{vectors}"),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunk.id"], name=f"fk_{vectors}_chunk_id", ondelete="CASCADE"),
    )
    op.create_index(f"ix_{vectors}_chunk_id", vectors, ["chunk_id"])
    op.create_table(
        "dropped",
        sa.Column("chunk_id", sa.Integer, nullable=False),
        sa.Column("window", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("chunk_id", "window", name="pk_dropped"),
    )
    op.create_table(
        "wipe",
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("folder", name="pk_wipe"),
    )
    if is_postgresql:
        # SQLite has such a column in every table. The order of vectors in it tells which are new.
        op.execute("ALTER TABLE chunk_vector ADD COLUMN rowid BIGSERIAL CONSTRAINT uq_chunk_vector_rowid UNIQUE")
        return
    # One column per field, so that each can have its weight; `document` is there for the scope.
    op.execute(
        "CREATE VIRTUAL TABLE words USING fts5("
        "title, heading, caption, body, document UNINDEXED, tokenize = 'porter unicode61 remove_diacritics 2')"
    )
