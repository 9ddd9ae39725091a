"""Events that Slack delivered. Slack delivers an event again if it receives no acknowledgment."""

from __future__ import annotations

from time import time

from sqlalchemy import Connection, delete

from bot.db.tables import delivery
from rag import upsert


def put_delivery(connection: Connection, event_id: str) -> bool:
    """Record a delivery. Return False when the event was delivered before."""
    added = connection.execute(upsert(delivery).values(event_id=event_id, at=time()).on_conflict_do_nothing())
    return added.rowcount == 1


def expire_deliveries(connection: Connection, before: float) -> None:
    """Delete deliveries from before this time, seconds since 1970. Slack redelivers for minutes, delayed events for a
    day."""
    connection.execute(delete(delivery).where(delivery.c.at < before))
