"""Documents by their shares: which may be shown in a scope, which are not shared, and what they are called."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from rag.catalog.scope import has_share, is_live, shares_in, spaces_in
from rag.catalog.sources import find_sources
from rag.catalog.states import LIVE
from rag.catalog.tables import document, share, source
from rag.model import Scope


@dataclass(frozen=True, slots=True)
class AllowedDocument:
    """A document that may be shown in a scope, and the spaces of the scope that it is shared in."""

    document: int
    sha256: str
    spaces: tuple[str, ...]


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
    rows = rows.where(source.c.document_id.in_(set(documents)), is_live(), share.c.state.in_(LIVE))
    return _by_document(connection.execute(rows))


def names_within(connection: Connection, documents: Collection[int], scope: Scope) -> dict[int, set[str]]:
    """Return all names that these documents have in a scope now, without those of shares that are not visible."""
    rows = select(source.c.document_id, share.c.name).join(share, share.c.source_id == source.c.id)
    rows = rows.where(source.c.document_id.in_(set(documents)), is_live(), *shares_in(scope))
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
