"""States of files beyond their shares: sent as a question, wanted in the index, departed, removed from a message."""

from __future__ import annotations

from time import time

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.db.tables import departed, queried, removed, wanted


def put_query(connection: Connection, file: str, channel: str) -> None:
    """Record that a picture was sent as a question in a conversation."""
    connection.execute(upsert(queried).values(file=file, channel=channel).on_conflict_do_nothing())


def is_query(connection: Connection, file: str, channel: str) -> bool:
    rows = exists().where(queried.c.file == file, queried.c.channel == channel)
    return bool(connection.scalar(select(rows)))


def drop_query(connection: Connection, file: str, channel: str) -> None:
    connection.execute(delete(queried).where(queried.c.file == file, queried.c.channel == channel))


def put_wanted(connection: Connection, file: str, channel: str) -> None:
    """Record that a person asked to index a file in a conversation. It is no longer treated as a question there."""
    drop_query(connection, file, channel)
    connection.execute(upsert(wanted).values(file=file, channel=channel).on_conflict_do_nothing())


def is_wanted(connection: Connection, file: str, channel: str | None = None) -> bool:
    """Return whether a person asked to index a file in a conversation; None: in any conversation."""
    return bool(connection.scalar(select(exists().where(_is_wanted_in(file, channel)))))


def drop_wanted(connection: Connection, file: str, channel: str | None) -> None:
    """Undo `put_wanted` in a conversation; None: in all of them."""
    connection.execute(delete(wanted).where(_is_wanted_in(file, channel)))


def _is_wanted_in(file: str, channel: str | None) -> ColumnElement[bool]:
    matching = wanted.c.file == file
    return matching if channel is None else matching & (wanted.c.channel == channel)


def put_departure(connection: Connection, file: str, channel: str, at: float) -> None:
    """Record that a file left a conversation (empty: all of them) at this time, seconds since 1970."""
    new = upsert(departed).values(file=file, channel=channel, at=at)
    later = func.max(departed.c.at, new.excluded.at)
    connection.execute(new.on_conflict_do_update(index_elements=["file", "channel"], set_={"at": later}))


def departed_at(connection: Connection, file: str, channel: str) -> float | None:
    """Return when a file last left this conversation; None if it did not. A file deleted everywhere is not included."""
    rows = select(departed.c.at).where(departed.c.file == file, departed.c.channel == channel)
    found = connection.scalar(rows)
    return None if found is None else float(found)


def has_departed(connection: Connection, file: str, channel: str, since: float) -> bool:
    """Return whether a file left a conversation at or after this time, seconds since 1970."""
    matching = (departed.c.file == file) & departed.c.channel.in_(["", channel])
    return bool(connection.scalar(select(exists().where(matching, departed.c.at >= since))))


def drop_departure(connection: Connection, file: str, channel: str, at: float) -> bool:
    """Undo the departure at this time, because Slack lists the file there. Return False if it has left again since."""
    matching = (departed.c.file == file) & (departed.c.channel == channel)
    deleted = connection.execute(delete(departed).where(matching, departed.c.at == at)).rowcount
    return deleted == 1 or departed_at(connection, file, channel) is None


def put_removal(connection: Connection, file: str, channel: str, ts: str) -> None:
    """Record that a message no longer shares a file."""
    new = upsert(removed).values(file=file, channel=channel, ts=ts, at=time())
    connection.execute(new.on_conflict_do_nothing())


def removed_from(connection: Connection, file: str, channel: str) -> set[str]:
    """Return the ts of the messages of a conversation that no longer share a file."""
    rows = select(removed.c.ts).where(removed.c.file == file, removed.c.channel == channel)
    return set(connection.scalars(rows))


def expire_departures(connection: Connection, older_than: float) -> None:
    """Delete departures and removals older than this many seconds."""
    for table in (departed, removed):
        connection.execute(delete(table).where(table.c.at < time() - older_than))
