"""The versions of the full-text index in the catalog: which one is searched, and which one is being filled.

Each version has two tables, for chunks and for messages, that one version of the analysis wrote. After a change of the
analysis, the next version is filled beside the one that is searched. Everything that is written goes to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from rag.catalog.tables import chunk, index_version, share


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """A version of the full-text index. `analysis`: the version of the analysis, empty for the one that FTS5 made.

    The chunks and messages up to these ids were written when the version was filled. `database`: SQLAlchemy's name of
    the dialect.
    """

    number: int
    analysis: str
    chunks_to: int
    shares_to: int
    is_complete: bool
    database: str = "sqlite"

    @property
    def chunks(self) -> str:
        """Return the table of the words of chunks."""
        return f"fulltext_{self.number}" if self.number else "fulltext"

    @property
    def vocabulary(self) -> str:
        """Return the table of all tokens of chunks."""
        return f"{self.chunks}_terms"

    @property
    def messages(self) -> str:
        """Return the table of the words of messages."""
        return f"share_{self.chunks}"


def list_versions(connection: Connection) -> list[IndexVersion]:
    """Return the versions that words are written to, the newest first."""
    rows = connection.execute(select(index_version).order_by(index_version.c.number.desc()))
    return [_version(connection, row) for row in rows]


def searched_version(connection: Connection) -> IndexVersion:
    """Return the version that is searched: the newest complete one."""
    complete = "SELECT * FROM index_version WHERE is_complete ORDER BY number DESC LIMIT 1"
    return _version(connection, connection.exec_driver_sql(complete).one())


def _version(connection: Connection, row: Row[Any]) -> IndexVersion:
    database = connection.dialect.name
    return IndexVersion(row.number, row.analysis, row.chunks_to, row.shares_to, row.is_complete, database)


def record_progress(connection: Connection, version: IndexVersion, chunks_to: int, shares_to: int) -> None:
    """Record up to which ids a version is filled."""
    mine = update(index_version).where(index_version.c.number == version.number)
    connection.execute(mine.values(chunks_to=chunks_to, shares_to=shares_to))


def count_unfilled(connection: Connection, version: IndexVersion) -> int:
    """Return how many chunks and messages are not in a version yet."""
    count = partial(select, func.count())
    chunks = connection.scalar(count().select_from(chunk).where(chunk.c.id > version.chunks_to)) or 0
    return chunks + (connection.scalar(count().select_from(share).where(share.c.id > version.shares_to)) or 0)
