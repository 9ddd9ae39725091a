"""Feedback on answers: good or bad, with the question, the answer and the numbers of its passages.

Text is stored only if it is known which documents and messages it may come from, and is deleted with the first of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import time
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from bot.db.outdated import SourceMark, outdated_sources
from bot.db.tables import feedback
from bot.slack import buttons
from bot.slack.events import Question
from rag import is_any_of, upsert


class Rating(StrEnum):
    GOOD = buttons.GOOD
    BAD = buttons.BAD


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's rating of one answer. `text` and `answer` are empty if they were deleted with a document."""

    id: int
    at: float
    channel: str
    ts: str
    user: str
    verdict: Rating
    text: str
    answer: str
    passages: Sequence[Mapping[str, Any]]


def put_rating(connection: Connection, asked: Question, user: str, verdict: Rating, **known: Any) -> None:
    """Store a person's rating of an answer in place of their earlier one.

    `known`: the columns `text`, `answer`, `passages` and `documents`.
    """
    values = {"at": time(), "verdict": verdict, "asker": asked.user, **known}
    new = upsert(feedback).values(channel=asked.channel, ts=asked.ts, user=user, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["channel", "ts", "user"], set_=values))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many answers were called good and how many bad."""
    rows = connection.execute(select(feedback.c.verdict, func.count()).group_by(feedback.c.verdict)).all()
    return {verdict.value: 0 for verdict in Rating} | {str(verdict): int(number) for verdict, number in rows}


def list_bad(connection: Connection) -> list[Feedback]:
    """Return the answers that were called bad, oldest first."""
    return _list(connection, Rating.BAD)


def list_good(connection: Connection) -> list[Feedback]:
    """Return the answers that were called good, oldest first."""
    return _list(connection, Rating.GOOD)


def _list(connection: Connection, verdict: Rating) -> list[Feedback]:
    rows = connection.execute(select(feedback).where(feedback.c.verdict == verdict).order_by(feedback.c.id))
    return [
        Feedback(row.id, row.at, row.channel, row.ts, row.user, verdict, row.text, row.answer, row.passages)
        for row in rows
    ]


def scrub(connection: Connection) -> None:
    """Delete text of which a source is outdated: its document, the name of its file, or what a message says."""
    with_text = select(feedback.c.id, feedback.c.documents).where(or_(feedback.c.text != "", feedback.c.answer != ""))
    sources = {row.id: {SourceMark(*source) for source in row.documents} for row in connection.execute(with_text)}
    outdated = outdated_sources(connection, set().union(*sources.values()))
    ids = [id for id, used in sources.items() if used & outdated]
    if ids:
        connection.execute(update(feedback).where(is_any_of(feedback.c.id, ids)).values(text="", answer=""))
