"""The streamed message in which an answer grows beside its placeholder."""

from __future__ import annotations

from sqlalchemy import Connection, or_, update

from bot.db.questions import ClaimedQuestion, has_any
from bot.db.tables import question


def store_stream(connection: Connection, claimed: ClaimedQuestion, ts: str | None) -> None:
    """Store the ts of the streamed message, for every revision; empty: it is being created, None: there is none."""
    connection.execute(update(question).where(question.c.id == claimed.id).values(stream=ts))


def finish_stream(connection: Connection, claimed: ClaimedQuestion, ts: str) -> None:
    """Make the streamed message the one that becomes the answer, in place of the placeholder."""
    values = {"placeholder": ts, "stream": None}
    connection.execute(update(question).where(question.c.id == claimed.id).values(**values))


def is_answer(connection: Connection, channel: str, ts: str) -> bool:
    """Return whether a message is the placeholder or the streamed message of a question."""
    is_either = or_(question.c.placeholder == ts, question.c.stream == ts)
    return has_any(connection, question.c.channel == channel, is_either)
