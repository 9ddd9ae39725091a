"""What somebody shared where: the rows a chat's events come down to. Every function works in the caller's transaction.

So that an event, the rows it causes and the note that it was handled are written together, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, tuple_, update

from rag.catalog import sources
from rag.catalog.documents import shared
from rag.catalog.scope import live, shown, spaces_in
from rag.catalog.tables import document, forgotten, share, source
from rag.model import ROUND, Scope


@dataclass(frozen=True, slots=True)
class Share:
    """A source seen in a space. What is not known is left empty: it fills nothing in and overwrites nothing.

    `kind` names the fetcher that brings the bytes, `ref` is the fetcher's name for them. A source is fetched again
    when `size` or `changed_ns` differ from what was recorded. `listed`: it stands in a list of what is there, and
    nobody shared it just now; what was forgotten does not come back that way.
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
class Allowed:
    """A document that may be shown in a scope, and the spaces of the scope that it is shared in."""

    document: int
    sha256: str
    spaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a source has come. `state` is waiting, reading, ready or failed; `reason` and `hint` when failed.

    `page` of `pages` are read; `document` is set once the bytes are known.
    """

    ref: str
    name: str
    state: str
    page: int
    pages: int
    reason: str
    hint: str
    document: int | None

    @property
    def title(self) -> str:
        """As Hit.title."""
        return self.name.translate(ROUND)


def files_waiting(connection: Connection, who: str) -> int:
    """Return how many sources that this person shares are not fetched or not read yet."""
    return sources.waiting_of(connection, who)


def put_share(connection: Connection, new: Share) -> None:
    """Record a share; the same one twice is one. What is listed and was forgotten is left alone."""
    if new.listed and sources.is_forgotten(connection, new.kind, new.ref, new.space):
        return
    sources.put_source(
        connection,
        kind=new.kind,
        ref=new.ref,
        space=new.space,
        name=new.name,
        link=new.link,
        shared_by=new.shared_by,
        mtime_ns=new.changed_ns,
        size=new.size,
        listed=new.listed,
    )


def drop_share(connection: Connection, kind: str, refs: Sequence[str], space: str | None = None) -> None:
    """Take sources out of a space, or out of all: nothing of them is shown there from this transaction on."""
    sources.drop_shares(connection, _ids(connection, kind, refs), space)


def _ids(connection: Connection, kind: str, refs: Sequence[str]) -> Sequence[int]:
    return connection.scalars(select(source.c.id).where(source.c.kind == kind, source.c.ref.in_(refs))).all()


def withhold_share(connection: Connection, kind: str, ref: str, space: str) -> bool:
    """Show nothing of a source in a space until `settle_share` says whether it still is there; its reading stays.

    False: it is not shared there.
    """
    return sources.withhold_shares(connection, _ids(connection, kind, [ref]), space)


def withheld(connection: Connection, kind: str, ref: str) -> dict[str, int]:
    """The spaces where a source is withheld, with the mark that `settle_share` needs."""
    rows = select(share.c.space, share.c.withheld).join(source, share.c.source_id == source.c.id)
    mine = (source.c.kind == kind) & (source.c.ref == ref) & share.c.withheld.is_not(None)
    return {row.space: row.withheld for row in connection.execute(rows.where(mine))}


def withheld_in(connection: Connection, kind: str, space: str) -> list[str]:
    """The refs of this kind that are withheld in a space."""
    rows = select(source.c.ref).join(share, share.c.source_id == source.c.id)
    mine = (source.c.kind == kind) & (share.c.space == space) & share.c.withheld.is_not(None)
    return list(connection.scalars(rows.where(mine)))


def settle_share(connection: Connection, kind: str, ref: str, space: str, mark: int, *, there: bool) -> bool:
    """Show a withheld share again, or end it. False, and nothing changes: it was withheld again, or shared anew."""
    [id] = _ids(connection, kind, [ref]) or [0]
    return sources.settle_share(connection, id, space, mark, there=there)


def leave_space(connection: Connection, kind: str, space: str) -> None:
    """Take every source of this kind out of a space."""
    drop_share(connection, kind, shared_in(connection, kind, space), space)


def move_space(connection: Connection, old: str, new: str) -> None:
    """Give a space another id, in every table: what is shared there, and what was forgotten there.

    Where both ids have a row already, what shows less wins: a listing may have brought back under the new id what was
    forgotten under the old one.
    """
    if old == new:
        return
    there = select(share.c.source_id).where(share.c.space == new)
    both = (share.c.space == old) & share.c.source_id.in_(there.scalar_subquery())
    doubted = connection.scalars(select(share.c.source_id).where(both, share.c.withheld.is_not(None))).all()
    sources.withhold_shares(connection, doubted, new)
    connection.execute(delete(share).where(both))
    connection.execute(update(share).where(share.c.space == old).values(space=new))
    for row in connection.execute(select(forgotten).where(forgotten.c.space == old)).all():
        drop_share(connection, row.kind, [row.ref], new)
    known = tuple_(forgotten.c.kind, forgotten.c.ref).in_(
        select(forgotten.c.kind, forgotten.c.ref).where(forgotten.c.space == new)
    )
    connection.execute(delete(forgotten).where(forgotten.c.space == old, known))
    connection.execute(update(forgotten).where(forgotten.c.space == old).values(space=new))


def shared_in(connection: Connection, kind: str, space: str) -> list[str]:
    """The refs of this kind shared in a space."""
    rows = select(source.c.ref).join(share, share.c.source_id == source.c.id)
    return list(connection.scalars(rows.where(source.c.kind == kind, share.c.space == space).order_by(source.c.id)))


def is_shared(connection: Connection, kind: str, ref: str) -> bool:
    """Whether this source is shared anywhere."""
    rows = select(share.c.source_id).join(source, share.c.source_id == source.c.id)
    return connection.execute(rows.where(source.c.kind == kind, source.c.ref == ref).limit(1)).first() is not None


def spaces_of(connection: Connection, kind: str) -> list[str]:
    """The spaces where sources of this kind are shared."""
    rows = select(share.c.space).join(source, share.c.source_id == source.c.id).where(source.c.kind == kind)
    return list(connection.scalars(rows.distinct().order_by(share.c.space)))


def allowed(connection: Connection, documents: Collection[int], scope: Scope) -> list[Allowed]:
    """Those of these documents that may be shown in a scope, now: the one question before anything is shown."""
    spaces = spaces_in(connection, documents, scope)
    rows = connection.execute(select(document.c.id, document.c.sha256).where(document.c.id.in_(list(spaces))))
    return [Allowed(row.id, row.sha256, spaces[row.id]) for row in rows.all()]


def gone(connection: Connection, documents: Collection[int]) -> set[int]:
    """Those of these documents that nobody shares any more, wherever."""
    ids = set(documents)
    rows = select(document.c.id).where(document.c.id.in_(ids), shared(document.c.id))
    return ids - set(connection.scalars(rows))


def sums_of(connection: Connection, documents: Collection[int]) -> dict[int, str]:
    """The SHA-256 of these documents, of those that are still there."""
    rows = connection.execute(select(document.c.id, document.c.sha256).where(document.c.id.in_(set(documents))))
    return {row.id: row.sha256 for row in rows}


def names_of(connection: Connection, documents: Collection[int]) -> dict[int, set[str]]:
    """All names that these documents have now, wherever; those that nobody shares any more are left out."""
    rows = select(source.c.document_id, share.c.name).join(share, share.c.source_id == source.c.id)
    found: dict[int, set[str]] = {}
    for row in connection.execute(rows.where(source.c.document_id.in_(set(documents)), live())):
        found.setdefault(row.document_id, set()).add(row.name)
    return found


def names_within(connection: Connection, documents: Collection[int], scope: Scope) -> dict[int, set[str]]:
    """All names that these documents have in a scope now. Not those of shares that are withheld or not shown yet."""
    rows = select(source.c.document_id, share.c.name).join(share, share.c.source_id == source.c.id)
    rows = rows.where(source.c.document_id.in_(set(documents)), live(), shown())
    if scope.spaces is not None:
        rows = rows.where(share.c.space.in_(sorted(scope.spaces)))
    found: dict[int, set[str]] = {}
    for row in connection.execute(rows):
        found.setdefault(row.document_id, set()).add(row.name)
    return found


def documents_named(connection: Connection, name: str) -> dict[str, str]:
    """The documents that somebody means by a path, an address, a fetcher's name for a file, a file name, or eight or
    more digits of a SHA-256: the name of each, by its SHA-256. Not those that are gone: they have no name any more."""
    ids = dict(sources.find_sources(connection, name))
    rows = select(source.c.id, document.c.sha256).join(document, document.c.id == source.c.document_id)
    return {row.sha256: ids[row.id] for row in connection.execute(rows.where(source.c.id.in_(ids)))}


def standings_in(connection: Connection, space: str) -> list[Standing]:
    """How everything shared in a space stands, of whatever kind, named as there; `ref` is empty."""
    return [
        Standing("", row.name, row.state, row.page, row.pages, row.reason, row.hint, row.document)
        for row in sources.settled(connection, space=space)
    ]


def standings(connection: Connection, kind: str, refs: Sequence[str], space: str) -> list[Standing]:
    """How these sources stand, in the order given, named as in this space; those not shared there are left out."""
    found: dict[str, Standing] = {}
    for start in range(0, len(refs), 5000):  # SQLite takes at most 32,766 bound values
        some = refs[start : start + 5000]
        rows = connection.execute(
            select(source.c.id, source.c.ref).where(
                source.c.kind == kind, source.c.ref.in_(some), source.c.state != "gone"
            )
        ).all()
        named = {row.id: row.ref for row in rows}
        for row in sources.settled(connection, list(named), space=space):
            ref = named[row.source]
            found[ref] = Standing(ref, row.name, row.state, row.page, row.pages, row.reason, row.hint, row.document)
    return [found[ref] for ref in refs if ref in found]
