"""Translate a Scope into SQL: the only place that decides which documents a reader may see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from time import time

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from rag.catalog.any_of import is_any_of, is_none_of
from rag.catalog.holdings import ATTACHED, OWN, Holding, both_ways
from rag.catalog.states import LIVE, ShareState, SourceState
from rag.catalog.tables import chunk, document, share, source
from rag.model.extraction import Kind
from rag.model.search import Posted, Scope

_REUSED = 16
"""Scopes whose conditions are kept: a search has about fifteen statements in one scope, and building a condition takes
longer than SQLite needs to check it."""


@lru_cache(_REUSED)
def documents_in(scope: Scope) -> CompoundSelect[tuple[int]]:
    """Return a subquery of document ids. A document is in scope when it, or a file that it is attached to, is shared in
    one of the spaces."""
    return both_ways(lambda way: select(way.document).where(*shared_documents_in(scope, way)))


@lru_cache(2 * _REUSED)
def shared_documents_in(scope: Scope, way: Holding = OWN) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a share makes the document that it holds in this way part of a scope."""
    conditions = [is_live(way), *shares_in(scope, way)]
    if scope.documents is not None:
        conditions.append(is_any_of(way.document, scope.documents))
    if scope.without:
        conditions.append(is_none_of(way.document, scope.without))
    return tuple(conditions)


def shares_in(scope: Scope, way: Holding = OWN) -> list[ColumnElement[bool]]:
    """Return the conditions that a share is visible, in the spaces of a scope, and matches its filter."""
    return [is_visible(), *shares_matching(scope, way)]


def shares_matching(scope: Scope, way: Holding = OWN) -> list[ColumnElement[bool]]:
    """Return the conditions that a share is in the spaces of a scope and matches its filter, visible or not."""
    wanted = scope.shares
    conditions: list[ColumnElement[bool]] = []
    if scope.spaces is not None:
        conditions.append(is_any_of(share.c.space, scope.spaces))
    if wanted.shared_by is not None:
        conditions.append(is_any_of(share.c.shared_by, wanted.shared_by))
    if wanted.since is not None:
        conditions.append(share.c.shared_at >= wanted.since)
    if wanted.before is not None:
        conditions.append(share.c.shared_at < wanted.before)
    if wanted.extensions or wanted.kinds:
        endings = [func.lower(way.file_name).endswith(f".{ending}", autoescape=True) for ending in wanted.extensions]
        conditions.append(or_(is_any_of(source.c.kind, wanted.kinds), *endings))
    return conditions


@cache
def is_live(way: Holding = OWN) -> ColumnElement[bool]:
    """Return the condition that a source has a document, and holds another one in this way.

    A source that changed keeps its old document until the new bytes are known.
    """
    # The concatenation keeps SQLite from using the index on the state. Nearly all sources are known, and starting from
    # them takes 29 ms among 3,000 documents; starting from the spaces takes 1 ms.
    state = source.c.state.concat("")
    live = [SourceState.KNOWN, SourceState.WAITING, SourceState.FETCHING]
    return and_(state.in_(live), way.document.is_not(None))


def has_share(document_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Return the condition that a document, or a file that it is attached to, is shared in some space."""
    mine = [
        exists().select_from(way.tables).where(way.document == document_id, is_live(way), share.c.state.in_(LIVE))
        for way in (OWN, ATTACHED)
    ]
    return or_(*mine)


def is_visible() -> ColumnElement[bool]:
    """Return the condition that a share may be used in an answer now. No other condition decides that."""
    now: BindParameter[float] = bindparam("now", callable_=time, unique=True)  # of the execution: conditions are kept
    return and_(share.c.state == ShareState.SHARED, share.c.visible_from <= now)


def is_current() -> ColumnElement[bool]:
    """Return the condition that a chunk is of the extraction that is searched, and not of a newer one in progress."""
    return and_(document.c.id == chunk.c.document_id, document.c.extraction_id == chunk.c.extraction_id)


@lru_cache(_REUSED)
def chunks_in(scope: Scope) -> Select[tuple[int]]:
    """Return a subquery of chunk ids, from all extractions. SQLite answers it from an index alone."""
    return select(chunk.c.id).where(chunk.c.document_id.in_(documents_in(scope)))


def allowed_chunks(connection: Connection, chunks: Iterable[int], scope: Scope) -> dict[int, tuple[int, int, Kind]]:
    """Return {chunk: (document, page, kind)} for the given chunks that are in scope and not deleted."""
    # The sum keeps SQLite from reading all chunks of the scope's documents to find these few ids.
    inside = (chunk.c.document_id + 0).in_(documents_in(scope))
    rows = select(chunk.c.id, chunk.c.document_id, chunk.c.page, chunk.c.kind).join(document, is_current())
    found = connection.execute(rows.where(is_any_of(chunk.c.id, chunks), inside))
    return {row.id: (row.document_id, row.page, Kind(row.kind)) for row in found}


def count_in(connection: Connection, scope: Scope) -> int:
    """Return how many chunks a scope has, with words or without. SQLite answers it from an index alone."""
    rows = select(func.count()).select_from(chunk)
    if scope != Scope.operator():
        rows = rows.where(chunk.c.document_id.in_(documents_in(scope)))
    return connection.scalar(rows) or 0


def spaces_in(connection: Connection, documents: Iterable[int], scope: Scope) -> dict[int, tuple[str, ...]]:
    """Return {document: the spaces of the scope where it is shared} for the given documents in scope."""
    ids, found = list(documents), dict[int, set[str]]()
    rows = both_ways(
        lambda way: (
            select(way.document.label("document"), share.c.space)
            .where(is_any_of(way.document, ids), *shared_documents_in(scope, way))
            .distinct()
        )
    )
    for row in connection.execute(rows):
        found.setdefault(row.document, set()).add(row.space)
    return {document: tuple(sorted(spaces)) for document, spaces in found.items()}


@dataclass(frozen=True, slots=True)
class ShownShare:
    """What one share says about a document. `attachment`: its name if it is attached to the file that is shared."""

    name: str
    link: str | None
    posted: Posted
    attachment: str


def shares_shown(
    connection: Connection, documents: Iterable[int], scope: Scope, matched: Collection[int] = ()
) -> dict[int, ShownShare]:
    """Return {document: its newest share inside the scope, never one outside}, or one of the `matched` shares."""
    ids, is_matched = list(documents), is_any_of(share.c.id, matched).label("is_matched")
    rows = both_ways(
        lambda way: select(share, way.document.label("document"), way.attachment.label("attachment"), is_matched).where(
            is_any_of(way.document, ids), is_live(way), *shares_in(scope, way)
        )
    )
    found = sorted(connection.execute(rows), key=lambda row: (row.is_matched, row.shared_at, row.id, row.attachment))
    return {
        row.document: ShownShare(
            row.name,
            row.link,
            Posted(row.space, row.shared_by, row.shared_at, row.message, row.thread, row.words),
            row.attachment,
        )
        for row in found
    }
