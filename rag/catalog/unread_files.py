"""Files that cannot be searched yet: they wait to be read, or are being read."""

from __future__ import annotations

from collections.abc import Collection
from time import time

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from rag.catalog.any_of import is_any_of
from rag.catalog.shared_documents import SharedFile, list_shares_in
from rag.catalog.states import OPEN_EXTRACTION, ShareState, SourceState
from rag.catalog.statuses import list_statuses
from rag.catalog.tables import attachment, extraction, share, source
from rag.model.operations import IndexState
from rag.model.search import Scope

MAX_UNREAD = 1000
"""Files of one scope that are looked at."""

_UNREAD = (IndexState.WAITING, IndexState.READING)


def list_unread_files(connection: Connection, scope: Scope) -> list[SharedFile]:
    """Return the files of a scope that are not read yet, newest first, each once, at most MAX_UNREAD.

    The states are those of `list_shared_files`.
    """
    found = list_shares_in(connection, scope, or_(_may_be_unread(), share.c.visible_from > time()), MAX_UNREAD)
    return list({(file.kind, file.ref): file for file in reversed(found) if file.state in _UNREAD}.values())[::-1]


def has_unread(connection: Connection, files: Collection[tuple[str, str]]) -> bool:
    """Return whether any of these files, by (kind, ref), is not read yet. One that failed or is gone does not count."""
    by_kind: dict[str, list[str]] = {}
    for kind, ref in files:
        by_kind.setdefault(kind, []).append(ref)
    for kind, refs in by_kind.items():
        named = (source.c.kind == kind) & is_any_of(source.c.ref, refs)
        hidden = exists().where(
            share.c.source_id == source.c.id, share.c.state == ShareState.SHARED, share.c.visible_from > time()
        )
        if connection.scalar(select(exists().where(named, hidden))):
            return True
        ids = connection.scalars(select(source.c.id).where(named, _may_be_unread())).all()
        if any(status.state in _UNREAD for status in list_statuses(connection, ids)):
            return True
    return False


def _may_be_unread() -> ColumnElement[bool]:
    """Return a condition that every source meets which is not read yet.

    One whose document is being extracted again, and can be searched meanwhile, meets it too.
    """
    unfetched = source.c.state.in_([SourceState.WAITING, SourceState.FETCHING])
    is_open = extraction.c.state.in_(OPEN_EXTRACTION)
    own = exists().where(extraction.c.document_id == source.c.document_id, is_open)
    inside = exists().where(
        attachment.c.document_id == source.c.document_id,
        extraction.c.document_id == attachment.c.attached_id,
        is_open,
    )
    return or_(unfetched, own, inside)
