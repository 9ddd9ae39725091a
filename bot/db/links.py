"""Which messages share a web page."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.db.tables import link


def put_link(connection: Connection, url: str, channel: str, ts: str, *, known: bool) -> None:
    """Record a message that shares a web page.

    `known`: the page is already shared there. If no message is recorded for it, an earlier version indexed it without
    recording one; that message is stored with an empty ts.
    """
    matching = (link.c.url == url) & (link.c.channel == channel)
    unrecorded = known and not connection.scalar(select(exists().where(matching)))
    for message in ("", ts) if unrecorded else (ts,):
        connection.execute(upsert(link).values(url=url, channel=channel, ts=message).on_conflict_do_nothing())


def drop_link(connection: Connection, url: str, channel: str, ts: str) -> bool:
    """Delete a message's URL. Return True if no other message of the conversation contains it."""
    matching = (link.c.url == url) & (link.c.channel == channel)
    if connection.execute(delete(link).where(matching, link.c.ts == ts)).rowcount == 0:
        connection.execute(delete(link).where(matching, link.c.ts == ""))
    return not connection.scalar(select(exists().where(matching)))


def drop_links(connection: Connection, channel: str, kept: Collection[str] = ()) -> None:
    """Delete the URLs of a conversation's messages, except those in `kept`."""
    urls = connection.scalars(select(link.c.url).where(link.c.channel == channel).distinct()).all()
    for url in set(urls) - set(kept):
        connection.execute(delete(link).where(link.c.channel == channel, link.c.url == url))


def channels_with_links(connection: Connection) -> list[str]:
    return list(connection.scalars(select(link.c.channel).distinct()))
