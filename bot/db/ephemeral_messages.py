"""What one person alone is to be told or shown: rows, so that no listener waits for it and a restart loses none of it.

Every function works in the caller's transaction. A row goes when it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from bot.db.tables import metadata
from rag import Rounds

SAY, FIND, STATUS, HOME, SIMILAR, INDEX = "say", "find", "status", "home", "similar", "index"

LASTS = 25 * 60.0
"""Seconds after which nobody waits for it; a response_url ends after half an hour."""

aside = Table(
    "aside",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(8), nullable=False, doc="say, find, status, home, similar, index"),
    Column("channel", String(32), nullable=False),
    Column("user", String(32), nullable=False),
    Column("thread", String(32), nullable=False, doc="empty: under none"),
    Column("text", Text, nullable=False, doc="what is said, or looked for"),
    Column("about", JSON, doc="the message that a shortcut was used on"),
    Column("url", Text, nullable=False, doc="response_url: for conversations that Magpie is not in"),
    Column("at", Float, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try", Float, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Aside:
    """`id`, `at` and `attempts` are the row's."""

    kind: str
    channel: str
    user: str
    text: str = ""
    thread: str = ""
    url: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    at: float = 0.0
    attempts: int = 0


def put_aside(connection: Connection, new: Aside) -> None:
    """Somebody's Home is shown anew once, however often they opened it."""
    if new.kind == HOME:
        connection.execute(delete(aside).where(aside.c.kind == HOME, aside.c.user == new.user, aside.c.attempts == 0))
    values = {"kind": new.kind, "channel": new.channel, "user": new.user, "text": new.text, "thread": new.thread}
    connection.execute(insert(aside).values(**values, url=new.url, about=dict(new.about) or None, at=time()))


def put_limited(connection: Connection, new: Aside, most: int, refusal: str) -> bool:
    """Record it unless this person has `most` waiting (0: no limit); else say `refusal` once, and return False."""
    mine = select(func.count()).select_from(aside).where(aside.c.user == new.user)
    if not most or (connection.scalar(mine) or 0) < most:
        put_aside(connection, new)
        return True
    say_once(connection, Aside(SAY, new.channel, new.user, refusal, new.thread, new.url))
    return False


def say_once(connection: Connection, new: Aside) -> None:
    """Record what is to be said, unless the same is to be said to this person already."""
    same = (aside.c.kind == SAY) & (aside.c.user == new.user) & (aside.c.text == new.text)
    if not connection.scalar(select(exists().where(same))):
        put_aside(connection, new)


def due_aside(connection: Connection, rounds: Rounds | None = None) -> Aside | None:
    """The one to do next, of whoever was told something longest ago. It stays until `end_aside`, so that a killed
    process does it again."""
    rounds = rounds or Rounds()
    due = aside.c.next_try <= time()
    people = select(aside.c.user).where(due).group_by(aside.c.user).order_by(func.min(aside.c.id))
    for who in rounds.order(connection.scalars(people).all())[:1]:
        due = due & (aside.c.user == who)
    rows = select(aside).where(due).order_by(aside.c.next_try, aside.c.id).limit(1)
    row = connection.execute(rows).one_or_none()
    if row is None:
        return None
    rounds.serve(row.user)
    about = dict(row.about or {})
    return Aside(row.kind, row.channel, row.user, row.text, row.thread, row.url, about, row.id, row.at, row.attempts)


def delay_aside(connection: Connection, id: int, wait: float) -> None:
    changed = {"next_try": time() + wait, "attempts": aside.c.attempts + 1}
    connection.execute(update(aside).where(aside.c.id == id).values(**changed))


def end_aside(connection: Connection, id: int) -> None:
    connection.execute(delete(aside).where(aside.c.id == id))


def open_asides(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(aside)) or 0
