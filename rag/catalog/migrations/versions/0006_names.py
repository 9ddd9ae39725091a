"""Rename tables and columns to standard terms. No row changes.

Every statement is a plain rename: SQLite would copy a table for anything else, and deleting the original with foreign
keys on would delete the rows that refer to it. Names of constraints therefore stay as they were.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = {
    "reading": "extraction",
    "forgotten": "removed_share",
    "dropped": "vector_deletion",
    "wipe": "file_deletion",
    "words": "fulltext",  # FTS5 renames its shadow tables with it
}
COLUMNS = {
    "run": {"started": "started_at", "ended": "ended_at"},
    "source": {"next_try": "retry_at", "run": "run_id"},
    "share": {"shown_from": "visible_from", "withheld": "hidden_at"},
    "removed_share": {"at": "removed_at"},
    "document": {"reading_id": "extraction_id"},
    "extraction": {"reader": "extractor", "next_try": "retry_at", "run": "run_id"},
    "page": {"reading_id": "extraction_id", "render": "image"},
    "fingerprint": {"reading_id": "extraction_id", "points": "keypoints"},
    "chunk": {"reading_id": "extraction_id", "marks": "line_boxes", "picture": "image"},
    "file_deletion": {"folder": "path", "whole": "is_folder"},
}
INDEXES = {
    "ix_source_state_next_try": ("ix_source_state_retry_at", "source", ["state", "retry_at"]),
    "ix_reading_document_id": ("ix_extraction_document_id", "extraction", ["document_id"]),
    "ix_reading_state_next_try": ("ix_extraction_state_retry_at", "extraction", ["state", "retry_at"]),
    "ix_chunk_reading_id_page": ("ix_chunk_extraction_id_page", "chunk", ["extraction_id", "page"]),
}


def upgrade():
    for old in INDEXES:
        op.execute(f"DROP INDEX {old}")
    has_words = op.get_context().dialect.name == "sqlite"
    for old, new in TABLES.items():
        if old == "words" and not has_words:
            continue
        op.execute(f"ALTER TABLE {old} RENAME TO {new}")
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for new, table, columns in INDEXES.values():
        op.create_index(new, table, columns)
