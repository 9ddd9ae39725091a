"""The words of the messages that share sources: an index of their own, searched within the scope's visible shares.

They help to find a source and are shown as words of the message, never as words of a page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Subquery, select, update

from rag.catalog.index_versions import IndexVersion, list_versions, searched_version
from rag.catalog.scope import Shape, shape_of, shared_documents_in, values_of
from rag.catalog.tables import share, source
from rag.catalog.word_indexes import index_in, index_of
from rag.model.search import Scope
from rag.ports import Term


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
        for version in list_versions(connection):
            index_of(connection).put_message(connection, version, share_id, words)


def drop_share_words(connection: Connection, shares: Collection[int]) -> None:
    """Remove the words of shares from the index."""
    index_of(connection).delete_messages(connection, shares)


def search_share_words(connection: Connection, terms: Sequence[Term], scope: Scope, limit: int) -> list[MessageMatch]:
    """Return the documents in scope whose message contains at least one of the terms, best first, each once."""
    version = searched_version(connection)
    if not terms:
        return []
    values = values_of(scope, **index_of(connection).message_values(version, terms))
    found: dict[int, MessageMatch] = {}
    for row in connection.execute(_matching(_table(version), shape_of(scope)), values):
        found.setdefault(row.document_id, MessageMatch(row.document_id, row.id, -row.rank))
        if len(found) == limit:
            break
    return list(found.values())


@cache
def _matching(words: Subquery, shape: Shape) -> Select[*tuple[Any, ...]]:
    return (
        select(source.c.document_id, share.c.id, words.c.rank)
        .select_from(words)
        .join(share, share.c.id == words.c.id)
        .join(source, source.c.id == share.c.source_id)
        .where(*shared_documents_in(shape))
        .order_by(words.c.rank, share.c.id)
    )


def _table(version: IndexVersion) -> Subquery:
    return index_in(version.database).ranked_messages(version)


def shares_with(connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
    """Return {text of the term: the shares in scope whose message contains it}."""
    return index_of(connection).messages_with(connection, terms, scope)
