"""The tables of the catalog. Nothing that can be derived is stored."""

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
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# sqlite_autoincrement wherever an id outlives its row in a file name or in the vector store: SQLite otherwise gives a
# deleted id to the next row, and leftovers of the old row would be taken for the new one's.

run = Table(
    "run",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, doc="null: running, or crashed"),
)
"""Processes that owned the data folder."""

source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False, doc="SourceKind, or a kind that the caller brings a fetcher for"),
    Column("ref", Text, nullable=False, doc="the path, the file id, the address"),
    Column("state", String(16), nullable=False, doc="SourceState"),
    Column("reason", Text),
    Column("hint", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("delays", Integer, nullable=False, server_default="0", doc="claims given back to be tried again"),
    Column("retry_at", Float, nullable=False, server_default="0", doc="not claimed before this time"),
    Column("run_id", String(32), doc="the claim that works on it: new each time, so that an old one cannot end it"),
    Column("document_id", ForeignKey("document.id", ondelete="SET NULL")),
    Column("mtime_ns", BigInteger),
    Column("size", BigInteger),
    Column("fetched_at", Float, nullable=False, server_default="0", doc="when its bytes were last known to be current"),
    Column("validators", Text, nullable=False, server_default="", doc="for a conditional request; empty: none"),
    Column("priority", Integer, nullable=False, server_default="1", doc="IntakePriority"),
    Column("queued_at", Float, nullable=False, server_default="0", doc="since when it waits, seconds since 1970"),
    UniqueConstraint("kind", "ref"),
    Index(None, "state", "retry_at"),
    Index(None, "document_id"),
    sqlite_autoincrement=True,
)

outage = Table(
    "outage",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False, doc="nothing of this kind is fetched before this time"),
    Column("failures", Integer, nullable=False, server_default="0", doc="probes that failed"),
    Column("reason", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("needs_operator", Boolean, nullable=False),
)
"""Kinds of sources that cannot be fetched now, because their origin cannot be reached or used."""

share = Table(
    "share",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    Column("space", String(64), nullable=False, doc="empty: every space; see `share_ends.delete_source`"),
    Column(
        "message", String(64), nullable=False, server_default="", doc="the chat's id of it; empty: none, or unknown"
    ),
    Column("thread", String(64), nullable=False, server_default="", doc="id of the thread's root; empty: no thread"),
    Column("name", Text, nullable=False),
    Column("link", Text),
    Column("shared_by", String(64)),
    Column("shared_at", Float, nullable=False, doc="time of the message, seconds since 1970"),
    Column("words", Text, nullable=False, server_default="", doc="text of the message; also in the full-text index"),
    Column("visible_from", Float, nullable=False, server_default="0", doc="hidden from readers before this time"),
    Column("state", String(16), nullable=False, server_default="shared", doc="ShareState"),
    Column("state_at", Float, nullable=False, doc="time of the last change of the state"),
    Column("reason", Text, nullable=False, server_default="", doc="why it was refused, in words"),
    UniqueConstraint("source_id", "space", "message"),
    Index(None, "space", "thread"),
    sqlite_autoincrement=True,
)
"""Which message shared which source in which space: one row for each, with one state."""

name_word = Table(
    "name_word",
    metadata,
    Column("word", String(64), primary_key=True, doc="a token of rag.analysis"),
    Column("share_id", ForeignKey("share.id", ondelete="CASCADE"), primary_key=True, index=True),
)
"""The words of the names that files are shared under. A trigger deletes those of a share whose name changes."""

share_revision = Table("share_revision", metadata, Column("number", Integer, nullable=False))
"""One row, that triggers change: see `shared_documents.share_revision`."""

document = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(64)),
    Column("title", Text),
    Column(
        "extraction_id",
        Integer,
        doc="the extraction that is searched; no foreign key, because the two tables refer to each other",
    ),
    sqlite_autoincrement=True,
)

extraction = Table(
    "extraction",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("extractor", String(64), nullable=False, doc="version of the extractor"),
    Column("state", String(16), nullable=False, doc="ExtractionState"),
    Column("reason", Text),
    Column("hint", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", Float, nullable=False, server_default="0", doc="not claimed before this time"),
    Column("run_id", String(32), doc="the claim that works on it: new each time, so that an old one cannot end it"),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("pages_done", Integer, nullable=False, server_default="0"),
    Column("pages_skimmed", Integer, nullable=False, server_default="0", doc="see rag.catalog.skims"),
    Column("seconds", Float, doc="how long it took; null: unknown"),
    Column("queued_at", Float, nullable=False, server_default="0", doc="when it was requested, seconds since 1970"),
    Column("notes", Text, doc="about the file as a whole: JSON [[text, lost], ...]; null: none"),
    Index(None, "document_id"),
    Index(None, "state", "retry_at"),
    sqlite_autoincrement=True,
)

attachment = Table(
    "attachment",
    metadata,
    Column("extraction_id", ForeignKey("extraction.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("document_id", ForeignKey("document.id", ondelete="CASCADE"), nullable=False, doc="the file it is in"),
    Column("attached_id", ForeignKey("document.id", ondelete="SET NULL"), doc="null: deleted, as it was not shared"),
    Column("name", Text, nullable=False),
    Column("inside", Text, nullable=False, doc="the attachment of the file that it is attached to; empty: the file"),
    PrimaryKeyConstraint("extraction_id", "number"),
    Index(None, "document_id"),
    Index(None, "attached_id"),
)
"""The files in a file, also those inside of others, as one extraction found them. An attached document has no share of
its own: it has those of every file that it is in; see `holdings`."""

attachment_word = Table(
    "attachment_word",
    metadata,
    Column("word", String(64), primary_key=True, doc="a token of rag.analysis"),
    Column("extraction_id", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    ForeignKeyConstraint(
        ["extraction_id", "number"], ["attachment.extraction_id", "attachment.number"], ondelete="CASCADE"
    ),
    Index(None, "extraction_id", "number"),
)
"""The words of the names of attachments."""

_NOTED = text("error IS NOT NULL OR notes IS NOT NULL")

page = Table(
    "page",
    metadata,
    Column("extraction_id", ForeignKey("extraction.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("label", Text),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    Column("text_source", String(8), nullable=False),
    Column("error", Text),
    Column("image", Text, doc="file name in the extraction's folder of pictures"),
    Column("words", LargeBinary, nullable=False, doc="zlib of JSON [[text, x0, y0, x1, y1], ...] in reading order"),
    Column("notes", Text, doc="JSON [[text, lost], ...]; null: none"),
    PrimaryKeyConstraint("extraction_id", "number"),
    Index("ix_page_noted", "extraction_id", "number", sqlite_where=_NOTED, postgresql_where=_NOTED),
)

fingerprint = Table(
    "fingerprint",
    metadata,
    Column("extraction_id", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("method", Integer, nullable=False, doc="version of the method; made again when there is a newer one"),
    Column("phash", BigInteger, nullable=False, doc="64 bits, as a signed number"),
    Column("keypoints", LargeBinary, nullable=False, doc="empty: a blank page, or an image that cannot be decoded"),
    PrimaryKeyConstraint("extraction_id", "number"),
    ForeignKeyConstraint(["extraction_id", "number"], ["page.extraction_id", "page.number"], ondelete="CASCADE"),
)

fingerprint_keys = Table(
    "fingerprint_keys",
    metadata,
    Column("extraction_id", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("method", Integer, nullable=False, doc="as that of the fingerprint"),
    Column("coded", LargeBinary, nullable=False, doc="little-endian 32-bit numbers; pages that look alike share some"),
    PrimaryKeyConstraint("extraction_id", "number"),
    ForeignKeyConstraint(["extraction_id", "number"], ["page.extraction_id", "page.number"], ondelete="CASCADE"),
)
"""What is read of every page to find those that a picture may show. The fingerprints are six times larger."""

chunk = Table(
    "chunk",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("extraction_id", ForeignKey("extraction.id", ondelete="CASCADE"), nullable=False),
    Column("page", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("text", Text, nullable=False),
    Column("heading", Text, nullable=False),
    Column("caption", Text, nullable=False),
    Column("box", Text, nullable=False, doc="JSON [x0, y0, x1, y1]"),
    Column("line_boxes", Text, nullable=False, doc="JSON [[x0, y0, x1, y1], ...]"),
    Column("image", Text, doc="file name in the extraction's folder of pictures"),
    Column("language", String(8), doc="ISO 639-1; null: not analyzed yet"),
    Index(None, "extraction_id", "page"),
    Index(None, "document_id", "language"),
    sqlite_autoincrement=True,
)

index_version = Table(
    "index_version",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("analysis", String(16), nullable=False, doc="rag.analysis.VERSION; empty: FTS5 analyzed the words"),
    Column("chunks_to", Integer, nullable=False, doc="the last chunk that was filled in"),
    Column("shares_to", Integer, nullable=False, doc="the last share that was filled in"),
    Column("is_complete", Boolean, nullable=False, doc="it can be searched"),
)
"""The versions of the full-text index, each with two tables of its own: see `index_versions`."""

caption = Table(
    "caption",
    metadata,
    Column("chunk_id", ForeignKey("chunk.id", ondelete="CASCADE"), primary_key=True),
    Column("captioner", String(128), nullable=False, doc="the model that wrote it"),
    Column("text", Text, nullable=False, doc="empty: the model refused the image, or it cannot be decoded"),
)

chunk_vector = Table(
    "chunk_vector",
    metadata,
    Column("embedder", String(64), nullable=False),
    Column("chunk_id", ForeignKey("chunk.id", ondelete="CASCADE"), nullable=False),
    Column("window", Integer, nullable=False),
    Column("modality", String(8), nullable=False),
    Column("data", LargeBinary, nullable=False, doc="float16; empty: nothing to embed, or it cannot be decoded"),
    PrimaryKeyConstraint("embedder", "chunk_id", "window"),
    Index(None, "chunk_id"),
)

page_tokens = Table(
    "page_tokens",
    metadata,
    Column("embedder", String(64), nullable=False),
    Column("chunk_id", ForeignKey("chunk.id", ondelete="CASCADE"), nullable=False, doc="of the page as a whole"),
    Column("vectors", LargeBinary, nullable=False, doc="int8, one row after the other"),
    Column("boxes", LargeBinary, nullable=False, doc="uint8, four for each row: x0, y0, x1, y1 in 255ths of the page"),
    PrimaryKeyConstraint("embedder", "chunk_id"),
    Index(None, "chunk_id"),
)
"""The token vectors of page images. `chunk_vector` has one vector a page by the same embedder, their mean."""

text_index = Table(
    "text_index",
    metadata,
    Column("identity", String(64), primary_key=True, doc="the embedder, as in `chunk_vector`"),
    Column("model", Text, nullable=False, doc="its name in the setting text.model; empty: not known"),
    Column("state", String(8), nullable=False, doc="TextIndexState"),
)
"""The text embedders that have vectors, or get them. One answers questions, and at most one is about to replace it."""

vector_deletion = Table(
    "vector_deletion",
    metadata,
    Column("chunk_id", Integer, nullable=False),
    Column("window", Integer, nullable=False),
    PrimaryKeyConstraint("chunk_id", "window"),
)
"""Vectors to delete from the vector store."""

file_deletion = Table(
    "file_deletion",
    metadata,
    Column("path", Text, primary_key=True, doc="below the data folder"),
    Column("is_folder", Boolean, nullable=False, doc="deleted with everything in it"),
)
"""Files and folders to delete from disk, because no row refers to them."""
