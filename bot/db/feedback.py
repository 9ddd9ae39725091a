"""Feedback on answers: good or bad, with the question, the answer and its passages by number.

Text is kept only while it is known which documents it may come from, and is deleted with the first of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from time import time
from typing import Any

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.db.tables import feedback
from bot.db.used_pages import name_mark
from bot.slack import buttons
from bot.slack.events import Question
from rag import names_of, unshared_documents


class Rating(StrEnum):
    GOOD = buttons.GOOD
    BAD = buttons.BAD


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's verdict on one answer. `text` and `answer` are empty when they were deleted with a document."""

    id: int
    at: float
    channel: str
    ts: str
    user: str
    verdict: Rating
    text: str
    answer: str
    passages: Sequence[Mapping[str, Any]]


def put_verdict(connection: Connection, asked: Question, user: str, verdict: Rating, **known: Any) -> None:
    """Store a person's verdict on an answer in place of their earlier one.

    `known`: the columns `text`, `answer`, `passages` and `documents`.
    """
    values = {"at": time(), "verdict": verdict, "asker": asked.user, **known}
    new = upsert(feedback).values(channel=asked.channel, ts=asked.ts, user=user, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["channel", "ts", "user"], set_=values))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many answers were called good and how many bad."""
    rows = connection.execute(select(feedback.c.verdict, func.count()).group_by(feedback.c.verdict)).all()
    return {verdict.value: 0 for verdict in Rating} | {str(verdict): int(number) for verdict, number in rows}


def bad(connection: Connection) -> list[Feedback]:
    """Return the answers that were called bad, oldest first."""
    rows = connection.execute(select(feedback).where(feedback.c.verdict == Rating.BAD).order_by(feedback.c.id))
    return [
        Feedback(row.id, row.at, row.channel, row.ts, row.user, Rating.BAD, row.text, row.answer, row.passages)
        for row in rows
    ]


def scrub(connection: Connection) -> None:
    """Delete the text that may come from a document that is gone, or name a file by a name it no longer has."""
    worded = select(feedback.c.id, feedback.c.documents).where(or_(feedback.c.text != "", feedback.c.answer != ""))
    made_of = {row.id: {(document, mark) for document, mark in row.documents} for row in connection.execute(worded)}
    gone_or_renamed = lost(connection, set().union(*made_of.values()))
    ids = [id for id, sources in made_of.items() if sources & gone_or_renamed]
    if ids:
        connection.execute(update(feedback).where(feedback.c.id.in_(ids)).values(text="", answer=""))


def lost(connection: Connection, sources: Set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return which (document, mark of its name) are gone, or have another name than when they were shown."""
    documents = {document for document, _ in sources}
    away = unshared_documents(connection, documents)
    marks = {id: set(map(name_mark, names)) for id, names in names_of(connection, documents).items()}
    return {one for one in sources if one[0] in away or (one[1] and one[1] not in marks.get(one[0], ()))}
