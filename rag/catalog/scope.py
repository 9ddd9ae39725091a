"""Translate a Scope into SQL: the only place that decides which documents a reader may see.

SQLAlchemy takes longer to build a statement than SQLite takes to answer it, and a search has about fifteen. So a
statement is built once for each shape of a scope, which says which limits it has; `values_of` has their values, which
are bound when it is executed. Without them, it fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from time import time
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Float,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from rag.catalog.any_of import as_list, is_in
from rag.catalog.dialects import json_values
from rag.catalog.holdings import ATTACHED, OWN, Holding, both_ways
from rag.catalog.states import LIVE, ShareState, SourceState
from rag.catalog.tables import chunk, document, share, source
from rag.model.extraction import Kind
from rag.model.search import Posted, Scope


class Shape(NamedTuple):
    """Which limits a scope has."""

    spaces: bool = False
    documents: bool = False
    without: bool = False
    shared_by: bool = False
    since: bool = False
    before: bool = False
    types: bool = False


EVERYTHING = Shape()


def shape_of(scope: Scope) -> Shape:
    """Return which limits a scope has."""
    wanted = scope.shares
    return Shape(
        scope.spaces is not None,
        scope.documents is not None,
        bool(scope.without),
        wanted.shared_by is not None,
        wanted.since is not None,
        wanted.before is not None,
        bool(wanted.extensions or wanted.kinds),
    )


def values_of(scope: Scope, **more: object) -> dict[str, object]:
    """Return what to bind to a statement for the shape of this scope: the values of its limits, and `more`."""
    wanted = scope.shares
    limits: dict[str, object] = {
        "scope_spaces": _listed(scope.spaces),
        "scope_documents": _listed(scope.documents),
        "scope_without": _listed(scope.without or None),
        "scope_people": _listed(wanted.shared_by),
        "scope_since": wanted.since,
        "scope_before": wanted.before,
    }
    if wanted.extensions or wanted.kinds:
        endings = frozenset(f".{extension}" for extension in wanted.extensions)
        limits |= {"scope_kinds": _listed(wanted.kinds), "scope_endings": _listed(endings)}
    return {name: value for name, value in limits.items() if value is not None} | more


@lru_cache(64)
def _listed(values: frozenset[int] | frozenset[str] | None) -> str | None:
    return None if values is None else as_list(values)


@cache
def documents_in(shape: Shape) -> CompoundSelect[int]:
    """Return a subquery of document ids. A document is in scope when it, or a file that it is attached to, is shared in
    one of the spaces."""
    return both_ways(lambda way: select(way.document).where(*shared_documents_in(shape, way)))


def shared_documents_in(shape: Shape, way: Holding = OWN) -> list[ColumnElement[bool]]:
    """Return the conditions that a share makes the document that it holds in this way part of a scope."""
    conditions = [is_live(way), *shares_in(shape, way)]
    if shape.documents:
        conditions.append(is_in(way.document, "scope_documents"))
    if shape.without:
        conditions.append(~is_in(way.document, "scope_without"))
    return conditions


def shares_in(shape: Shape, way: Holding = OWN) -> list[ColumnElement[bool]]:
    """Return the conditions that a share is visible, in the spaces of a scope, and matches its filter."""
    return [is_visible(), *shares_matching(shape, way)]


def shares_matching(shape: Shape, way: Holding = OWN) -> list[ColumnElement[bool]]:
    """Return the conditions that a share is in the spaces of a scope and matches its filter, visible or not."""
    conditions: list[ColumnElement[bool]] = []
    if shape.spaces:
        conditions.append(is_in(share.c.space, "scope_spaces"))
    if shape.shared_by:
        conditions.append(is_in(share.c.shared_by, "scope_people"))
    if shape.since:
        conditions.append(share.c.shared_at >= bindparam("scope_since", type_=Float))
    if shape.before:
        conditions.append(share.c.shared_at < bindparam("scope_before", type_=Float))
    if shape.types:
        endings = json_values(bindparam("scope_endings", type_=String)).table_valued("value")
        # SQLite has no `right`, and PostgreSQL does not count from the end.
        name = func.lower(way.file_name)
        ending = func.substr(name, func.length(name) - func.length(endings.c.value) + 1)
        has_ending = exists(select(endings.c.value).where(ending == endings.c.value))
        conditions.append(or_(is_in(source.c.kind, "scope_kinds"), has_ending))
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
    now: BindParameter[float] = bindparam("now", callable_=time, unique=True)  # of the execution: statements are kept
    return and_(share.c.state == ShareState.SHARED, share.c.visible_from <= now)


def is_current() -> ColumnElement[bool]:
    """Return the condition that a chunk is of the extraction that is searched, and not of a newer one in progress."""
    return and_(document.c.id == chunk.c.document_id, document.c.extraction_id == chunk.c.extraction_id)


@cache
def chunks_in(shape: Shape) -> Select[int]:
    """Return a subquery of chunk ids, from all extractions. SQLite answers it from an index alone."""
    return select(chunk.c.id).where(chunk.c.document_id.in_(documents_in(shape)))


def allowed_chunks(connection: Connection, chunks: Iterable[int], scope: Scope) -> dict[int, tuple[int, int, Kind]]:
    """Return {chunk: (document, page, kind)} for the given chunks that are in scope and not deleted."""
    rows = connection.execute(_allowed_chunks(shape_of(scope)), values_of(scope, chunks=as_list(chunks)))
    return {row.id: (row.document_id, row.page, Kind(row.kind)) for row in rows}


@cache
def _allowed_chunks(shape: Shape) -> Select[*tuple[Any, ...]]:
    # The sum keeps SQLite from reading all chunks of the scope's documents to find these few ids.
    inside = (chunk.c.document_id + 0).in_(documents_in(shape))
    rows = select(chunk.c.id, chunk.c.document_id, chunk.c.page, chunk.c.kind).join(document, is_current())
    return rows.where(is_in(chunk.c.id, "chunks"), inside)


def count_in(connection: Connection, scope: Scope) -> int:
    """Return how many chunks a scope has, with words or without. SQLite answers it from an index alone."""
    return connection.scalar(_count_in(shape_of(scope)), values_of(scope)) or 0


@cache
def _count_in(shape: Shape) -> Select[int]:
    rows = select(func.count()).select_from(chunk)
    return rows if shape == EVERYTHING else rows.where(chunk.c.document_id.in_(documents_in(shape)))


def spaces_in(connection: Connection, documents: Iterable[int], scope: Scope) -> dict[int, tuple[str, ...]]:
    """Return {document: the spaces of the scope where it is shared} for the given documents in scope."""
    found = dict[int, set[str]]()
    rows = connection.execute(_spaces_in(shape_of(scope)), values_of(scope, documents=as_list(documents)))
    for row in rows:
        found.setdefault(row.document, set()).add(row.space)
    return {document: tuple(sorted(spaces)) for document, spaces in found.items()}


@cache
def _spaces_in(shape: Shape) -> CompoundSelect[*tuple[Any, ...]]:
    return both_ways(
        lambda way: (
            select(way.document.label("document"), share.c.space)
            .where(is_in(way.document, "documents"), *shared_documents_in(shape, way))
            .distinct()
        )
    )


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
    values = values_of(scope, documents=as_list(documents), matched=as_list(matched))
    rows = connection.execute(_shares_shown(shape_of(scope)), values)
    found = sorted(rows, key=lambda row: (row.is_matched, row.shared_at, row.id, row.attachment))
    return {
        row.document: ShownShare(
            row.name,
            row.link,
            Posted(row.space, row.shared_by, row.shared_at, row.message, row.thread, row.words),
            row.attachment,
        )
        for row in found
    }


@cache
def _shares_shown(shape: Shape) -> CompoundSelect[*tuple[Any, ...]]:
    is_matched = is_in(share.c.id, "matched").label("is_matched")
    return both_ways(
        lambda way: select(share, way.document.label("document"), way.attachment.label("attachment"), is_matched).where(
            is_in(way.document, "documents"), is_live(way), *shares_in(shape, way)
        )
    )
