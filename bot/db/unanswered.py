"""Questions whose answer said that nothing was found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select, true

from bot.db.questions import QuestionState
from bot.db.tables import question
from bot.slack.buttons import AGAIN
from rag import is_any_of

NOT_FOUND = "not_found"
_FOUND = ("answered", "passages", "pages", "files")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """One question, without its person. `text` has placeholders for mentions."""

    id: int
    channel: str
    ts: str
    thread: str
    text: str
    asked_at: float


def list_unanswered(
    connection: Connection, channels: Collection[str] | None = None, since: float = 0.0
) -> list[Unanswered]:
    """Return the questions without an answer, newest first; not those that a button asked again with more success.

    `channels`: only those asked there; None: in all conversations, direct messages too. `since`: seconds since 1970.
    """
    is_ended = (question.c.state == QuestionState.DONE) & question.c.cancellation.is_(None) & (question.c.text != "")
    is_unanswered = (question.c.kind == "ask") & (question.c.outcome == NOT_FOUND) & (question.c.asked_at >= since)
    where = true() if channels is None else is_any_of(question.c.channel, channels)
    rows = connection.execute(select(question).where(is_ended, is_unanswered, where).order_by(question.c.id.desc()))
    answered = _answered_again(connection)
    return [
        Unanswered(row.id, row.channel, row.ts, row.thread, row.text, row.asked_at)
        for row in rows
        if (row.channel, row.ts) not in answered
    ]


def _answered_again(connection: Connection) -> set[tuple[str, str]]:
    """Return (channel, ts) of the questions that were answered when they were asked again by a button."""
    is_answered = (question.c.kind == AGAIN) & question.c.outcome.in_(_FOUND)
    rows = connection.execute(select(question.c.channel, question.c.about).where(is_answered))
    return {(row.channel, str((row.about or {}).get("of", ""))) for row in rows}
