"""The words of the messages that share sources: an index of their own, searched within the scope's visible shares.

They help to find a source and are shown as words of the message, never as words of a page.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Float, column, delete, func, insert, literal_column, select, table, text, update

from rag.catalog.any_of import is_any_of
from rag.catalog.fulltext import any_of
from rag.catalog.scope import shared_documents_in
from rag.catalog.tables import share, source
from rag.model import Scope
from rag.text import with_spaced_letters

_WORDS = table("share_fulltext", column("rowid"), column("words"))


@dataclass(frozen=True, slots=True)
class MessageMatch:
    """A document whose message contains words of a question. `score`: BM25, above 0."""

    document: int
    share: int
    score: float


def put_share_words(connection: Connection, share_id: int, words: str) -> None:
    """Store the words of a share's message, instead of those that it had."""
    known = connection.scalar(select(share.c.words).where(share.c.id == share_id))
    if known == words:
        return
    connection.execute(update(share).where(share.c.id == share_id).values(words=words))
    if known:
        drop_share_words(connection, [share_id])
    if words:
        connection.execute(insert(_WORDS).values(rowid=share_id, words=with_spaced_letters(words)))


def drop_share_words(connection: Connection, shares: Collection[int]) -> None:
    """Remove the words of shares from the index, down to their bytes."""
    connection.execute(delete(_WORDS).where(is_any_of(_WORDS.c.rowid, shares)))
    # Without this, deleted words stay in an old segment of the index.
    connection.execute(text("INSERT INTO share_fulltext(share_fulltext) VALUES ('optimize')"))


def search_share_words(connection: Connection, words: Sequence[str], scope: Scope, limit: int) -> list[MessageMatch]:
    """Return the documents in scope whose message contains at least one of the words, best first, each once."""
    if not words:
        return []
    rank = literal_column("bm25(share_fulltext)", Float).label("rank")  # negative: the best is the lowest
    matching = (
        select(source.c.document_id, share.c.id, rank)
        .select_from(_WORDS)
        .join(share, share.c.id == _WORDS.c.rowid)
        .join(source, source.c.id == share.c.source_id)
        .where(text("share_fulltext MATCH :match"), *shared_documents_in(scope))
        .order_by(rank, share.c.id)
    )
    found: dict[int, MessageMatch] = {}
    for row in connection.execute(matching, {"match": any_of(words)}):
        found.setdefault(row.document_id, MessageMatch(row.document_id, row.id, -row.rank))
        if len(found) == limit:
            break
    return list(found.values())


def shares_with(connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, set[int]]:
    """Return {word: the shares in scope whose message contains it}, compared by the index's stemmer."""
    queries = func.json_each(json.dumps([any_of([word]) for word in words])).table_valued("key", "value")
    match = literal_column("share_fulltext").op("MATCH")(queries.c.value)
    inside = select(share.c.id).join(source, source.c.id == share.c.source_id).where(*shared_documents_in(scope))
    # The plus keeps FTS5 from looking up each of the scope's rows by itself.
    in_scope = literal_column("+share_fulltext.rowid").in_(inside)
    shares = select(func.json_group_array(_WORDS.c.rowid)).where(match, in_scope).scalar_subquery()
    rows = connection.execute(select(queries.c.key, shares.correlate(queries)))
    return {words[number]: set(json.loads(ids)) for number, ids in rows}
