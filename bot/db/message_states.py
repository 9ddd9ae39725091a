"""The revision of each recent message, which orders the events about it however they arrive."""

from __future__ import annotations

from enum import Enum
from math import floor
from time import time

from sqlalchemy import Connection, delete, exists, func, select

from bot.db.tables import message
from rag import upsert


class Age(Enum):
    """How a state of a message compares with what is recorded."""

    OLD = "older, or the message was deleted"
    SAME = "the same"
    NEW = "newer, or the first"


def advance(connection: Connection, channel: str, ts: str, revision: float, *, listed: bool = False) -> Age:
    """Record that a message is in the state of this revision, unless what is recorded is newer.

    The same revision may be recorded several times: one payload may have what another lacks. `listed`: the state was
    read from the history, which gives edits in whole seconds.
    """
    known = connection.execute(select(message).where(message.c.channel == channel, message.c.ts == ts)).one_or_none()
    if known is not None and known.deleted:
        return Age.OLD
    if known is not None and known.revision > revision:
        return Age.SAME if listed and floor(known.revision) <= revision else Age.OLD
    new = upsert(message).values(channel=channel, ts=ts, revision=revision, at=time())
    connection.execute(new.on_conflict_do_update(index_elements=["channel", "ts"], set_={"revision": revision}))
    return Age.SAME if known is not None and known.revision == revision else Age.NEW


def put_deletion(connection: Connection, channel: str, ts: str) -> None:
    """Record that a message was deleted, even if it is not known yet."""
    new = upsert(message).values(channel=channel, ts=ts, revision=0.0, deleted=True, at=time())
    connection.execute(
        new.on_conflict_do_update(index_elements=["channel", "ts"], set_={"deleted": True, "at": time()})
    )


def is_known(connection: Connection, channel: str, ts: str) -> bool:
    """Return whether a message, or its deletion, was recorded."""
    rows = select(exists().where(message.c.channel == channel, message.c.ts == ts))
    return bool(connection.scalar(rows))


def is_deleted(connection: Connection, channel: str, ts: str) -> bool:
    rows = select(message.c.deleted).where(message.c.channel == channel, message.c.ts == ts)
    return bool(connection.scalar(rows))


def expire(connection: Connection, before: float) -> None:
    """Delete what was recorded before this time, in seconds since 1970: Slack delivers no event that late."""
    connection.execute(delete(message).where(message.c.at < before))


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(message)) or 0
