"""Times in the catalog until which something waits. They are times of the machine's clock, which may be set back."""

from __future__ import annotations

from sqlalchemy import Connection, update

from rag.catalog.tables import extraction, outage, share, source

_COLUMNS = (source.c.retry_at, extraction.c.retry_at, outage.c.until, share.c.visible_from)
"""0: nothing waits."""


def move_delays(connection: Connection, seconds: float) -> None:
    """Move all these times by so many seconds, because the machine's clock was set by as many."""
    for column in _COLUMNS:
        connection.execute(update(column.table).where(column > 0).values({column: column + seconds}))


def cap_delays(connection: Connection, latest: float, to: float) -> None:
    """Set what waits longer than until `latest` to `to`: the clock was ahead when it was recorded."""
    for column in _COLUMNS:
        connection.execute(update(column.table).where(column > latest).values({column: to}))
