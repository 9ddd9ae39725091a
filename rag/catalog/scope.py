"""Translate a Scope into SQL: the only place that decides which documents a reader may see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from time import time

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from rag.catalog.any_of import is_any_of, is_none_of
from rag.catalog.states import LIVE, ShareState, SourceState
from rag.catalog.tables import chunk, document, share, source
from rag.model import Kind, Posted, Scope


def documents_in(scope: Scope) -> Select[tuple[int]]:
    """Return a subquery of document ids. A document is in scope when it is shared in one of the spaces."""
    return select(source.c.document_id).join(share, share.c.source_id == source.c.id).where(*shared_documents_in(scope))


def shared_documents_in(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that a share and its source make a document part of a scope."""
    conditions = [is_live(), *shares_in(scope)]
    if scope.documents is not None:
        conditions.append(is_any_of(source.c.document_id, scope.documents))
    if scope.without:
        conditions.append(is_none_of(source.c.document_id, scope.without))
    return conditions


def shares_in(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the conditions that a share is visible, in the spaces of a scope, and matches its filter."""
    return [is_visible(), *shares_matching(scope)]


def shares_matching(scope: Scope) -> list[ColumnElement[bool]]:
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
        endings = [func.lower(share.c.name).endswith(f".{ending}", autoescape=True) for ending in wanted.extensions]
        conditions.append(or_(is_any_of(source.c.kind, wanted.kinds), *endings))
    return conditions


def is_live() -> ColumnElement[bool]:
    """Return the condition that a source has a document.

    A source that changed keeps its old document until the new bytes are known.
    """
    # The concatenation keeps SQLite from using the index on the state. Nearly all sources are known, and starting from
    # them takes 29 ms among 3,000 documents; starting from the spaces takes 1 ms.
    state = source.c.state.concat("")
    live = [SourceState.KNOWN, SourceState.WAITING, SourceState.FETCHING]
    return and_(state.in_(live), source.c.document_id.is_not(None))


def has_share(document_id: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Return the condition that a document is shared in some space."""
    shared = and_(share.c.source_id == source.c.id, share.c.state.in_(LIVE))
    return exists().where(source.c.document_id == document_id, is_live(), shared)


def is_visible() -> ColumnElement[bool]:
    """Return the condition that a share may be used in an answer now. No other condition decides that."""
    return and_(share.c.state == ShareState.SHARED, share.c.visible_from <= time())


def is_current() -> ColumnElement[bool]:
    """Return the condition that a chunk is of the extraction that is searched, and not of a newer one in progress."""
    return and_(document.c.id == chunk.c.document_id, document.c.extraction_id == chunk.c.extraction_id)


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
    rows = select(source.c.document_id, share.c.space).join(share, share.c.source_id == source.c.id).distinct()
    rows = rows.where(is_any_of(source.c.document_id, documents), is_live(), *shares_in(scope))
    rows = rows.where(source.c.document_id.in_(documents_in(scope)))
    found: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(rows.order_by(share.c.space)):
        found[row.document_id] = (*found.get(row.document_id, ()), row.space)
    return found


@dataclass(frozen=True, slots=True)
class ShownShare:
    """What one share says about a document."""

    name: str
    link: str | None
    posted: Posted


def shares_shown(
    connection: Connection, documents: Iterable[int], scope: Scope, matched: Collection[int] = ()
) -> dict[int, ShownShare]:
    """Return {document: its newest share inside the scope, never one outside}, or one of the `matched` shares."""
    rows = select(share, source.c.document_id).join(source, share.c.source_id == source.c.id)
    rows = rows.where(is_any_of(source.c.document_id, documents), is_live(), *shares_in(scope))
    is_matched = is_any_of(share.c.id, matched)
    found = connection.execute(rows.order_by(is_matched, share.c.shared_at, share.c.id))
    return {
        row.document_id: ShownShare(
            row.name,
            row.link,
            Posted(row.space, row.shared_by, row.shared_at, row.message, row.thread, row.words),
        )
        for row in found
    }
