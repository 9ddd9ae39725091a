"""Shares: which source is shared in which space by which person, and so which documents people may see.

Every function works in the caller's transaction, so that an event of a chat, the rows that it causes and the record
that it was handled are written together, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from time import time, time_ns
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, literal, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from rag.catalog.scope import has_share, is_live, is_visible, spaces_in
from rag.catalog.share_delay import delay_new_share
from rag.catalog.sources import find_sources, put_source
from rag.catalog.states import SourceState
from rag.catalog.tables import document, removed_share, share, source
from rag.model import Scope


@dataclass(frozen=True, slots=True)
class Share:
    """A source that is shared in a space. Empty fields are unknown and overwrite nothing.

    `kind` names the fetcher that downloads the bytes, `ref` is the fetcher's name for them. A source is fetched again
    when `size` or `changed_ns` differ from the recorded values. `listed`: the share was found in a listing of the
    space. A listing does not restore a share that was removed, and does not change when it was shared.
    """

    kind: str
    ref: str
    space: str
    name: str = ""
    link: str | None = None
    shared_by: str | None = None
    size: int | None = None
    changed_ns: int | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class AllowedDocument:
    """A document that may be shown in a scope, and the spaces of the scope that it is shared in."""

    document: int
    sha256: str
    spaces: tuple[str, ...]


# ---------------------------------------------------------------- sharing


def put_share(connection: Connection, new: Share) -> None:
    """Record a share, once however often it is seen. Ignore a listed share that was removed before."""
    if new.listed and _is_removed(connection, new):
        return
    record_share(connection, new)


def record_share(connection: Connection, new: Share) -> tuple[int, bool]:
    """Record a share, even one that was removed before. Return its source and whether there is work to do."""
    source_id, work = put_source(connection, new.kind, new.ref, mtime_ns=new.changed_ns, size=new.size)
    given = {"name": new.name, "link": new.link, "shared_by": new.shared_by}
    now = time()
    mine = (share.c.source_id == source_id) & (share.c.space == new.space)
    if not connection.scalar(select(exists().where(mine))):
        connection.execute(insert(share).values(source_id=source_id, space=new.space, shared_at=now, **given))
        delay_new_share(connection, source_id, new.space)
    else:
        known: dict[str, Any] = {key: value for key, value in given.items() if value}
        known |= {} if new.listed else {"shared_at": now, "hidden_at": None}
        if known:
            connection.execute(update(share).where(mine).values(**known))
    if not new.listed:
        connection.execute(delete(removed_share).where(*_removed(new)))
    return source_id, work


def _removed(new: Share) -> tuple[Any, ...]:
    return removed_share.c.kind == new.kind, removed_share.c.ref == new.ref, removed_share.c.space == new.space


def _is_removed(connection: Connection, new: Share) -> bool:
    return bool(connection.scalar(select(exists().where(*_removed(new)))))


def name_shares(connection: Connection, source_id: int, name: str, link: str | None) -> None:
    """Set the name and link of all shares of a source, as its origin has them."""
    connection.execute(update(share).where(share.c.source_id == source_id).values(name=name, link=link))


def move_space(connection: Connection, old: str, new: str) -> None:
    """Change the id of a space in its shares and its removed shares.

    If both ids have a row already, the more restrictive one wins: a listing may have restored under the new id what
    was removed under the old one.
    """
    if old == new:
        return
    there = select(share.c.source_id).where(share.c.space == new)
    both = (share.c.space == old) & share.c.source_id.in_(there.scalar_subquery())
    hidden = connection.scalars(select(share.c.source_id).where(both, share.c.hidden_at.is_not(None))).all()
    _hide(connection, hidden, new)
    connection.execute(delete(share).where(both))
    connection.execute(update(share).where(share.c.space == old).values(space=new))
    for row in connection.execute(select(removed_share).where(removed_share.c.space == old)).all():
        drop_share(connection, row.kind, [row.ref], new)
    key = tuple_(removed_share.c.kind, removed_share.c.ref)
    known = key.in_(select(removed_share.c.kind, removed_share.c.ref).where(removed_share.c.space == new))
    connection.execute(delete(removed_share).where(removed_share.c.space == old, known))
    connection.execute(update(removed_share).where(removed_share.c.space == old).values(space=new))


# ---------------------------------------------------------------- ending a share


def drop_share(connection: Connection, kind: str, refs: Sequence[str], space: str | None = None) -> None:
    """Remove sources from a space, or from all spaces; a later listing may bring them back."""
    drop_shares(connection, _ids(connection, kind, refs), space)


def drop_shares(connection: Connection, sources: Sequence[int], space: str | None = None) -> None:
    """Do as `drop_share`, by source ids. A source without any share is marked as gone."""
    rows = delete(share).where(share.c.source_id.in_(sources))
    connection.execute(rows if space is None else rows.where(share.c.space == space))
    connection.execute(
        update(source)
        .where(source.c.id.in_(sources), ~exists().where(share.c.source_id == source.c.id))
        .values(state=SourceState.GONE, run_id=None, document_id=None)
    )


def remove_shares(connection: Connection, sources: Sequence[int], space: str | None = None) -> None:
    """Do as `drop_shares`, and do not let a later listing bring them back."""
    mine = select(source.c.kind, source.c.ref, share.c.space, literal(time()))
    mine = mine.join(share, share.c.source_id == source.c.id).where(source.c.id.in_(sources))
    mine = mine if space is None else mine.where(share.c.space == space)
    new = upsert(removed_share).from_select(["kind", "ref", "space", "removed_at"], mine)
    connection.execute(new.on_conflict_do_nothing())
    drop_shares(connection, sources, space)


def expire_shares(connection: Connection, before: float) -> int:
    """Remove shares last shared before this time, in seconds since 1970. Return their number."""
    rows = connection.execute(select(share.c.source_id, share.c.space).where(share.c.shared_at < before)).all()
    for row in rows:
        remove_shares(connection, [row.source_id], row.space)
    return len(rows)


def leave_space(connection: Connection, kind: str, space: str) -> None:
    """Remove every source of this kind from a space."""
    drop_share(connection, kind, shared_in(connection, kind, space), space)


def hide_share(connection: Connection, kind: str, ref: str, space: str) -> bool:
    """Hide a source in a space until `settle_share` shows or ends the share; its extraction stays.

    Return False when it is not shared there.
    """
    return _hide(connection, _ids(connection, kind, [ref]), space)


def _hide(connection: Connection, sources: Sequence[int], space: str) -> bool:
    mine = share.c.source_id.in_(sources) & (share.c.space == space)
    return connection.execute(update(share).where(mine).values(hidden_at=time_ns())).rowcount > 0


def hidden_shares(connection: Connection, kind: str, ref: str) -> dict[str, int]:
    """Return {space: mark} for the spaces where a source is hidden; `settle_share` needs the mark."""
    rows = select(share.c.space, share.c.hidden_at).join(source, share.c.source_id == source.c.id)
    mine = (source.c.kind == kind) & (source.c.ref == ref) & share.c.hidden_at.is_not(None)
    return {row.space: row.hidden_at for row in connection.execute(rows.where(mine))}


def hidden_in(connection: Connection, kind: str, space: str) -> list[str]:
    """Return the refs of this kind that are hidden in a space."""
    rows = select(source.c.ref).join(share, share.c.source_id == source.c.id)
    mine = (source.c.kind == kind) & (share.c.space == space) & share.c.hidden_at.is_not(None)
    return list(connection.scalars(rows.where(mine)))


def settle_share(connection: Connection, kind: str, ref: str, space: str, mark: int, *, there: bool) -> bool:
    """Show a hidden share again if the source is still `there`, else end it.

    Return False, and change nothing, when it was hidden or shared again since the mark was read.
    """
    ids = _ids(connection, kind, [ref])
    mine = share.c.source_id.in_(ids) & (share.c.space == space) & (share.c.hidden_at == mark)
    if connection.execute(update(share).where(mine).values(hidden_at=None)).rowcount == 0:
        return False
    if not there:
        drop_shares(connection, ids, space)
    return True


def _ids(connection: Connection, kind: str, refs: Sequence[str]) -> Sequence[int]:
    return connection.scalars(select(source.c.id).where(source.c.kind == kind, source.c.ref.in_(refs))).all()


# ---------------------------------------------------------------- lists


def list_shares(connection: Connection, space: str | None, user: str | None) -> list[tuple[int, str, str]]:
    """Return (source id, space, name) of the shares in a space, by a person, or both."""
    rows = select(share.c.source_id, share.c.space, share.c.name).order_by(share.c.source_id, share.c.space)
    rows = rows if space is None else rows.where(share.c.space == space)
    rows = rows if user is None else rows.where(share.c.shared_by == user)
    return [(row.source_id, row.space, row.name) for row in connection.execute(rows)]


def shared_in(connection: Connection, kind: str, space: str) -> list[str]:
    """Return the refs of this kind that are shared in a space."""
    rows = select(source.c.ref).join(share, share.c.source_id == source.c.id)
    return list(connection.scalars(rows.where(source.c.kind == kind, share.c.space == space).order_by(source.c.id)))


def is_shared(connection: Connection, kind: str, ref: str) -> bool:
    """Return whether this source is shared anywhere."""
    rows = select(share.c.source_id).join(source, share.c.source_id == source.c.id)
    return connection.execute(rows.where(source.c.kind == kind, source.c.ref == ref).limit(1)).first() is not None


def spaces_of(connection: Connection, kind: str) -> list[str]:
    """Return the spaces where sources of this kind are shared."""
    rows = select(share.c.space).join(source, share.c.source_id == source.c.id).where(source.c.kind == kind)
    return list(connection.scalars(rows.distinct().order_by(share.c.space)))


# ---------------------------------------------------------------- documents by their shares


def documents_allowed(connection: Connection, documents: Collection[int], scope: Scope) -> list[AllowedDocument]:
    """Return those of the given documents that may be shown in a scope now. Call it before anything is shown."""
    spaces = spaces_in(connection, documents, scope)
    rows = connection.execute(select(document.c.id, document.c.sha256).where(document.c.id.in_(list(spaces))))
    return [AllowedDocument(row.id, row.sha256, spaces[row.id]) for row in rows.all()]


def unshared_documents(connection: Connection, documents: Collection[int]) -> set[int]:
    """Return those of the given documents that are not shared in any space."""
    ids = set(documents)
    rows = select(document.c.id).where(document.c.id.in_(ids), has_share(document.c.id))
    return ids - set(connection.scalars(rows))


def sha256_of(connection: Connection, documents: Collection[int]) -> dict[int, str]:
    """Return {document: SHA-256} for the given documents that still exist."""
    rows = connection.execute(select(document.c.id, document.c.sha256).where(document.c.id.in_(set(documents))))
    return {row.id: row.sha256 for row in rows}


def names_of(connection: Connection, documents: Collection[int]) -> dict[int, set[str]]:
    """Return all names that these documents have now, in any space, without documents that are not shared."""
    rows = select(source.c.document_id, share.c.name).join(share, share.c.source_id == source.c.id)
    return _by_document(connection.execute(rows.where(source.c.document_id.in_(set(documents)), is_live())))


def names_within(connection: Connection, documents: Collection[int], scope: Scope) -> dict[int, set[str]]:
    """Return all names that these documents have in a scope now, without those of shares that are not visible."""
    rows = select(source.c.document_id, share.c.name).join(share, share.c.source_id == source.c.id)
    rows = rows.where(source.c.document_id.in_(set(documents)), is_live(), is_visible())
    if scope.spaces is not None:
        rows = rows.where(share.c.space.in_(sorted(scope.spaces)))
    return _by_document(connection.execute(rows))


def _by_document(rows: Iterable[Any]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row.document_id, set()).add(row.name)
    return found


def documents_named(connection: Connection, name: str) -> dict[str, str]:
    """Return {SHA-256: name} of the documents known by this name.

    It is a path, a URL, a fetcher's reference, a file name, or eight or more digits of a SHA-256. Documents that are
    not shared any more are not found.
    """
    ids = dict(find_sources(connection, name))
    rows = select(source.c.id, document.c.sha256).join(document, document.c.id == source.c.document_id)
    return {row.sha256: ids[row.id] for row in connection.execute(rows.where(source.c.id.in_(ids)))}
