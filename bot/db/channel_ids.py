"""Rename a conversation whose id changed in every row that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Table, UniqueConstraint, and_, delete, exists, null, select, true, update

from bot.db import api_tokens, tables
from bot.db.jobs import JobKind
from rag import move_space

KEYED = (
    tables.message,
    tables.conversation,
    tables.question,
    tables.job,
    tables.access_log,
    tables.evidence,
    tables.feedback,
    tables.viewed_channel,
    tables.channel_setting,
)
"""Every table with a column `channel`. Lists in `access_log` and `question` name conversations, too."""


def move_channel(connection: Connection, old: str, new: str) -> None:
    """Rename a conversation in every table. A second call changes nothing more."""
    if old == new or not old or not new:
        return
    move_space(connection, old, new)
    for table in KEYED:
        _move(connection, table, old, new)
    _sweep_again(connection, new)
    _move_spaces(connection, old, new)
    api_tokens.move_space(connection, old, new)
    _move_messages(connection, old, new)


def _move(connection: Connection, table: Table, old: str, new: str) -> None:
    """Rename the conversation in one table. Where both ids have a row with the same key, keep the row of the old id,
    which holds the progress of the work."""
    channel = table.c.channel
    for key in _keys(table):
        other = table.alias()
        same_key = and_(true(), *(other.c[part.name] == table.c[part.name] for part in key if part is not channel))
        is_duplicate = exists().where(other.c.channel == old, same_key)
        connection.execute(delete(table).where(channel == new, is_duplicate))
    connection.execute(update(table).where(channel == old).values(channel=new))


def _keys(table: Table) -> list[list[Column[Any]]]:
    """Return the unique keys of a table that its conversation is part of."""
    unique = [list(item.columns) for item in table.constraints if isinstance(item, UniqueConstraint)]
    return [key for key in [list(table.primary_key.columns), *unique] if table.c.channel in key]


def _sweep_again(connection: Connection, new: str) -> None:
    """Make sweeps of the conversation due now: a running one asks Slack for the old id."""
    job = tables.job
    sweeps = (JobKind.SWEEP_CHANNEL, JobKind.SWEEP_FILES, JobKind.SWEEP_MESSAGES)
    matching = job.c.kind.in_(sweeps) & (job.c.channel == new)
    connection.execute(update(job).where(matching).values(next_try=0, revision=job.c.revision + 1))


def _move_spaces(connection: Connection, old: str, new: str) -> None:
    """Rename the conversation in the access log's lists of where a document was shared."""
    log = tables.access_log
    for row in connection.execute(select(log.c.id, log.c.spaces)).all():
        if old in row.spaces:
            spaces = list(dict.fromkeys(new if space == old else space for space in row.spaces))
            connection.execute(update(log).where(log.c.id == row.id).values(spaces=spaces))


def _move_messages(connection: Connection, old: str, new: str) -> None:
    """Rename the conversation in questions that refer to a message."""
    question = tables.question
    rows = select(question.c.id, question.c.about, question.c.refers_to)
    given = question.c.about.is_not(None) | question.c.refers_to.is_not(None)
    for row in connection.execute(rows.where(given)).all():
        about, refers_to = _renamed(row.about, old, new), [_renamed(each, old, new) for each in row.refers_to or ()]
        if (about, refers_to) != (row.about, row.refers_to or []):
            changed = {"about": about or null(), "refers_to": refers_to or null()}
            connection.execute(update(question).where(question.c.id == row.id).values(**changed))


def _renamed(about: Mapping[str, Any] | None, old: str, new: str) -> Mapping[str, Any] | None:
    return {**about, "channel": new} if about and about.get("channel") == old else about
