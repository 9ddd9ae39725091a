"""The tables: what the decisions of the design force, and nothing that can be derived."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# sqlite_autoincrement wherever an id outlives its row in a file name or in the vector store: SQLite otherwise
# gives a deleted id to the next row, and what is left of the old one would join to a stranger.

run = Table(
    "run",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float, doc="null: running, or died without a word"),
)

source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False, doc="path, slack or url"),
    Column("ref", Text, nullable=False, doc="the path, the file id, the address"),
    Column("state", String(16), nullable=False, doc="waiting, fetching, known, failed, gone"),
    Column("reason", Text),
    Column("hint", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("delays", Integer, nullable=False, server_default="0", doc="claims given back, to be tried again"),
    Column("next_try", Float, nullable=False, server_default="0"),
    Column("run", String(32)),
    Column("document_id", ForeignKey("document.id", ondelete="SET NULL")),
    Column("mtime_ns", BigInteger),
    Column("size", BigInteger),
    UniqueConstraint("kind", "ref"),
    Index(None, "state", "next_try"),
    Index(None, "document_id"),
    sqlite_autoincrement=True,
)

share = Table(
    "share",
    metadata,
    Column("source_id", ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    Column("space", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("link", Text),
    Column("shared_by", String(64)),
    Column("shared_at", Float, nullable=False),
    Column("shown_from", Float, nullable=False, server_default="0", doc="nothing of it is shown before this time"),
    Column("withheld", BigInteger, doc="time_ns when its end was reported; nothing is shown until that is checked"),
    PrimaryKeyConstraint("source_id", "space"),
    Index(None, "space"),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("ref", Text, nullable=False),
    Column("space", String(64), nullable=False),
    Column("at", Float, nullable=False),
    PrimaryKeyConstraint("kind", "ref", "space"),
)
"""Shares that somebody had forgotten, or that grew too old: a listing that still has them brings them back no more."""

document = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(64)),
    Column("title", Text),
    Column(
        "reading_id", Integer, doc="the reading that serves; no foreign key, for the two tables point at each other"
    ),
    sqlite_autoincrement=True,
)

reading = Table(
    "reading",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("reader", String(64), nullable=False),
    Column("state", String(16), nullable=False, doc="waiting, reading, complete, failed"),
    Column("reason", Text),
    Column("hint", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try", Float, nullable=False, server_default="0"),
    Column("run", String(32)),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("pages_done", Integer, nullable=False, server_default="0"),
    Column("seconds", Float, doc="how long the reading took; null: unknown"),
    Index(None, "document_id"),
    Index(None, "state", "next_try"),
    sqlite_autoincrement=True,
)

page = Table(
    "page",
    metadata,
    Column("reading_id", ForeignKey("reading.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("label", Text),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    Column("text_source", String(8), nullable=False),
    Column("error", Text),
    Column("render", Text, doc="file name in the reading's folder of pictures"),
    Column("words", LargeBinary, nullable=False, doc="zlib of JSON [[text, x0, y0, x1, y1], ...] in reading order"),
    PrimaryKeyConstraint("reading_id", "number"),
)

fingerprint = Table(
    "fingerprint",
    metadata,
    Column("reading_id", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("method", Integer, nullable=False, doc="how it was made; made again when there is a newer one"),
    Column("phash", BigInteger, nullable=False, doc="64 bits, as a signed number"),
    Column("points", LargeBinary, nullable=False, doc="empty: a blank page, or its picture cannot be decoded"),
    PrimaryKeyConstraint("reading_id", "number"),
    ForeignKeyConstraint(["reading_id", "number"], ["page.reading_id", "page.number"], ondelete="CASCADE"),
)

chunk = Table(
    "chunk",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("reading_id", ForeignKey("reading.id", ondelete="CASCADE"), nullable=False),
    Column("page", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("box", Text, nullable=False, doc="JSON [x0, y0, x1, y1]"),
    Column("marks", Text, nullable=False, doc="JSON [[x0, y0, x1, y1], ...]"),
    Column("picture", Text, doc="file name in the reading's folder of pictures"),
    Index(None, "reading_id", "page"),
    Index(None, "document_id"),
    sqlite_autoincrement=True,
)

caption = Table(
    "caption",
    metadata,
    Column("chunk_id", ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True),
    Column("captioner", String(128), nullable=False, doc="the model that wrote it"),
    Column("text", Text, nullable=False, doc="empty: the picture is refused, or cannot be read"),
)

vector = Table(
    "vector",
    metadata,
    Column("embedder", String(64), nullable=False),
    Column("chunk_id", ForeignKey("chunk.id", ondelete="CASCADE"), nullable=False),
    Column("window", Integer, nullable=False),
    Column("modality", String(8), nullable=False),
    Column("data", LargeBinary, nullable=False, doc="float16; empty: nothing to embed, or it cannot be decoded"),
    PrimaryKeyConstraint("embedder", "chunk_id", "window"),
    Index(None, "chunk_id"),
)

dropped = Table(
    "dropped",
    metadata,
    Column("chunk_id", Integer, nullable=False),
    Column("window", Integer, nullable=False),
    PrimaryKeyConstraint("chunk_id", "window"),
)

wipe = Table(
    "wipe",
    metadata,
    Column("folder", Text, primary_key=True, doc="below the data folder; files that no row points at any more"),
    Column("whole", Boolean, nullable=False, doc="a folder with all that is in it, or one file"),
)
