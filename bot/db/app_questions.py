"""Questions that other apps ask: which apps were refused, and whether an app follows another one."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from bot.db.questions import REFUSED_APP, seconds_of
from bot.db.tables import question
from bot.slack.events import Question

_APART = 60.0
"""Seconds between two questions of apps outside threads that are answered in one channel."""


def was_app_refused(connection: Connection, channel: str, app: str) -> bool:
    """Return whether a question of this app in this channel was refused because apps are not answered."""
    matching = (question.c.channel == channel) & (question.c.kind == REFUSED_APP)
    return bool(connection.scalar(select(exists().where(matching, question.c.about["app"].as_string() == app))))


def follows_app(connection: Connection, asked: Question) -> bool:
    """Return whether a reply to this question of an app would follow a reply to an app.

    In a thread, if the last question there was an app's; at its top level, if an app asked in the channel a minute ago.
    """
    rows = select(question.c.about, question.c.asked_at).where(question.c.channel == asked.channel)
    rows = rows.where(question.c.ts != asked.ts, question.c.kind.in_(["ask", REFUSED_APP]))
    if asked.thread != asked.ts:
        last = connection.execute(rows.where(question.c.thread == asked.thread).order_by(question.c.asked_at.desc()))
        row = last.first()
        return row is not None and "app" in (row.about or {})
    since = seconds_of(asked.ts) - _APART
    recent = connection.execute(rows.where(question.c.asked_at >= since)).all()
    return any("app" in (row.about or {}) for row in recent)
