"""When each conversation was swept, and how active it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, func, select

from bot.db.tables import conversation, message
from rag import greatest, upsert


@dataclass(frozen=True, slots=True)
class SweepState:
    """When a conversation was swept, in seconds since 1970; 0: never. The fields are the columns of the table."""

    channel: str
    checked_until: float = 0.0
    files_until: float = 0.0
    reconciled_at: float = 0.0
    reviewed_at: float = 0.0
    requested_at: float = 0.0
    active_at: float = 0.0
    first_read_at: float = 0.0


def find(connection: Connection, channel: str) -> SweepState:
    """Return when a conversation was swept."""
    row = connection.execute(select(conversation).where(conversation.c.channel == channel)).one_or_none()
    return SweepState(channel) if row is None else SweepState(*row)


def list_all(connection: Connection) -> dict[str, SweepState]:
    """Return when each known conversation was swept. Messages that arrived by events count as activity."""
    newest = select(message.c.channel, func.max(message.c.at)).group_by(message.c.channel)
    arrived: dict[str, float] = {row[0]: row[1] for row in connection.execute(newest)}
    found = {}
    for row in connection.execute(select(conversation)):
        active = max(row.active_at, arrived.get(row.channel, 0.0))
        found[row.channel] = replace(SweepState(*row), active_at=active)
    return found


def put(connection: Connection, channel: str, *, active_at: float = 0.0, **times: float) -> None:
    """Record times of a sweep. `active_at` counts if it is later than the recorded one."""
    new = upsert(conversation).values(channel=channel, **{"checked_until": 0.0, "active_at": active_at, **times})
    later = greatest(conversation.c.active_at, new.excluded.active_at)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={**times, "active_at": later}))


def request_complete(connection: Connection, channels: Iterable[str], at: float) -> None:
    """Record that these conversations need complete sweeps, because events may have been lost."""
    for channel in channels:
        put(connection, channel, requested_at=at)


def drop(connection: Connection, channel: str) -> None:
    """Forget a conversation that Magpie left: if it joins again, it starts anew."""
    connection.execute(delete(conversation).where(conversation.c.channel == channel))
