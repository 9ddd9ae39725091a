"""Which messages share a web page."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.db.tables import link


def put_link(connection: Connection, url: str, channel: str, ts: str, *, known: bool) -> None:
    """Record a message that shares a web page.

    `known`: the page is already shared there. A message that an earlier version did not record may have shared it; it
    counts as a message without a ts.
    """
    mine = (link.c.url == url) & (link.c.channel == channel)
    unrecorded = known and not connection.scalar(select(exists().where(mine)))
    for each in ("", ts) if unrecorded else (ts,):
        connection.execute(upsert(link).values(url=url, channel=channel, ts=each).on_conflict_do_nothing())


def drop_link(connection: Connection, url: str, channel: str, ts: str) -> bool:
    """Delete a message's URL. Return whether no other message of the conversation has it."""
    mine = (link.c.url == url) & (link.c.channel == channel)
    if connection.execute(delete(link).where(mine, link.c.ts == ts)).rowcount == 0:
        connection.execute(delete(link).where(mine, link.c.ts == ""))
    return not connection.scalar(select(exists().where(mine)))


def drop_links(connection: Connection, channel: str, kept: Collection[str] = ()) -> None:
    """Delete the URLs of a conversation's messages, except those in `kept`."""
    there = connection.scalars(select(link.c.url).where(link.c.channel == channel).distinct()).all()
    for url in set(there) - set(kept):
        connection.execute(delete(link).where(link.c.channel == channel, link.c.url == url))


def channels_with_links(connection: Connection) -> list[str]:
    return list(connection.scalars(select(link.c.channel).distinct()))
