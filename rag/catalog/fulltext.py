"""Full-text search by SQLite's FTS5 with BM25.

Everything here runs inside a transaction of the catalog, so that a chunk and its words appear together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, Float, column, func, insert, literal_column, select, table, text

from rag.catalog.scope import chunks_in, is_current
from rag.catalog.tables import chunk, document
from rag.model import Scope
from rag.ports import IndexEntry
from rag.text import with_broken_words, with_spaced_letters

WORDS = table(
    "fulltext",
    column("rowid"),
    column("title"),
    column("heading"),
    column("caption"),
    column("body"),
    column("document"),
)

SIZES = table("fulltext_docsize", column("id"))

# BM25 weights of title, heading, caption, body; `document` is not searched.
WEIGHTS = (1.0, 1.5, 1.5, 1.0, 0.0)


class Fts5Index:
    """FullTextIndex on SQLite's FTS5."""

    def add(self, connection: Connection, entries: Iterable[IndexEntry]) -> None:
        rows = [
            {
                "rowid": entry.chunk,
                "title": with_spaced_letters(entry.title),
                "heading": _indexed(entry.heading),
                "caption": _indexed(entry.caption),
                "body": _indexed(entry.body),
                "document": entry.document,
            }
            for entry in entries
        ]
        if rows:
            connection.execute(insert(WORDS), rows)

    def replace(self, connection: Connection, entry: IndexEntry) -> None:
        """Replace the words of one chunk, or add its first ones."""
        connection.execute(text("DELETE FROM fulltext WHERE rowid = :chunk"), {"chunk": entry.chunk})
        self.add(connection, [entry])

    def remove(self, connection: Connection, extraction_id: int) -> None:
        """Delete the words of an extraction's chunks. Call it before the chunks are deleted."""
        connection.execute(
            text("DELETE FROM fulltext WHERE rowid IN (SELECT id FROM chunk WHERE extraction_id = :extraction)"),
            {"extraction": extraction_id},
        )

    def optimize(self, connection: Connection) -> None:
        """Merge the index, so that no deleted word stays in an old segment."""
        connection.execute(text("INSERT INTO fulltext(fulltext) VALUES ('optimize')"))

    def search(
        self, connection: Connection, words: Sequence[str], scope: Scope, limit: int
    ) -> list[tuple[int, int, int, float]]:
        """Return (chunk, document, page, BM25 score) of chunks with at least one of the words, best first.

        Scores are above 0.
        """
        if not words:
            return []
        weights = ", ".join(str(weight) for weight in WEIGHTS)
        rank = literal_column(f"bm25(fulltext, {weights})", Float).label("rank")  # negative: the best is the lowest
        matching = select(WORDS.c.rowid.label("id"), rank).where(text("fulltext MATCH :match"), *_inside(scope))
        # Only the best are joined with the catalog: joining all that match takes twice as long in a wide scope.
        for candidates in (limit * 2, None):
            best = matching.order_by(rank, WORDS.c.rowid).limit(candidates).subquery()
            rows = connection.execute(
                select(chunk.c.id, document.c.id, chunk.c.page, best.c.rank)
                .join_from(best, chunk, chunk.c.id == best.c.id)
                .outerjoin(document, is_current())
                .order_by(best.c.rank, best.c.id),
                {"match": any_of(words)},
            ).all()
            found = [(row[0], row[1], row[2], -row[3]) for row in rows if row[1] is not None]
            # Chunks of extractions in progress are dropped. They are few, unless many files are being extracted again.
            if len(found) >= limit or len(rows) < limit * 2:
                break
        return found[:limit]

    def holders(self, connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, set[int]]:
        """Return {word: the chunks in scope that contain it}, compared by the index's stemmer."""
        # One statement, which looks up the scope's chunks once and returns a row for each word, not for each chunk.
        queries = func.json_each(json.dumps([any_of([word]) for word in words])).table_valued("key", "value")
        match = literal_column("fulltext").op("MATCH")(queries.c.value)
        chunks = select(func.json_group_array(WORDS.c.rowid)).where(match, *_inside(scope)).scalar_subquery()
        rows = connection.execute(select(queries.c.key, chunks.correlate(queries)))
        return {words[number]: set(json.loads(ids)) for number, ids in rows}

    def counts(self, connection: Connection, words: Sequence[str]) -> dict[str, int]:
        """Return {word: how many of all indexed chunks contain it}."""
        found = dict.fromkeys(words, 0)
        queries = func.json_each(json.dumps({word: any_of([word]) for word in found})).table_valued("key", "value")
        rows = (
            select(queries.c.key, func.count())
            .select_from(queries.join(WORDS, literal_column("fulltext").op("MATCH")(queries.c.value)))
            .group_by(queries.c.key)
        )
        return found | {row[0]: row[1] for row in connection.execute(rows)}

    def count(self, connection: Connection, scope: Scope) -> int:
        """Return how many chunks with words the scope has."""
        # Counting in `fulltext` would read every text; FTS5 keeps the sizes of its rows in a table of their own.
        if scope == Scope.operator():
            return connection.scalar(select(func.count()).select_from(SIZES)) or 0
        inside = chunks_in(scope).subquery()
        return connection.scalar(select(func.count()).select_from(inside.join(SIZES, SIZES.c.id == inside.c.id))) or 0


def _indexed(text: str) -> str:
    return with_spaced_letters(with_broken_words(text))


def _inside(scope: Scope) -> list[ColumnElement[bool]]:
    if scope == Scope.operator():
        return []
    # The plus keeps FTS5 from looking up each of the scope's rows by itself, which takes seconds. The chunk's document
    # is looked up in `chunk`: in `fulltext` it is stored after the text, and every row would be read.
    return [literal_column("+fulltext.rowid").in_(chunks_in(scope))]


def any_of(words: Sequence[str]) -> str:
    """Return an FTS5 query for any of the words, quoted: FTS5 would take operators in them for its own."""
    return " OR ".join('"' + with_spaced_letters(word).replace('"', '""') + '"' for word in words)
