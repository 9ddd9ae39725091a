"""The full-text index: FTS5 with BM25. The one table that speaks SQLite's dialect.

Everything here runs inside a transaction of the catalog, so a chunk and its words appear together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, Float, column, func, insert, literal_column, select, table, text

from rag.catalog.scope import chunks_in, serving
from rag.catalog.tables import chunk, document
from rag.model import Scope
from rag.ports import Entry

WORDS = table(
    "words", column("rowid"), column("title"), column("heading"), column("caption"), column("body"), column("document")
)

SIZES = table("words_docsize", column("id"))

# BM25 weights of title, heading, caption, body; `document` is not searched.
WEIGHTS = (1.0, 1.5, 1.5, 1.0, 0.0)


class Fts5Words:
    """WordIndex on SQLite's FTS5."""

    def add(self, connection: Connection, entries: Iterable[Entry]) -> None:
        rows = [
            {
                "rowid": entry.chunk,
                "title": entry.title,
                "heading": entry.heading,
                "caption": entry.caption,
                "body": entry.body,
                "document": entry.document,
            }
            for entry in entries
        ]
        if rows:
            connection.execute(insert(WORDS), rows)

    def replace(self, connection: Connection, entry: Entry) -> None:
        """Other words for one chunk, or its first ones."""
        connection.execute(text("DELETE FROM words WHERE rowid = :chunk"), {"chunk": entry.chunk})
        self.add(connection, [entry])

    def remove(self, connection: Connection, reading_id: int) -> None:
        """Take out the words of a reading's chunks; call it before the chunks go."""
        connection.execute(
            text("DELETE FROM words WHERE rowid IN (SELECT id FROM chunk WHERE reading_id = :reading)"),
            {"reading": reading_id},
        )

    def optimize(self, connection: Connection) -> None:
        """Merge the index, so that no deleted word is left in an old segment."""
        connection.execute(text("INSERT INTO words(words) VALUES ('optimize')"))

    def search(
        self, connection: Connection, words: Sequence[str], scope: Scope, limit: int
    ) -> list[tuple[int, int, int, float]]:
        """(chunk, document, page, BM25), best first, of chunks with at least one of the words; a score is above 0."""
        if not words:
            return []
        weights = ", ".join(str(weight) for weight in WEIGHTS)
        rank = literal_column(f"bm25(words, {weights})", Float).label("rank")  # FTS5's is negative: the best first
        matching = select(WORDS.c.rowid.label("id"), rank).where(text("words MATCH :match"), *_inside(scope))
        # Only the best are joined with the catalog: with all that match, it takes twice as long in a wide scope.
        for most in (limit * 2, None):
            best = matching.order_by(rank, WORDS.c.rowid).limit(most).subquery()
            rows = connection.execute(
                select(chunk.c.id, document.c.id, chunk.c.page, best.c.rank)
                .join_from(best, chunk, chunk.c.id == best.c.id)
                .outerjoin(document, serving())
                .order_by(best.c.rank, best.c.id),
                {"match": _any_of(words)},
            ).all()
            found = [(row[0], row[1], row[2], -row[3]) for row in rows if row[1] is not None]  # FTS5's are negative
            # Chunks of readings that do not serve yet are few, unless many files are just being read again.
            if len(found) >= limit or len(rows) < limit * 2:
                break
        return found[:limit]

    def holders(self, connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, set[int]]:
        """The chunks in scope that have each word, by the index's own stemming."""
        # All in one statement, which looks up the scope's chunks once, and a row for each word, not for each chunk.
        asked = func.json_each(json.dumps([_any_of([word]) for word in words])).table_valued("key", "value")
        match = literal_column("words").op("MATCH")(asked.c.value)
        held = select(func.json_group_array(WORDS.c.rowid)).where(match, *_inside(scope)).scalar_subquery()
        rows = connection.execute(select(asked.c.key, held.correlate(asked)))
        return {words[number]: set(json.loads(chunks)) for number, chunks in rows}

    def counts(self, connection: Connection, words: Sequence[str]) -> dict[str, int]:
        """How many chunks of all that is indexed have each word."""
        found = dict.fromkeys(words, 0)
        asked = func.json_each(json.dumps({word: _any_of([word]) for word in found})).table_valued("key", "value")
        rows = (
            select(asked.c.key, func.count())
            .select_from(asked.join(WORDS, literal_column("words").op("MATCH")(asked.c.value)))
            .group_by(asked.c.key)
        )
        return found | {row[0]: row[1] for row in connection.execute(rows)}

    def count(self, connection: Connection, scope: Scope) -> int:
        """How many chunks with words the scope has."""
        # FTS5 keeps the sizes of its rows in a table of their own; in `words` every text would be read.
        if scope == Scope.operator():
            return connection.scalar(select(func.count()).select_from(SIZES)) or 0
        inside = chunks_in(scope).subquery()
        return connection.scalar(select(func.count()).select_from(inside.join(SIZES, SIZES.c.id == inside.c.id))) or 0


def _inside(scope: Scope) -> list[ColumnElement[bool]]:
    if scope == Scope.operator():
        return []
    # The plus keeps FTS5 from looking up each of the scope's rows by itself, which takes seconds. The chunks are asked
    # for their document: in `words` it lies behind the text, and every row would be read.
    return [literal_column("+words.rowid").in_(chunks_in(scope))]


def _any_of(words: Sequence[str]) -> str:
    """An FTS5 query for any of the words; quoted, for user text is a query language there."""
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
