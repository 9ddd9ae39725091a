"""The words of the messages that share sources: an index of their own, searched within the scope's visible shares.

They help to find a source and are shown as words of the message, never as words of a page.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Float,
    Select,
    TableClause,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    update,
)

from rag.analysis.analyzer import index_tokens
from rag.analysis.languages import detect_languages
from rag.catalog.any_of import is_any_of
from rag.catalog.fulltext import QUERIES, any_of, matches, merge_segments, queries_of
from rag.catalog.index_versions import IndexVersion, list_versions, searched_version
from rag.catalog.scope import Shape, shape_of, shared_documents_in, values_of
from rag.catalog.tables import share, source
from rag.model.search import Scope
from rag.ports import Term
from rag.text import with_spaced_letters


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
            add_share_words(connection, version, share_id, words)


def add_share_words(connection: Connection, version: IndexVersion, share_id: int, words: str) -> None:
    """Write the words of a share's message to one version of the index, instead of those that it had."""
    index = _table(version)
    connection.execute(delete(index).where(index.c.rowid == share_id))
    if version.analysis:
        (language,) = detect_languages([words])
        tokens = index_tokens(words, language)
        values = {"words": " ".join(tokens.words), "forms": " ".join(tokens.forms)}
    else:
        values = {"words": with_spaced_letters(words)}
    connection.execute(insert(index).values(rowid=share_id, **values))


def drop_share_words(connection: Connection, shares: Collection[int]) -> None:
    """Remove the words of shares from the index, down to their bytes."""
    for version in list_versions(connection):
        index = _table(version)
        connection.execute(delete(index).where(is_any_of(index.c.rowid, shares)))
        merge_segments(connection, index.name)


def search_share_words(connection: Connection, terms: Sequence[Term], scope: Scope, limit: int) -> list[MessageMatch]:
    """Return the documents in scope whose message contains at least one of the terms, best first, each once."""
    version = searched_version(connection)
    if not terms:
        return []
    values = values_of(scope, match=any_of(version, terms, ["words"]))
    found: dict[int, MessageMatch] = {}
    for row in connection.execute(_matching(_table(version), shape_of(scope)), values):
        found.setdefault(row.document_id, MessageMatch(row.document_id, row.id, -row.rank))
        if len(found) == limit:
            break
    return list(found.values())


@cache
def _matching(words: TableClause, shape: Shape) -> Select[*tuple[Any, ...]]:
    rank = literal_column(f"bm25({words.name})", Float).label("rank")  # negative: the best is the lowest
    return (
        select(source.c.document_id, share.c.id, rank)
        .select_from(words)
        .join(share, share.c.id == words.c.rowid)
        .join(source, source.c.id == share.c.source_id)
        .where(text(f"{words.name} MATCH :match"), *shared_documents_in(shape))
        .order_by(rank, share.c.id)
    )


def shares_with(connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
    """Return {text of the term: the shares in scope whose message contains it}."""
    version = searched_version(connection)
    values = values_of(scope, queries=queries_of(version, terms, ["words"]))
    rows = connection.execute(_shares_with(_table(version), shape_of(scope)), values)
    return {term: set(json.loads(ids)) for term, ids in rows}


@cache
def _shares_with(words: TableClause, shape: Shape) -> Select[str, str]:
    inside = select(share.c.id).join(source, source.c.id == share.c.source_id).where(*shared_documents_in(shape))
    # The plus keeps FTS5 from looking up each of the scope's rows by itself.
    in_scope = literal_column(f"+{words.name}.rowid").in_(inside)
    shares = select(func.json_group_array(words.c.rowid)).where(matches(words), in_scope)
    return select(QUERIES.c.key, shares.scalar_subquery().correlate(QUERIES))


def _table(version: IndexVersion) -> TableClause:
    return _table_named(version.messages, ("words", "forms") if version.analysis else ("words",))


@cache
def _table_named(name: str, columns: tuple[str, ...]) -> TableClause:
    return table(name, column("rowid"), *map(column, columns))
