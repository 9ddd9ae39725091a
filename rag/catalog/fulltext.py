"""Full-text search by SQLite's FTS5 with BM25.

Everything here runs inside a transaction of the catalog, so that a chunk and its words appear together.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    ScalarSelect,
    Select,
    String,
    Subquery,
    TableClause,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy import table as table_of

from rag.catalog.any_of import is_any_of, is_in
from rag.catalog.fulltext_erasure import merge_gradually, merge_segments, remove_words_gradually
from rag.catalog.index_versions import IndexVersion, list_versions, searched_version
from rag.catalog.indexed_words import (
    COLUMNS,
    WEIGHTS,
    Tokens,
    chunk_tokens,
    message_tokens,
    shares_in_scope,
    with_pages,
)
from rag.catalog.scope import EVERYTHING, Shape, chunks_in, shape_of, values_of
from rag.catalog.tables import chunk
from rag.catalog.vocabulary import add_words, similar_words
from rag.model.search import Scope
from rag.ports import IndexEntry, Term, WriteTransaction
from rag.text import with_broken_words, with_spaced_letters

_TOKENIZE = """tokenize = "ascii tokenchars '-./_:@+#&^~='" """
"""The tokens are made by rag.analysis and separated by spaces: FTS5 must not change or split them."""

_ALL = -1
"""SQLite's LIMIT for no limit."""


class Fts5Index:
    """WordIndex on SQLite's FTS5."""

    def create_tables(self, connection: Connection, version: IndexVersion) -> None:
        columns = ", ".join((*COLUMNS, "forms"))
        for statement in (
            f"CREATE VIRTUAL TABLE {version.chunks} USING fts5({columns}, {_TOKENIZE})",
            f"CREATE TABLE {version.vocabulary} (term TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
            f"CREATE VIRTUAL TABLE {version.messages} USING fts5(words, forms, {_TOKENIZE})",
        ):
            connection.execute(text(statement))

    def drop_tables(self, connection: Connection, version: IndexVersion) -> None:
        for name in (version.vocabulary, version.chunks, version.messages):
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))  # FTS5's own analysis has no vocabulary

    def add(self, connection: Connection, entries: Iterable[IndexEntry]) -> None:
        rows = list(entries)
        for version in list_versions(connection) if rows else ():
            self.add_to_version(connection, version, rows)

    def add_to_version(self, connection: Connection, version: IndexVersion, entries: Sequence[IndexEntry]) -> None:
        """Write the words of chunks to one version of the index, instead of those that they had."""
        words = _table(version)
        ids = json.dumps([entry.chunk for entry in entries])
        connection.execute(
            text(f"DELETE FROM {words.name} WHERE rowid IN (SELECT value FROM json_each(:ids))"), {"ids": ids}
        )
        if not version.analysis:
            connection.execute(insert(words), [_as_printed(entry) for entry in entries])
            return
        tokens = [chunk_tokens(entry) for entry in entries]
        rows = [_joined(found) | {"rowid": entry.chunk} for entry, found in zip(entries, tokens, strict=True)]
        connection.execute(insert(words), rows)
        add_words(connection, version, chain.from_iterable(found["forms"] for found in tokens))

    def replace(self, connection: Connection, entry: IndexEntry) -> None:
        """Replace the words of one chunk, or add its first ones."""
        for version in list_versions(connection):
            self.add_to_version(connection, version, [entry])

    def remove(self, connection: Connection, extraction_id: int, pages: tuple[int, int] | None = None) -> None:
        """Delete the words of an extraction's chunks. Call it before the chunks are deleted."""
        mine = "SELECT id FROM chunk WHERE extraction_id = :extraction"
        values = {"extraction": extraction_id}
        if pages is not None:
            mine += " AND page BETWEEN :first AND :last"
            values |= {"first": pages[0], "last": pages[1]}
        for version in list_versions(connection):
            connection.execute(text(f"DELETE FROM {version.chunks} WHERE rowid IN ({mine})"), values)

    def erase_deleted(self, open_transaction: WriteTransaction, stop: threading.Event) -> bool:
        """Merge the segments of the index, which keep words that were deleted, and clear its vocabulary."""
        with open_transaction() as connection:
            versions = list_versions(connection)
        return all(
            merge_gradually(open_transaction, version, stop) and remove_words_gradually(open_transaction, version, stop)
            for version in versions
        )

    def search(
        self, connection: Connection, terms: Sequence[Term], scope: Scope, limit: int
    ) -> list[tuple[int, int, int, float]]:
        """Return (chunk, document, page, BM25 score) of chunks with at least one of the terms, best first.

        Scores are above 0.
        """
        version = searched_version(connection)
        if not terms:
            return []
        values = values_of(scope, match=any_of(version, terms, COLUMNS))
        # Only the best are joined with the catalog: joining all that match takes twice as long in a wide scope.
        for candidates in (limit * 2, _ALL):
            rows = connection.execute(_best_chunks(_table(version), shape_of(scope)), values | {"limit": candidates})
            best = rows.all()
            found = [(row[0], row[1], row[2], -row[3]) for row in best if row[1] is not None]
            # Chunks of extractions in progress are dropped. They are few, unless many files are being extracted again.
            if len(found) >= limit or len(best) < limit * 2:
                break
        return found[:limit]

    def holders(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
        """Return {text of the term: the chunks in scope that have it}."""
        version = searched_version(connection)
        values = values_of(scope, queries=queries_of(version, terms, COLUMNS))
        rows = connection.execute(_holders(_table(version), shape_of(scope)), values)
        return {term: set(json.loads(ids)) for term, ids in rows}

    def counts(self, connection: Connection, terms: Sequence[Term]) -> dict[str, int]:
        """Return {text of the term: how many of all indexed chunks have it}."""
        version = searched_version(connection)
        rows = connection.execute(_counts(_table(version)), {"queries": queries_of(version, terms, COLUMNS)})
        return {term.text: 0 for term in terms} | {row[0]: row[1] for row in rows}

    def missing(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> list[str]:
        """Return the texts of the terms that no chunk in scope has."""
        version = searched_version(connection)
        values = values_of(scope, queries=queries_of(version, terms, COLUMNS))
        return list(connection.scalars(_missing(_table(version), shape_of(scope)), values))

    def similar(self, connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, list[str]]:
        """Return {word: words of chunks in scope that differ from it by typing errors}, the most similar first."""
        version = searched_version(connection)
        return similar_words(connection, version, words, lambda terms: self.holders(connection, terms, scope))

    def count(self, connection: Connection, scope: Scope) -> int:
        """Return how many chunks with words the scope has."""
        table = searched_version(connection).chunks
        return connection.scalar(_count(table, shape_of(scope)), values_of(scope)) or 0

    def put_message(self, connection: Connection, version: IndexVersion, share_id: int, words: str) -> None:
        """Write the words of a share's message to one version of the index, instead of those that it had."""
        index = _messages(version)
        connection.execute(delete(index).where(index.c.rowid == share_id))
        values = _joined(message_tokens(words)) if version.analysis else {"words": with_spaced_letters(words)}
        connection.execute(insert(index).values(rowid=share_id, **values))

    def delete_messages(self, connection: Connection, shares: Collection[int]) -> None:
        """Delete the words of the messages of these shares, down to their bytes."""
        for version in list_versions(connection):
            index = _messages(version)
            connection.execute(delete(index).where(is_any_of(index.c.rowid, shares)))
            merge_segments(connection, index.name)

    def ranked_messages(self, version: IndexVersion) -> Subquery:
        """Return (id, rank) of the shares whose message has some of the terms of `message_values`."""
        return _ranked_messages(_messages(version))

    def message_values(self, version: IndexVersion, terms: Sequence[Term]) -> dict[str, object]:
        """Return what to bind to `ranked_messages`."""
        return {"match": any_of(version, terms, ["words"])}

    def messages_with(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
        """Return {text of the term: the shares in scope whose message contains it}."""
        version = searched_version(connection)
        values = values_of(scope, queries=queries_of(version, terms, ["words"]))
        rows = connection.execute(_messages_with(_messages(version), shape_of(scope)), values)
        return {term: set(json.loads(ids)) for term, ids in rows}


@cache
def _best_chunks(words: TableClause, shape: Shape) -> Select[*tuple[Any, ...]]:
    """Return (chunk, document or None, page, rank) of the best `limit` chunks; the rank of the best is the lowest."""
    weights = ", ".join(str(WEIGHTS[name]) for name in words.c.keys() if name in WEIGHTS)  # noqa: SIM118
    rank = literal_column(f"bm25({words.name}, {weights})", Float).label("rank")
    match = text(f"{words.name} MATCH :match")
    matching = select(words.c.rowid.label("id"), rank).where(match, *_inside(words, shape))
    return with_pages(matching.order_by(rank, words.c.rowid).limit(bindparam("limit", type_=Integer)).subquery())


@cache
def _holders(words: TableClause, shape: Shape) -> Select[str, str]:
    # One statement, which looks up the scope's chunks once and returns a row for each term, not for each chunk.
    chunks = select(func.json_group_array(words.c.rowid)).where(matches(words), *_inside(words, shape))
    return select(QUERIES.c.key, chunks.scalar_subquery().correlate(QUERIES))


@cache
def _counts(words: TableClause) -> Select[str, int]:
    return select(QUERIES.c.key, func.count()).select_from(QUERIES.join(words, matches(words))).group_by(QUERIES.c.key)


@cache
def _missing(words: TableClause, shape: Shape) -> Select[str]:
    held = select(words.c.rowid).where(matches(words), *_inside(words, shape)).correlate(QUERIES)
    return select(QUERIES.c.key).where(~held.exists())


@cache
def _count(table: str, shape: Shape) -> Select[int]:
    # Counting in the index would read every text; FTS5 keeps the sizes of its rows in a table of their own.
    sizes = table_of(f"{table}_docsize", column("id"))
    if shape == EVERYTHING:
        return select(func.count()).select_from(sizes)
    inside = chunks_in(shape).subquery()
    return select(func.count()).select_from(inside.join(sizes, sizes.c.id == inside.c.id))


def _joined(tokens: Tokens) -> dict[str, object]:
    return {name: " ".join(found) for name, found in tokens.items()}


@cache
def _ranked_messages(words: TableClause) -> Subquery:
    rank = literal_column(f"bm25({words.name})", Float).label("rank")  # negative: the best is the lowest
    return select(words.c.rowid.label("id"), rank).where(text(f"{words.name} MATCH :match")).subquery()


@cache
def _messages_with(words: TableClause, shape: Shape) -> Select[str, str]:
    # The plus keeps FTS5 from looking up each of the scope's rows by itself.
    in_scope = literal_column(f"+{words.name}.rowid").in_(shares_in_scope(shape))
    shares = select(func.json_group_array(words.c.rowid)).where(matches(words), in_scope)
    return select(QUERIES.c.key, shares.scalar_subquery().correlate(QUERIES))


def _as_printed(entry: IndexEntry) -> dict[str, object]:
    """Return the row of an index that FTS5 analyzes."""
    texts = {name: with_spaced_letters(with_broken_words(getattr(entry, name))) for name in COLUMNS}
    return texts | {"rowid": entry.chunk, "document": entry.document}


def _table(version: IndexVersion) -> TableClause:
    return _table_named(version.chunks, (*COLUMNS, "forms" if version.analysis else "document"))


def _messages(version: IndexVersion) -> TableClause:
    return _table_named(version.messages, ("words", "forms") if version.analysis else ("words",))


@cache
def _table_named(name: str, columns: tuple[str, ...]) -> TableClause:
    return table_of(name, column("rowid"), *map(column, columns))


def _inside(words: TableClause, shape: Shape) -> list[ColumnElement[bool]]:
    if shape == EVERYTHING:
        return []
    # The plus keeps FTS5 from looking up each of the scope's rows by itself, which takes seconds.
    conditions: list[ColumnElement[bool]] = [literal_column(f"+{words.name}.rowid").in_(chunks_in(shape))]
    if shape.documents:
        # FTS5 skips what is before and after, and the chunks of a document are mostly near each other.
        conditions += [
            words.c.rowid >= _end_of_documents(func.min(chunk.c.id)),
            words.c.rowid <= _end_of_documents(func.max(chunk.c.id)),
        ]
    return conditions


def _end_of_documents(end: ColumnElement[int]) -> ScalarSelect[int]:
    return select(end).where(is_in(chunk.c.document_id, "scope_documents")).scalar_subquery()


QUERIES = func.json_each(bindparam("queries", type_=String)).table_valued("key", "value")
"""A table of terms, bound as `queries`, see `queries_of`. `key`: the text of a term, `value`: its query."""


def matches(words: TableClause) -> ColumnElement[bool]:
    """Return the condition that a text has the term of a row of QUERIES."""
    return literal_column(words.name).op("MATCH", is_comparison=True)(QUERIES.c.value)


def queries_of(version: IndexVersion, terms: Iterable[Term], columns: Sequence[str]) -> str:
    """Return FTS5 queries, by the texts of the terms, for texts that have them; to bind to a statement with QUERIES."""
    return json.dumps({term.text: " OR ".join(_forms_of(version, term, columns)) for term in terms})


def any_of(version: IndexVersion, terms: Iterable[Term], columns: Sequence[str]) -> str:
    """Return an FTS5 query for any of the terms; `columns` have words as they are written."""
    queries: list[str] = []
    for term in terms:
        queries += _forms_of(version, term, columns)
        if version.analysis and term.surface:
            queries.append(_quote(term.surface))
    return " OR ".join(queries)


def _forms_of(version: IndexVersion, term: Term, columns: Sequence[str]) -> list[str]:
    """Return FTS5 queries for a term, of which a text with the term matches one."""
    if not version.analysis:
        return [_quote(with_spaced_letters(term.text))]
    written = (_only_in(columns) + _quote(" ".join(phrase)) for phrase in term.as_written)
    longer = (f"{_only_in(columns)}{_quote(prefix)} *" for prefix in term.prefixes)
    return [*(_quote(" ".join(phrase)) for phrase in term.anywhere), *written, *longer]


def _only_in(columns: Sequence[str]) -> str:
    return f"{{{' '.join(columns)}}} : "


def _quote(phrase: str) -> str:
    """Return a phrase as a string of FTS5, which would take operators in it for its own."""
    return '"' + phrase.replace('"', '""') + '"'
