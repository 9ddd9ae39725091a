"""Full-text search in PostgreSQL, by tsvectors that are made of our tokens; see `tsvector_tables`."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Integer, Select, Subquery, bindparam, column, func, select, text
from sqlalchemy import table as table_of

from rag.catalog.index_versions import IndexVersion, list_versions, searched_version
from rag.catalog.indexed_words import WEIGHTS, chunk_tokens, message_tokens, shares_in_scope, with_pages
from rag.catalog.scope import EVERYTHING, Shape, chunks_in, shape_of, values_of
from rag.catalog.tables import chunk
from rag.catalog.tsvector_tables import (
    create_table,
    create_vocabulary,
    delete_texts,
    drop_table,
    holding_values,
    put_texts,
    ranked_texts,
    ranking_values,
    texts_with,
)
from rag.catalog.vocabulary import similar_words
from rag.model.search import Scope
from rag.ports import IndexEntry, Term, WriteTransaction

_WORDS = "body"
"""The field for the words of messages."""

_NO_WEIGHTS = dict.fromkeys(WEIGHTS, 1.0)


class TsvectorIndex:
    """WordIndex on PostgreSQL."""

    def create_tables(self, connection: Connection, version: IndexVersion) -> None:
        create_table(connection, version.chunks)
        create_vocabulary(connection, version.vocabulary)
        create_table(connection, version.messages)

    def drop_tables(self, connection: Connection, version: IndexVersion) -> None:
        for name in (version.chunks, version.messages):
            drop_table(connection, name)
        connection.execute(text(f"DROP TABLE {version.vocabulary}"))

    def add(self, connection: Connection, entries: Iterable[IndexEntry]) -> None:
        rows = list(entries)
        for version in list_versions(connection) if rows else ():
            self.add_to_version(connection, version, rows)

    def add_to_version(self, connection: Connection, version: IndexVersion, entries: Sequence[IndexEntry]) -> None:
        """Write the words of chunks to one version of the index, instead of those that they had."""
        put_texts(
            connection, version.chunks, {entry.chunk: chunk_tokens(entry) for entry in entries}, version.vocabulary
        )

    def replace(self, connection: Connection, entry: IndexEntry) -> None:
        """Replace the words of one chunk, or add its first ones."""
        self.add(connection, [entry])

    def remove(self, connection: Connection, extraction_id: int, pages: tuple[int, int] | None = None) -> None:
        """Delete the words of an extraction's chunks. Call it before the chunks are deleted."""
        mine = select(chunk.c.id).where(chunk.c.extraction_id == extraction_id)
        ids = connection.scalars(mine if pages is None else mine.where(chunk.c.page.between(*pages))).all()
        for version in list_versions(connection):
            delete_texts(connection, version.chunks, ids, version.vocabulary)

    def erase_deleted(self, open_transaction: WriteTransaction, stop: threading.Event) -> bool:
        """Write the tables of chunks and messages again: PostgreSQL keeps deleted rows in their files.

        Readers wait for the table that is being written. The server's write-ahead log keeps deleted words until it is
        recycled.
        """
        with open_transaction() as connection:
            versions = list_versions(connection)
        for version in versions:
            for name in (version.chunks, version.vocabulary, version.messages):
                if stop.is_set():
                    return False
                with open_transaction() as connection:
                    if version.number in {one.number for one in list_versions(connection)}:  # not replaced meanwhile
                        connection.execute(text(f"CLUSTER {name} USING {name}_pkey"))
        return True

    def search(
        self, connection: Connection, terms: Sequence[Term], scope: Scope, limit: int
    ) -> list[tuple[int, int, int, float]]:
        """Return (chunk, document, page, BM25 score) of chunks with at least one of the terms, best first.

        Scores are above 0.
        """
        if not terms:
            return []
        statement = _best_chunks(searched_version(connection).chunks, shape_of(scope))
        values = values_of(scope, **ranking_values(terms, WEIGHTS))
        for candidates in (limit * 2, None):  # as in `Fts5Index.search`
            best = connection.execute(statement, values | {"limit": candidates}).all()
            found = [(row[0], row[1], row[2], -row[3]) for row in best if row[1] is not None]
            if len(found) >= limit or len(best) < limit * 2:
                break
        return found[:limit]

    def holders(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
        """Return {text of the term: the chunks in scope that have it}."""
        statement = _holders(searched_version(connection).chunks, shape_of(scope))
        return _held(connection, statement, terms, scope)

    def counts(self, connection: Connection, terms: Sequence[Term]) -> dict[str, int]:
        """Return {text of the term: how many of all indexed chunks have it}."""
        rows = connection.execute(_counts(searched_version(connection).chunks), holding_values(terms))
        return {term.text: 0 for term in terms} | {row[0]: row[1] for row in rows}

    def missing(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> list[str]:
        """Return the texts of the terms that no chunk in scope has."""
        return [term for term, chunks in self.holders(connection, terms, scope).items() if not chunks]

    def similar(self, connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, list[str]]:
        """Return {word: words of chunks in scope that differ from it by typing errors}, the most similar first."""
        version = searched_version(connection)
        return similar_words(connection, version, words, lambda terms: self.holders(connection, terms, scope))

    def count(self, connection: Connection, scope: Scope) -> int:
        """Return how many chunks with words the scope has."""
        statement = _count(searched_version(connection).chunks, shape_of(scope))
        return connection.scalar(statement, values_of(scope)) or 0

    def put_message(self, connection: Connection, version: IndexVersion, share_id: int, words: str) -> None:
        """Write the words of a share's message to one version of the index, instead of those that it had."""
        tokens = message_tokens(words)
        put_texts(connection, version.messages, {share_id: {_WORDS: tokens["words"], "forms": tokens["forms"]}})

    def delete_messages(self, connection: Connection, shares: Collection[int]) -> None:
        """Delete the words of the messages of these shares."""
        for version in list_versions(connection):
            delete_texts(connection, version.messages, shares)

    def ranked_messages(self, version: IndexVersion) -> Subquery:
        """Return (id, rank) of the shares whose message has some of the terms of `message_values`."""
        return _by_rank(version.messages)

    def message_values(self, version: IndexVersion, terms: Sequence[Term]) -> dict[str, object]:  # noqa: ARG002
        """Return what to bind to `ranked_messages`."""
        return ranking_values(terms, _NO_WEIGHTS)

    def messages_with(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
        """Return {text of the term: the shares in scope whose message contains it}."""
        statement = _messages_with(searched_version(connection).messages, shape_of(scope))
        return _held(connection, statement, terms, scope)


def _held(
    connection: Connection, statement: Select[str, int], terms: Sequence[Term], scope: Scope
) -> dict[str, set[int]]:
    held: dict[str, set[int]] = {term.text: set() for term in terms}
    for term, id in connection.execute(statement, values_of(scope, **holding_values(terms))):
        held[term].add(id)
    return held


@cache
def _by_rank(name: str) -> Subquery:
    """Return (id, rank) of the texts that match; the rank of the best is the lowest, as FTS5's."""
    ranked = ranked_texts(name)
    return select(ranked.c.id, (-ranked.c.score).label("rank")).subquery()


@cache
def _best_chunks(name: str, shape: Shape) -> Select[*tuple[Any, ...]]:
    ranked = _by_rank(name)
    best = select(ranked).where(*_inside(ranked, shape)).order_by(ranked.c.rank, ranked.c.id)
    return with_pages(best.limit(bindparam("limit", type_=Integer)).subquery())


@cache
def _holders(name: str, shape: Shape) -> Select[str, int]:
    found = texts_with(name)
    return select(found.c.term, found.c.id).where(*_inside(found, shape))


@cache
def _counts(name: str) -> Select[str, int]:
    found = texts_with(name)
    return select(found.c.term, func.count()).group_by(found.c.term)


@cache
def _count(name: str, shape: Shape) -> Select[int]:
    if shape == EVERYTHING:
        return select(table_of(f"{name}_size", column("texts", Integer)).c.texts)
    texts = table_of(name, column("rowid", Integer))
    return select(func.count()).select_from(texts).where(texts.c.rowid.in_(chunks_in(shape)))


@cache
def _messages_with(name: str, shape: Shape) -> Select[str, int]:
    found = texts_with(name)
    return select(found.c.term, found.c.id).where(found.c.id.in_(shares_in_scope(shape)))


def _inside(found: Subquery, shape: Shape) -> list[Any]:
    return [] if shape == EVERYTHING else [found.c.id.in_(chunks_in(shape))]
