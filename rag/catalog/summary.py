"""Summarize the catalog: how many rows it has, and whether its file is damaged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import DatabaseError

from rag.catalog.states import ENDED, ShareState
from rag.catalog.tables import attachment, caption, chunk, chunk_vector, fingerprint, page_tokens, share


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Numbers of rows, by table."""

    shares: int
    chunks: int
    vectors: int
    fingerprints: int
    page_images: int
    forgotten_shares: int
    departed_shares: int
    captions: int
    attachments: int


def count_rows(connection: Connection) -> RowCounts:
    """Return how many rows the tables that hold data of documents and people have."""

    def rows(table: Table) -> int:
        return connection.scalar(select(func.count()).select_from(table)) or 0

    states = select(share.c.state, func.count()).group_by(share.c.state)
    shares = {ShareState(row[0]): int(row[1]) for row in connection.execute(states)}
    kept = sum(number for state, number in shares.items() if state not in ENDED)
    forgotten, departed = (shares.get(state, 0) for state in (ShareState.FORGOTTEN, ShareState.DEPARTED))
    derived = rows(chunk), rows(chunk_vector), rows(fingerprint), rows(page_tokens)
    return RowCounts(kept, *derived, forgotten, departed, rows(caption), rows(attachment))


def find_damage(connection: Connection) -> str:
    """Return the damage that SQLite finds in the file, or "" when it is sound."""
    try:
        found = str(connection.scalar(text("PRAGMA quick_check(1)")))
    except DatabaseError as error:  # it cannot even be searched for damage
        return str(error.orig)
    return "" if found == "ok" else found
