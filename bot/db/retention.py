"""Personal data in all tables: count it, delete what is too old, and delete a person's data on request."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, delete, func, or_, select, true, union

from bot.db import api_tokens, channel_settings, jobs, notices, receipts, viewed_channels
from bot.db.jobs import JobKind
from bot.db.questions import ENDED
from bot.db.tables import (
    access_log,
    conversation,
    delivery,
    evidence,
    feedback,
    job,
    message,
    notice,
    question,
    upload,
    workspace,
)


def expire(connection: Connection, before: float) -> None:
    """Delete questions, receipts, notices, feedback and the access log from before this time, seconds since 1970, and
    tokens that ended before it."""
    for table in (access_log, feedback):
        connection.execute(delete(table).where(table.c.at < before))
    connection.execute(delete(question).where(question.c.state.in_(ENDED), question.c.asked_at < before))
    receipts.expire(connection, before)
    notices.expire(connection, before)
    api_tokens.expire(connection, before)
    viewed_channels.expire(connection)


def forget_user(connection: Connection, user: str, channel: str = "") -> int:
    """Delete a person's questions, receipts and feedback in one conversation (empty: in all, and their tokens).

    Feedback of others on answers to this person is deleted too. Return the number of deleted questions.
    """

    def in_channel(table: Table) -> ColumnElement[bool]:
        return (table.c.channel == channel) if channel else true()

    questions = count_questions_of(connection, user, channel)
    for table in (question, access_log, job):
        connection.execute(delete(table).where(table.c.user == user, in_channel(table)))
    if not channel:
        connection.execute(delete(notice).where(notice.c.user == user))
        api_tokens.delete_tokens_of(connection, user)
        viewed_channels.delete_viewed_channel(connection, user)
        channel_settings.forget_user(connection, user)
    connection.execute(
        delete(feedback).where(or_(feedback.c.user == user, feedback.c.asker == user), in_channel(feedback))
    )
    return questions


def count_questions_of(connection: Connection, user: str, channel: str = "") -> int:
    """Return how many questions of a person `forget_user` would delete."""
    asked = union(
        *(
            select(table.c.channel, table.c.ts).where(
                table.c.user == user, (table.c.channel == channel) if channel else true()
            )
            for table in (question, access_log)
        )
    )
    return connection.scalar(select(func.count()).select_from(asked.subquery())) or 0


def counts(connection: Connection) -> tuple[int, int]:
    """Return (questions, rows of the access log)."""
    return _rows(connection, question), _rows(connection, access_log)


def count_messages_and_pictures(connection: Connection) -> tuple[int, int]:
    """Return (receipts, pictures sent to Slack)."""
    return jobs.count(connection, [JobKind.RECEIPT]), _rows(connection, evidence)


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Numbers of rows that say what Slack delivered and what is on its way, by table."""

    deliveries: int
    messages: int
    uploads: int
    workspaces: int


def count_events(connection: Connection) -> EventCounts:
    return EventCounts(*(_rows(connection, table) for table in (delivery, message, upload, workspace)))


def count_conversations(connection: Connection) -> int:
    """Return how many conversations were swept."""
    return _rows(connection, conversation)


def _rows(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
