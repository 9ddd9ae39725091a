"""The access log: which document was shown to whom, and which picture in Slack shows which document.

A document is named by its hash and number only, so nothing of it is left here when it is deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import Connection, delete, exists, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.db import feedback
from bot.db.questions import OPEN
from bot.db.tables import access_log, evidence, question
from bot.db.used_pages import UsedPage, name_mark
from bot.slack.events import Question
from rag import AllowedDocument, Scope, names_within, unshared_documents


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One document in one reply. `spaces`: where it was shared, of what the reply could be made of. `removed`: a
    document of the reply is gone, and the text of the question with it."""

    at: float
    channel: str
    ts: str
    user: str
    text: str
    sha256: str
    spaces: Sequence[str]
    scope: str
    removed: bool


def still_named(connection: Connection, used: Iterable[UsedPage], scope: Scope) -> bool:
    """Return whether every document of a reply still has, in the scope of its readers, the name given in the reply.

    One of several shares may have gone, and its name with it.
    """
    named = {(one.document, one.name) for one in used if one.name}
    known = names_within(connection, {document for document, _ in named}, scope)
    return all(name in set(map(name_mark, known.get(document, ()))) for document, name in named)


def log_access(connection: Connection, asked: Question, shown: Iterable[AllowedDocument], scope: str) -> None:
    """Log what a reply is made of, one row a document. The same reply shown again adds nothing."""
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
        connection.execute(upsert(access_log).on_conflict_do_nothing(), rows)


def seen(connection: Connection, sha256: str) -> list[AccessEntry]:
    """Return who was shown a document, by the beginning of its SHA-256, newest first."""
    mine = select(access_log).where(access_log.c.sha256.startswith(sha256.lower(), autoescape=True))
    rows = connection.execute(mine.order_by(access_log.c.id.desc())).all()
    asked = {(row.channel, row.ts) for row in rows}
    everywhere = connection.execute(select(access_log.c.channel, access_log.c.ts, access_log.c.document)).all()
    lost = unshared_documents(connection, {row.document for row in everywhere if (row.channel, row.ts) in asked})
    removed = {(row.channel, row.ts) for row in everywhere if row.document in lost}
    found = []
    for row in rows:
        without = (row.channel, row.ts) in removed
        text = "" if without else row.text
        found.append(
            AccessEntry(row.at, row.channel, row.ts, row.user, text, row.sha256, row.spaces, row.scope, without)
        )
    return found


def made_of(connection: Connection, channel: str, questions: Collection[str]) -> dict[str, set[int]]:
    """Return the documents of the replies to these questions, by ts; replies made of none are left out."""
    mine = (access_log.c.channel == channel) & access_log.c.ts.in_(questions)
    found: dict[str, set[int]] = {}
    for row in connection.execute(select(access_log.c.ts, access_log.c.document).where(mine)):
        found.setdefault(row.ts, set()).add(row.document)
    return found


def reword(connection: Connection, channel: str, ts: str, text: str) -> None:
    """Log an edited question with its new text, unless its text was already removed."""
    mine = (access_log.c.channel == channel) & (access_log.c.ts == ts) & (access_log.c.text != "")
    connection.execute(update(access_log).where(mine).values(text=text))


def put_evidence(connection: Connection, channel: str, pictures: Mapping[str, int]) -> None:
    """Record which document each uploaded picture, by file id, shows."""
    rows = [{"file": file, "channel": channel, "document": document} for file, document in pictures.items() if document]
    if rows:
        connection.execute(upsert(evidence).on_conflict_do_nothing(), rows)


def stale_evidence(connection: Connection, limit: int) -> list[str]:
    """Return pictures in Slack that show documents nobody shares any more."""
    documents = connection.scalars(select(evidence.c.document).distinct()).all()
    rows = (
        select(evidence.c.file).where(evidence.c.document.in_(unshared_documents(connection, documents))).limit(limit)
    )
    return list(connection.scalars(rows))


def drop_evidence(connection: Connection, files: Collection[str] = (), channel: str = "") -> None:
    """Delete the rows of these pictures, or of a conversation that Magpie is no longer in."""
    mine = evidence.c.file.in_(files) if not channel else evidence.c.channel == channel
    connection.execute(delete(evidence).where(mine))


def scrub(connection: Connection) -> int:
    """Delete the text of questions answered from a document that is gone, which they may quote.

    Who asked, when, and about which bytes is kept. An open question keeps its text until it is answered. Return how
    many questions were changed.
    """
    feedback.scrub(connection)
    rows = select(access_log.c.document).where(access_log.c.text != "").distinct()
    lost = unshared_documents(connection, connection.scalars(rows).all())
    if not lost:
        return 0
    still = (question.c.channel == access_log.c.channel) & (question.c.ts == access_log.c.ts)
    open_ = exists().where(still, question.c.state.in_(OPEN))
    worded = access_log.c.document.in_(lost) & (access_log.c.text != "")
    asked = connection.execute(select(access_log.c.channel, access_log.c.ts).where(worded, ~open_).distinct()).all()
    for row in asked:
        for table in (question, access_log):
            there = (table.c.channel == row.channel) & (table.c.ts == row.ts)
            connection.execute(update(table).where(there).values(text=""))
    return len(asked)
