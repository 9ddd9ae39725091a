"""What each person was notified of already, so that it is said once, even after a restart."""

from __future__ import annotations

from time import time

from sqlalchemy import Connection, delete, func, select

from bot.db.tables import notice
from rag import upsert


def put_notice(connection: Connection, user: str, subject: str) -> bool:
    """Record that a person is notified of something. Return False if they were notified before."""
    new = upsert(notice).values(user=user, subject=subject, at=time()).on_conflict_do_nothing()
    return connection.execute(new).rowcount == 1


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(notice)) or 0


def expire(connection: Connection, before: float) -> None:
    """Delete what was said before this time, in seconds since 1970. It may be said again then."""
    connection.execute(delete(notice).where(notice.c.at < before))
