"""The time until which each conversation was searched for missed questions."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.db.tables import conversation


def checked_until(connection: Connection, channel: str) -> float | None:
    """Return the time until which a conversation was searched for missed questions; None: never searched."""
    found = connection.scalar(select(conversation.c.checked_until).where(conversation.c.channel == channel))
    return None if found is None else float(found)


def set_checked_until(connection: Connection, channel: str, until: float) -> None:
    new = upsert(conversation).values(channel=channel, checked_until=until)
    connection.execute(new.on_conflict_do_update(index_elements=["channel"], set_={"checked_until": until}))
