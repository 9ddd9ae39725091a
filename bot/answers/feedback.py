"""What people say of answers: good or bad, with the question, the answer, and the passages it was made of, by number.

Every function works in the caller's transaction. Words are kept only while it is known which documents they may come
from, and go with the first of these that goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
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
    UniqueConstraint,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.answers import button_requests
from bot.answers.button_requests import Answered
from bot.answers.render import name_mark
from bot.db.tables import metadata
from bot.slack.buttons import BAD, GOOD
from rag import gone, names_of, sums_of

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, doc="when it was pressed last"),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False, doc="of the question"),
    Column("user", String(32), nullable=False, doc="who pressed"),
    Column("verdict", String(8), nullable=False, doc="good, bad"),
    Column("asker", String(32), nullable=False),
    Column("text", Text, nullable=False, doc="what was asked; empty once a document it was answered from is gone"),
    Column("answer", Text, nullable=False, doc="as its readers saw it; empty as well then"),
    Column("passages", JSON, nullable=False, doc="document, sha256, page, number and cited of each, and no words"),
    Column("documents", JSON, nullable=False, doc="[document, mark of its name] that the words may come from"),
    UniqueConstraint("channel", "ts", "user"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's word on one answer. `text` and `answer` are empty when they were taken out with a document."""

    id: int
    at: float
    channel: str
    ts: str
    user: str
    verdict: str
    text: str
    answer: str
    passages: Sequence[Mapping[str, Any]]


def put_feedback(connection: Connection, about: Answered, user: str, verdict: str, answer: str) -> None:
    """Note what somebody says of an answer, in place of what they said of it before."""
    asked, used = about.question, list(about.used or ())
    first = button_requests.origin(connection, asked)
    text = asked.text or (first.question.text if first is not None else "")
    before = button_requests.answered_at(connection, first.question) if first is not None else None
    sources = {(one["document"], one.get("name", "")) for one in used}
    sources |= {(one["document"], "") for one in (before.used if before else None) or ()}
    # Of an answer nobody knows the documents of, no word is kept: it could not be taken out with them.
    known = about.used is not None and (before is None or before.used is not None)
    if not known or _lost(connection, sources):
        text = answer = ""
    sums = sums_of(connection, {document for document, _ in sources})
    passages = [
        {name: one[name] for name in ("document", "page", "number", "cited")}
        | {"sha256": sums.get(one["document"], "")}
        for one in used
        if one["page"]
    ]
    values = {
        "at": time(),
        "verdict": BAD if verdict == BAD else GOOD,
        "asker": asked.user,
        "text": text,
        "answer": answer,
        "passages": passages,
        "documents": sorted(sources),
    }
    new = upsert(feedback).values(channel=asked.channel, ts=asked.ts, user=user, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["channel", "ts", "user"], set_=values))


def counts(connection: Connection) -> dict[str, int]:
    """How many are good and how many bad."""
    rows = connection.execute(select(feedback.c.verdict, func.count()).group_by(feedback.c.verdict)).all()
    return {GOOD: 0, BAD: 0} | {str(verdict): int(number) for verdict, number in rows}


def bad(connection: Connection) -> list[Verdict]:
    """The answers that somebody called bad, oldest first."""
    rows = connection.execute(select(feedback).where(feedback.c.verdict == BAD).order_by(feedback.c.id))
    return [
        Verdict(row.id, row.at, row.channel, row.ts, row.user, row.verdict, row.text, row.answer, row.passages)
        for row in rows
    ]


def scrub(connection: Connection) -> None:
    """Take out the words that may come from a document that is gone, or be a name that it has no longer."""
    worded = select(feedback.c.id, feedback.c.documents).where(or_(feedback.c.text != "", feedback.c.answer != ""))
    made_of = {row.id: {(document, mark) for document, mark in row.documents} for row in connection.execute(worded)}
    lost = _lost(connection, set().union(*made_of.values()))
    ids = [id for id, sources in made_of.items() if sources & lost]
    if ids:
        connection.execute(update(feedback).where(feedback.c.id.in_(ids)).values(text="", answer=""))


def _lost(connection: Connection, sources: Set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of these documents that are gone, or are called otherwise now than when they were shown."""
    documents = {document for document, _ in sources}
    away = gone(connection, documents)
    marks = {id: set(map(name_mark, names)) for id, names in names_of(connection, documents).items()}
    return {one for one in sources if one[0] in away or (one[1] and one[1] not in marks.get(one[0], ()))}


def expire(connection: Connection, before: float) -> None:
    connection.execute(delete(feedback).where(feedback.c.at < before))


def forget_user(connection: Connection, user: str, channel: str) -> None:
    """What somebody said of answers, and what was said of answers to them."""
    there = (feedback.c.channel == channel) if channel else true()
    connection.execute(delete(feedback).where(or_(feedback.c.user == user, feedback.c.asker == user), there))
