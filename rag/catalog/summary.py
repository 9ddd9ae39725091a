"""The catalog as a whole: how much is in it, and whether its file is sound."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select, text

from rag.catalog.tables import caption, chunk, fingerprint, removed_share, share, vector


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows some tables have."""

    shares: int
    chunks: int
    vectors: int
    fingerprints: int
    removed_shares: int
    captions: int


def count_rows(connection: Connection) -> RowCounts:
    """Return the number of rows of what is kept of documents and people."""

    def rows(table: Table) -> int:
        return connection.scalar(select(func.count()).select_from(table)) or 0

    return RowCounts(rows(share), rows(chunk), rows(vector), rows(fingerprint), rows(removed_share), rows(caption))


def find_damage(connection: Connection) -> str:
    """Return what SQLite finds wrong with the file, or "" when it is sound."""
    found = str(connection.scalar(text("PRAGMA quick_check(1)")))
    return "" if found == "ok" else found
