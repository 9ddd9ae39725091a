"""What was shown to whom: the log of access, and which picture in Slack is of which document.

Every function works in the caller's transaction. A document is named by its hash and number alone: its name and its
words are nowhere here, so that nothing of it is left when it goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    cast,
    delete,
    exists,
    func,
    select,
    true,
    union,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.answers import feedback
from bot.answers.queue import OPEN, question
from bot.answers.render import Used, name_mark
from bot.db.ephemeral_messages import aside
from bot.db.tables import metadata, receipt
from bot.slack.events import Question
from rag import Allowed, Scope, gone, names_within

access = Table(
    "access",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False, doc="when it was first shown"),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False, doc="of the question"),
    Column("user", String(32), nullable=False, doc="who asked"),
    Column("text", Text, nullable=False, doc="what was asked; empty once a document it was answered from is gone"),
    Column("document", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("spaces", JSON, nullable=False, doc="the conversations of the scope that the document was shared in"),
    Column("scope", Text, nullable=False, doc="in words, what the reply could be made of, and why"),
    UniqueConstraint("channel", "ts", "document"),
    Index(None, "sha256"),
    Index(None, "document"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("file", String(32), primary_key=True, doc="Slack's id of a picture that Magpie sent"),
    Column("channel", String(32), nullable=False),
    Column("document", Integer, nullable=False),
    Index(None, "document"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One document in one reply. `spaces` are where it was shared, of what the reply could be made of. `removed`: a
    document of the reply is gone, and the words of the question with it."""

    at: float
    channel: str
    ts: str
    user: str
    text: str
    sha256: str
    spaces: Sequence[str]
    scope: str
    removed: bool


def still_named(connection: Connection, used: Iterable[Used], scope: Scope) -> bool:
    """Whether every document of a reply still has, in the scope of its readers, the name that the reply gives it.

    One of several shares may have gone, and its name with it.
    """
    named = {(one.document, one.name) for one in used if one.name}
    known = names_within(connection, {document for document, _ in named}, scope)
    return all(name in set(map(name_mark, known.get(document, ()))) for document, name in named)


def log_access(connection: Connection, asked: Question, shown: Iterable[Allowed], scope: str) -> None:
    """Note what a reply is made of; the same reply shown again is one row a document."""
    rows = [
        {
            "at": time(),
            "channel": asked.channel,
            "ts": asked.ts,
            "user": asked.user,
            "text": asked.text,
            "document": one.document,
            "sha256": one.sha256,
            "spaces": list(one.spaces),
            "scope": scope,
        }
        for one in shown
    ]
    if rows:
        connection.execute(upsert(access).on_conflict_do_nothing(), rows)


def seen(connection: Connection, sha256: str) -> list[Seen]:
    """Who was shown something of a document, by the beginning of its SHA-256; the newest first."""
    mine = select(access).where(access.c.sha256.startswith(sha256.lower(), autoescape=True))
    rows = connection.execute(mine.order_by(access.c.id.desc())).all()
    asked = {(row.channel, row.ts) for row in rows}
    everywhere = connection.execute(select(access.c.channel, access.c.ts, access.c.document)).all()
    lost = gone(connection, {row.document for row in everywhere if (row.channel, row.ts) in asked})
    removed = {(row.channel, row.ts) for row in everywhere if row.document in lost}
    found = []
    for row in rows:
        without = (row.channel, row.ts) in removed
        text = "" if without else row.text
        found.append(Seen(row.at, row.channel, row.ts, row.user, text, row.sha256, row.spaces, row.scope, without))
    return found


def made_of(connection: Connection, channel: str, questions: Collection[str]) -> dict[str, set[int]]:
    """Of which documents the replies to these questions, by their ts, were made; those made of none are left out."""
    mine = (access.c.channel == channel) & access.c.ts.in_(questions)
    found: dict[str, set[int]] = {}
    for row in connection.execute(select(access.c.ts, access.c.document).where(mine)):
        found.setdefault(row.ts, set()).add(row.document)
    return found


def used_by(connection: Connection, channel: str, questions: Collection[str]) -> dict[str, list[Used]]:
    """Return what the replies to these questions, by their ts, use; those of which nothing is known are left out."""
    rows = select(question.c.ts, question.c.used).where(question.c.channel == channel, question.c.ts.in_(questions))
    return {row.ts: [Used(**one) for one in row.used] for row in connection.execute(rows) if row.used}


def reword(connection: Connection, channel: str, ts: str, text: str) -> None:
    """A question that was changed is logged as it is now, unless its words are taken out already."""
    mine = (access.c.channel == channel) & (access.c.ts == ts) & (access.c.text != "")
    connection.execute(update(access).where(mine).values(text=text))


def put_evidence(connection: Connection, channel: str, pictures: Mapping[str, int]) -> None:
    """Note which document each uploaded picture, by its file's id, is of."""
    rows = [{"file": file, "channel": channel, "document": document} for file, document in pictures.items() if document]
    if rows:
        connection.execute(upsert(evidence).on_conflict_do_nothing(), rows)


def stale_evidence(connection: Connection, limit: int) -> list[str]:
    """Pictures in Slack of documents that nobody shares any more."""
    documents = connection.scalars(select(evidence.c.document).distinct()).all()
    rows = select(evidence.c.file).where(evidence.c.document.in_(gone(connection, documents))).limit(limit)
    return list(connection.scalars(rows))


def drop_evidence(connection: Connection, files: Collection[str] = (), channel: str = "") -> None:
    """Know no more of these pictures, or of those in a conversation that Magpie is no longer in."""
    mine = evidence.c.file.in_(files) if not channel else evidence.c.channel == channel
    connection.execute(delete(evidence).where(mine))


def scrub(connection: Connection) -> int:
    """Take the words out of questions that were answered from a document that is gone, which they may quote; returns
    how many questions that were. Who asked, when, and about which bytes stays. A question that is not answered yet
    keeps its words until it is."""
    feedback.scrub(connection)
    rows = select(access.c.document).where(access.c.text != "").distinct()
    lost = gone(connection, connection.scalars(rows).all())
    if not lost:
        return 0
    still = (question.c.channel == access.c.channel) & (question.c.ts == access.c.ts)
    open_ = exists().where(still, question.c.state.in_(OPEN))
    mine = select(access.c.channel, access.c.ts).where(access.c.document.in_(lost), access.c.text != "", ~open_)
    asked = connection.execute(mine.distinct()).all()
    for row in asked:
        for table in (question, access):
            there = (table.c.channel == row.channel) & (table.c.ts == row.ts)
            connection.execute(update(table).where(there).values(text=""))
    return len(asked)


def unshowable(connection: Connection) -> list[int]:
    """Questions whose reply is thought out, not yet shown, and made of a document that nobody shares any more."""
    rows = connection.execute(select(question.c.id, question.c.reply).where(question.c.reply.is_not(None))).all()
    made_of = {row.id: set((row.reply or {}).get("documents", ())) for row in rows}
    lost = gone(connection, set().union(*made_of.values()))
    return [id for id, documents in made_of.items() if documents & lost]


def expire(connection: Connection, before: float) -> None:
    """Forget who asked what, and got which receipt, before this time, seconds since 1970."""
    connection.execute(delete(access).where(access.c.at < before))
    feedback.expire(connection, before)
    done = question.c.state.in_(["done", "failed"])
    connection.execute(delete(question).where(done, question.c.asked < before))
    settled = (receipt.c.state == "done") & (cast(receipt.c.ts, Float) < before)
    connection.execute(delete(receipt).where(settled))


def forget_user(connection: Connection, user: str, channel: str = "") -> int:
    """Forget what somebody asked, and which receipts they got, in one conversation or in all; returns how many
    questions that were."""

    def mine(table: Table) -> ColumnElement[bool]:
        return (table.c.user == user) & ((table.c.channel == channel) if channel else true())

    asked = union(*(select(table.c.channel, table.c.ts).where(mine(table)) for table in (question, access)))
    questions = connection.scalar(select(func.count()).select_from(asked.subquery())) or 0
    for table in (question, access, receipt, aside):
        connection.execute(delete(table).where(mine(table)))
    feedback.forget_user(connection, user, channel)
    return questions


def counts(connection: Connection) -> tuple[int, int]:
    """(questions, rows of the log)."""
    return _rows(connection, question), _rows(connection, access)


def traces(connection: Connection) -> tuple[int, int]:
    """(receipts, pictures sent to Slack)."""
    return _rows(connection, receipt), _rows(connection, evidence)


def _rows(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
