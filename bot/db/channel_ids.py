"""A conversation that changed its id: every row that names it is rewritten, in the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, UniqueConstraint, and_, delete, exists, select, true, update

from bot.access import access_log
from bot.answers import queue
from bot.answers.feedback import feedback
from bot.db import tables
from bot.db.ephemeral_messages import aside
from rag import move_space

KEYED = (
    tables.queried,
    tables.wanted,
    tables.departed,
    tables.removed,
    tables.linked,
    tables.conversation,
    tables.receipt,
    queue.question,
    access_log.access,
    access_log.evidence,
    aside,
    feedback,
)
"""Every table with a column `channel`. `errand` and a list in `access` name conversations in other ways."""


def move_channel(connection: Connection, old: str, new: str) -> None:
    """Let everything known of one conversation be known of another. Called twice, it changes nothing more."""
    if old == new or not old or not new:
        return
    move_space(connection, old, new)
    _merge_departures(connection, old, new)
    for table in KEYED:
        _move(connection, table, old, new)
    _move_errands(connection, old, new)
    _move_spaces(connection, old, new)
    _move_messages(connection, old, new)


def _move(connection: Connection, table: Table, old: str, new: str) -> None:
    """Where both ids have a row of the same key, the older one stays: it knows how far things came."""
    channel = table.c.channel
    for key in _keys(table):
        other = table.alias()
        rest = and_(true(), *(other.c[each.name] == table.c[each.name] for each in key if each is not channel))
        twice = exists().where(other.c.channel == old, rest)
        connection.execute(delete(table).where(channel == new, twice))
    connection.execute(update(table).where(channel == old).values(channel=new))


def _keys(table: Table) -> list[list[Column[Any]]]:
    """The unique keys of a table that its conversation is part of."""
    unique = [list(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    return [key for key in [list(table.primary_key.columns), *unique] if table.c.channel in key]


def _merge_departures(connection: Connection, old: str, new: str) -> None:
    """The last departure counts, under whichever id it was recorded."""
    departed = tables.departed
    for row in connection.execute(select(departed).where(departed.c.channel == new)).all():
        earlier = (departed.c.file == row.file) & (departed.c.channel == old) & (departed.c.at < row.at)
        connection.execute(update(departed).where(earlier).values(at=row.at))


def _move_errands(connection: Connection, old: str, new: str) -> None:
    errand = tables.errand
    if connection.execute(delete(errand).where(errand.c.kind == "channel", errand.c.ref == old)).rowcount:
        tables.send_errand(connection, "channel", new)


def _move_spaces(connection: Connection, old: str, new: str) -> None:
    """The log of access lists the conversations that a document was shared in."""
    access = access_log.access
    for row in connection.execute(select(access.c.id, access.c.spaces)).all():
        if old in row.spaces:
            spaces = list(dict.fromkeys(new if each == old else each for each in row.spaces))
            connection.execute(update(access).where(access.c.id == row.id).values(spaces=spaces))


def _move_messages(connection: Connection, old: str, new: str) -> None:
    """What is asked about a message says where the message is."""
    for table in (queue.question, aside):
        for row in connection.execute(select(table.c.id, table.c.about).where(table.c.about.is_not(None))).all():
            if (row.about or {}).get("channel") == old:
                about = {**row.about, "channel": new}
                connection.execute(update(table).where(table.c.id == row.id).values(about=about))
