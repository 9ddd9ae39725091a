"""Documents by their shares: which may be shown in a scope, which are not shared, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import ColumnElement, Connection, func, select, true

from rag.catalog import tables
from rag.catalog.any_of import are_any_of, is_any_of, is_none_of
from rag.catalog.attachments import find_attached
from rag.catalog.holdings import Holding, both_ways
from rag.catalog.scope import (
    documents_in,
    has_share,
    is_live,
    shape_of,
    shared_documents_in,
    shares_in,
    shares_matching,
    spaces_in,
    values_of,
)
from rag.catalog.sources import find_sources
from rag.catalog.states import LIVE, ShareState
from rag.catalog.statuses import list_statuses
from rag.catalog.tables import document, share, source
from rag.model.extraction import displayed_name
from rag.model.operations import IndexState
from rag.model.search import Scope


@dataclass(frozen=True, slots=True)
class AllowedDocument:
    """A document that may be shown in a scope, and the spaces of the scope that it is shared in."""

    document: int
    sha256: str
    spaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A source that a message shares, as its readers see it. `document` is None until its bytes are known.

    `added_at`: when the catalog learned of it, or it was taken in after a limit had refused it, in seconds since 1970.
    """

    kind: str
    ref: str
    document: int | None
    name: str
    link: str | None
    space: str
    shared_by: str | None
    shared_at: float
    message: str
    words: str
    state: IndexState
    added_at: float

    @property
    def title(self) -> str:
        """Return the name as displayed, as in Hit.title."""
        return displayed_name(self.name)


def list_shared_files(connection: Connection, scope: Scope, limit: int) -> list[SharedFile]:
    """Return what is shared in a scope, newest first: each source once for each message that shares it in a space.

    A share that is delayed (see `share_delay`) is listed as if its document were being extracted now: without it, the
    list would show that the same file is known elsewhere.
    """
    return list_shares_in(connection, scope, true(), limit)


def list_added_files(connection: Connection, scope: Scope, since: float, before: float) -> list[SharedFile]:
    """Return what was added in a scope from `since` on and before `before`, in seconds since 1970, as
    `list_shared_files` does: whenever it was shared, and again if it was checked meanwhile whether it still is."""
    return list_shares_in(connection, scope, (share.c.state_at >= since) & (share.c.state_at < before), None)


def visible_posts(connection: Connection, scope: Scope, messages: Collection[tuple[str, str]]) -> list[SharedFile]:
    """Return what these messages, by (space, message), share in a scope now."""
    if not messages:
        return []
    named = are_any_of((share.c.space, share.c.message), messages)
    return list_shares_in(connection, scope, named, None)


def list_shares_in(
    connection: Connection, scope: Scope, matching: ColumnElement[bool], limit: int | None
) -> list[SharedFile]:
    """Return what is shared in a scope by the shares that meet a condition, newest first; see `list_shared_files`."""
    rows = select(share, source.c.kind, source.c.ref, source.c.document_id)
    rows = rows.join(source, source.c.id == share.c.source_id)
    rows = rows.where(share.c.state == ShareState.SHARED, *shares_matching(shape_of(scope)), matching)
    if scope.documents is not None:
        rows = rows.where(is_any_of(source.c.document_id, scope.documents))
    if scope.without:
        rows = rows.where(is_none_of(func.coalesce(source.c.document_id, 0), scope.without))
    newest = rows.order_by(share.c.shared_at.desc(), share.c.id.desc()).limit(limit)
    found = connection.execute(newest, values_of(scope)).all()
    states = {status.source: status.state for status in list_statuses(connection, [row.source_id for row in found])}
    now = time()
    return [
        SharedFile(
            row.kind,
            row.ref,
            None if row.visible_from > now else row.document_id,
            row.name,
            row.link,
            row.space,
            row.shared_by,
            row.shared_at,
            row.message,
            row.words,
            IndexState.READING if row.visible_from > now else states[row.source_id],
            row.state_at,
        )
        for row in found
        if row.source_id in states
    ]


def documents_in_thread(connection: Connection, space: str, root: str, scope: Scope) -> frozenset[int]:
    """Return the documents in scope that messages of a thread share: its root, or a reply."""
    if not root:
        return frozenset()
    in_thread = (share.c.message == root) | (share.c.thread == root)
    return _documents(connection, scope, share.c.space == space, in_thread)


def documents_of_source(connection: Connection, kind: str, ref: str, scope: Scope) -> frozenset[int]:
    """Return the document of a source, if it is in scope."""
    return _documents(connection, scope, source.c.kind == kind, source.c.ref == ref)


def _documents(connection: Connection, scope: Scope, *matching: ColumnElement[bool]) -> frozenset[int]:
    shape = shape_of(scope)
    rows = both_ways(lambda way: select(way.document).where(*matching, *shared_documents_in(shape, way)))
    return frozenset(connection.scalars(rows, values_of(scope)))


def documents_allowed(connection: Connection, documents: Collection[int], scope: Scope) -> list[AllowedDocument]:
    """Return those of the given documents that may be shown in a scope now. Call it before anything is shown."""
    spaces = spaces_in(connection, documents, scope)
    rows = connection.execute(select(document.c.id, document.c.sha256).where(is_any_of(document.c.id, spaces)))
    return [AllowedDocument(row.id, row.sha256, spaces[row.id]) for row in rows.all()]


def first_documents(connection: Connection, scope: Scope, limit: int) -> list[int]:
    """Return documents of a scope, at most `limit`."""
    rows = select(document.c.id).where(document.c.id.in_(documents_in(shape_of(scope))))
    return list(connection.scalars(rows.order_by(document.c.id).limit(limit), values_of(scope)))


def unshared_documents(connection: Connection, documents: Collection[int]) -> set[int]:
    """Return those of the given documents that are not shared in any space."""
    ids = set(documents)
    rows = select(document.c.id).where(is_any_of(document.c.id, ids), has_share(document.c.id))
    return ids - set(connection.scalars(rows))


def unshared_sha256(connection: Connection, sums: Collection[str]) -> set[str]:
    """Return those of the given SHA-256 sums that no document has which is shared in some space."""
    rows = select(document.c.sha256).where(is_any_of(document.c.sha256, sums), has_share(document.c.id))
    return set(sums) - set(connection.scalars(rows))


def sha256_of(connection: Connection, documents: Collection[int]) -> dict[int, str]:
    """Return {document: SHA-256} for the given documents that still exist."""
    rows = connection.execute(select(document.c.id, document.c.sha256).where(is_any_of(document.c.id, documents)))
    return {row.id: row.sha256 for row in rows}


def names_of(connection: Connection, documents: Collection[int]) -> dict[int, set[str]]:
    """Return all names that these documents have now, in any space, without documents that are not shared.

    An attached document has the names of the files that it is attached to, also in the functions below.
    """
    return _names(
        connection,
        lambda way: [is_any_of(way.document, documents), is_live(way), share.c.state.in_(LIVE)],
    )


def names_within(connection: Connection, documents: Collection[int], scope: Scope) -> dict[int, set[str]]:
    """Return all names that these documents have in a scope now, without those of shares that are not visible."""
    shape = shape_of(scope)
    return _names(
        connection,
        lambda way: [is_any_of(way.document, documents), is_live(way), *shares_in(shape, way)],
        values_of(scope),
    )


def visible_names(connection: Connection, scope: Scope) -> frozenset[tuple[int, str]]:
    """Return (document, name) of everything visible in a scope now; documents shared under several names have each."""
    shape = shape_of(scope)
    found = _names(connection, lambda way: shared_documents_in(shape, way), values_of(scope))
    return frozenset((document, name) for document, names in found.items() for name in names)


def _names(
    connection: Connection,
    matching: Callable[[Holding], Sequence[ColumnElement[bool]]],
    values: Mapping[str, object] | None = None,
) -> dict[int, set[str]]:
    rows = both_ways(lambda way: select(way.document.label("document"), share.c.name).where(*matching(way)).distinct())
    found: dict[int, set[str]] = {}
    for row in connection.execute(rows, values):
        found.setdefault(row.document, set()).add(row.name)
    return found


def share_revision(connection: Connection) -> int:
    """Return a number that grows whenever a document may have left a scope, or changed its name in it.

    Triggers change it in the transaction of the change. New shares do not.
    """
    return int(connection.execute(select(tables.share_revision.c.number)).scalar_one())


def documents_named(connection: Connection, name: str) -> dict[str, str]:
    """Return {SHA-256: name} of the documents known by this name.

    It is a path, a URL, a fetcher's reference, a file name, or eight or more digits of a SHA-256, also of attachments.
    Documents that are not shared any more are not found.
    """
    ids = dict(find_sources(connection, name))
    rows = select(source.c.id, document.c.sha256).join(document, document.c.id == source.c.document_id)
    found = {row.sha256: ids[row.id] for row in connection.execute(rows.where(is_any_of(source.c.id, ids)))}
    attached = {id: displayed_name(file, called) for id, called, file in find_attached(connection, name)}
    return {sha256: attached[id] for id, sha256 in sha256_of(connection, attached).items()} | found
