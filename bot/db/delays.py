"""Times in the bot's tables until which something waits: of the machine's clock, which may be set back."""

from __future__ import annotations

from sqlalchemy import Connection, update

from bot.db.tables import job, question

_COLUMNS = (job.c.next_try, question.c.next_try)
"""0: due now."""


def move(connection: Connection, seconds: float) -> None:
    """Move all these times by so many seconds, because the machine's clock was set by as many."""
    for column in _COLUMNS:
        connection.execute(update(column.table).where(column > 0).values({column: column + seconds}))


def move_ages(connection: Connection, seconds: float) -> None:
    """Move the times at which jobs were requested; those of questions are Slack's."""
    connection.execute(update(job).values(created=job.c.created + seconds))


def cap(connection: Connection, latest: float, to: float) -> None:
    """Set what waits longer than until `latest` to `to`: the clock was ahead when it was recorded."""
    for column in _COLUMNS:
        connection.execute(update(column.table).where(column > latest).values({column: to}))
