"""The versions of the full-text index in the catalog: which one is searched, and which one is being filled.

Each version has two tables, for chunks and for messages, that one version of the analysis wrote. After a change of the
analysis, the next version is filled beside the one that is searched. Everything that is written goes to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, delete, func, insert, select, text, update

from rag.catalog.tables import chunk, index_version, share

_TOKENIZE = """tokenize = "ascii tokenchars '-./_:@+#&^~='" """
"""The tokens are made by rag.analysis and separated by spaces: FTS5 must not change or split them."""


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """A version of the full-text index. `analysis`: the version of the analysis, empty for the one that FTS5 made.

    The chunks and messages up to these ids were written when the version was filled.
    """

    number: int
    analysis: str
    chunks_to: int
    shares_to: int
    is_complete: bool

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
    return [IndexVersion(*row) for row in rows]


def searched_version(connection: Connection) -> IndexVersion:
    """Return the version that is searched: the newest complete one."""
    complete = "SELECT * FROM index_version WHERE is_complete ORDER BY number DESC LIMIT 1"
    return IndexVersion(*connection.exec_driver_sql(complete).one())


def create_version(connection: Connection, analysis: str, *, is_complete: bool = False) -> IndexVersion:
    """Create the tables of the next version. It is complete from the start only where nothing is indexed yet."""
    newest = connection.scalar(select(func.max(index_version.c.number))) or 0
    version = IndexVersion(newest + 1, analysis, 0, 0, is_complete)
    values = (version.number, analysis, 0, 0, is_complete)
    connection.execute(insert(index_version).values(values))
    columns = "title, heading, caption, body, forms"
    connection.execute(text(f"CREATE VIRTUAL TABLE {version.chunks} USING fts5({columns}, {_TOKENIZE})"))
    connection.execute(text(f"CREATE VIRTUAL TABLE {version.vocabulary} USING fts5vocab({version.chunks}, row)"))
    connection.execute(text(f"CREATE VIRTUAL TABLE {version.messages} USING fts5(words, forms, {_TOKENIZE})"))
    return version


def record_progress(connection: Connection, version: IndexVersion, chunks_to: int, shares_to: int) -> None:
    """Record up to which ids a version is filled."""
    mine = update(index_version).where(index_version.c.number == version.number)
    connection.execute(mine.values(chunks_to=chunks_to, shares_to=shares_to))


def count_unfilled(connection: Connection, version: IndexVersion) -> int:
    """Return how many chunks and messages are not in a version yet."""
    count = partial(select, func.count())
    chunks = connection.scalar(count().select_from(chunk).where(chunk.c.id > version.chunks_to)) or 0
    return chunks + (connection.scalar(count().select_from(share).where(share.c.id > version.shares_to)) or 0)


def complete_version(connection: Connection, version: IndexVersion) -> None:
    """Have a version searched from now on, and delete the older ones."""
    mine = index_version.c.number == version.number
    connection.execute(update(index_version).where(mine).values(is_complete=True))
    for older in list_versions(connection):
        if older.number != version.number:
            drop_version(connection, older)


def drop_version(connection: Connection, version: IndexVersion) -> None:
    """Delete the tables of a version."""
    for name in (version.vocabulary, version.chunks, version.messages):
        connection.execute(text(f"DROP TABLE IF EXISTS {name}"))  # FTS5's own analysis has no vocabulary
    connection.execute(delete(index_version).where(index_version.c.number == version.number))
