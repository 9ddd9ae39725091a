"""A conversation that changed its id: every row that names it is rewritten, in the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, UniqueConstraint, and_, delete, exists, select, true, update

from bot.db import tables
from bot.db.jobs import JobKind
from rag import move_space

KEYED = (
    tables.queried,
    tables.wanted,
    tables.departed,
    tables.removed,
    tables.link,
    tables.conversation,
    tables.question,
    tables.job,
    tables.access_log,
    tables.evidence,
    tables.feedback,
)
"""Every table with a column `channel`. Lists in `access_log` and `question` name conversations, too."""


def move_channel(connection: Connection, old: str, new: str) -> None:
    """Rename a conversation in every table. A second call changes nothing more."""
    if old == new or not old or not new:
        return
    move_space(connection, old, new)
    _merge_departures(connection, old, new)
    for table in KEYED:
        _move(connection, table, old, new)
    _sweep_again(connection, new)
    _move_spaces(connection, old, new)
    _move_messages(connection, old, new)


def _move(connection: Connection, table: Table, old: str, new: str) -> None:
    """Where both ids have a row of the same key, keep the older one, which knows the progress of the work."""
    channel = table.c.channel
    for key in _keys(table):
        other = table.alias()
        rest = and_(true(), *(other.c[each.name] == table.c[each.name] for each in key if each is not channel))
        twice = exists().where(other.c.channel == old, rest)
        connection.execute(delete(table).where(channel == new, twice))
    connection.execute(update(table).where(channel == old).values(channel=new))


def _keys(table: Table) -> list[list[Column[Any]]]:
    """Return the unique keys of a table that its conversation is part of."""
    unique = [list(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    return [key for key in [list(table.primary_key.columns), *unique] if table.c.channel in key]


def _merge_departures(connection: Connection, old: str, new: str) -> None:
    """Keep the last departure of each file, whichever id it was recorded under."""
    departed = tables.departed
    for row in connection.execute(select(departed).where(departed.c.channel == new)).all():
        earlier = (departed.c.file == row.file) & (departed.c.channel == old) & (departed.c.at < row.at)
        connection.execute(update(departed).where(earlier).values(at=row.at))


def _sweep_again(connection: Connection, new: str) -> None:
    """Make a sweep of the conversation due at once: one that is running asks Slack for the old id."""
    job = tables.job
    mine = (job.c.kind == JobKind.SWEEP_CHANNEL) & (job.c.channel == new)
    connection.execute(update(job).where(mine).values(next_try=0, revision=job.c.revision + 1))


def _move_spaces(connection: Connection, old: str, new: str) -> None:
    """Rename it in the access log's lists of the conversations that a document was shared in."""
    log = tables.access_log
    for row in connection.execute(select(log.c.id, log.c.spaces)).all():
        if old in row.spaces:
            spaces = list(dict.fromkeys(new if each == old else each for each in row.spaces))
            connection.execute(update(log).where(log.c.id == row.id).values(spaces=spaces))


def _move_messages(connection: Connection, old: str, new: str) -> None:
    """Rename it in questions about a message, which say where the message is."""
    question = tables.question
    for row in connection.execute(select(question.c.id, question.c.about).where(question.c.about.is_not(None))).all():
        if (row.about or {}).get("channel") == old:
            about = {**row.about, "channel": new}
            connection.execute(update(question).where(question.c.id == row.id).values(about=about))
