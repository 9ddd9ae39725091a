"""The full-text index of a database: FTS5 in SQLite, and tsvectors in PostgreSQL. They find and rank the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlalchemy import Connection, Subquery

from rag.catalog.fulltext import Fts5Index
from rag.catalog.index_versions import IndexVersion
from rag.catalog.tsvector_index import TsvectorIndex
from rag.model.search import Scope
from rag.ports import FullTextIndex, IndexEntry, Term


class WordIndex(FullTextIndex, Protocol):
    """Full-text search of chunks, and of the messages that share files. Each version has tables of its own."""

    def create_tables(self, connection: Connection, version: IndexVersion) -> None: ...

    def drop_tables(self, connection: Connection, version: IndexVersion) -> None: ...

    def add_to_version(self, connection: Connection, version: IndexVersion, entries: Sequence[IndexEntry]) -> None:
        """Write the words of chunks to one version, instead of those that they had."""
        ...

    def put_message(self, connection: Connection, version: IndexVersion, share_id: int, words: str) -> None:
        """Write the words of a share's message to one version, instead of those that it had."""
        ...

    def delete_messages(self, connection: Connection, shares: Collection[int]) -> None:
        """Delete the words of the messages of these shares."""
        ...

    def ranked_messages(self, version: IndexVersion) -> Subquery:
        """Return (id, rank) of the shares whose message has some of the terms; the rank of the best is the lowest.

        The terms are bound by `message_values`. The same version gives the same object.
        """
        ...

    def message_values(self, version: IndexVersion, terms: Sequence[Term]) -> dict[str, object]: ...

    def messages_with(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
        """Return {text of the term: the shares in scope whose message contains it}."""
        ...


def index_in(database: str) -> WordIndex:
    """Return the full-text index in a database, named as SQLAlchemy names its dialect."""
    return TsvectorIndex() if database == "postgresql" else Fts5Index()


def index_of(connection: Connection) -> WordIndex:
    """Return the full-text index of the database of a connection."""
    return index_in(connection.dialect.name)
