"""How much work waits to be indexed, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from rag.catalog.scope import has_share
from rag.catalog.states import OPEN_EXTRACTION, SourceState
from rag.catalog.tables import document, extraction, source


@dataclass(frozen=True, slots=True)
class Backlog:
    """Files that wait, or that are worked on: `to_fetch` their bytes are unknown, `to_read` their pages.

    `waiting_since` is when the oldest of them was queued, in seconds since 1970; None if there is none. Files that are
    searchable and are read again by a newer version count in `to_read` only.
    """

    to_fetch: int
    to_read: int
    waiting_since: float | None


def read_backlog(connection: Connection) -> Backlog:
    """Return the work that waits to be indexed."""
    fetched = source.c.state.in_([SourceState.WAITING, SourceState.FETCHING])
    to_fetch, first_source = connection.execute(
        select(func.count(), func.min(source.c.queued_at)).select_from(source).where(fetched)
    ).one()
    waits = extraction.c.state.in_(OPEN_EXTRACTION) & has_share(extraction.c.document_id)
    to_read = connection.scalar(select(func.count()).select_from(extraction).where(waits)) or 0
    new = select(func.min(extraction.c.queued_at)).join(document, document.c.extraction_id == extraction.c.id)
    since = [at for at in (first_source, connection.scalar(new.where(waits))) if at]
    return Backlog(int(to_fetch), to_read, min(since, default=None))
