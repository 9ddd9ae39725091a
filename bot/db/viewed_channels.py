"""The channel that each person looks at beside their direct message with Magpie: only the last one, for an hour."""

from __future__ import annotations

from time import time

from sqlalchemy import Connection, delete, func, select

from bot.db.tables import viewed_channel
from rag import upsert

_CURRENT = 3600.0
"""Seconds for which a person counts as looking at a channel: the event that they left it may be lost."""


def put_viewed_channel(connection: Connection, user: str, channel: str) -> None:
    """Record the channel that a person looks at; empty: none."""
    if not channel:
        delete_viewed_channel(connection, user)
        return
    values = {"channel": channel, "at": time()}
    new = upsert(viewed_channel).values(user=user, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["user"], set_=values))


def find_viewed_channel(connection: Connection, user: str) -> str:
    """Return the channel that a person looks at; empty if it is not known."""
    matching = (viewed_channel.c.user == user) & (viewed_channel.c.at > time() - _CURRENT)
    return str(connection.scalar(select(viewed_channel.c.channel).where(matching)) or "")


def delete_viewed_channel(connection: Connection, user: str) -> None:
    connection.execute(delete(viewed_channel).where(viewed_channel.c.user == user))


def expire(connection: Connection) -> None:
    """Delete what is not current any more."""
    connection.execute(delete(viewed_channel).where(viewed_channel.c.at < time() - _CURRENT))


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(viewed_channel)) or 0
