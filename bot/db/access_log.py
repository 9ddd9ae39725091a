"""The access log: whose question was answered from which document, and who could read the reply.

A document is named by its hash and number only, so none of its content is left here when it is deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import Connection, exists, null, select, update

from bot.db import feedback
from bot.db.questions import OPEN
from bot.db.tables import access_log, question
from bot.db.used_pages import UsedPage, name_mark, post_mark
from bot.slack.events import Question
from bot.slack.message_text import with_ids
from rag import AllowedDocument, Scope, is_any_of, names_within, unshared_documents, upsert, visible_posts

API = "api"
"""The channel in rows of other tools; `user` is then the person or the token that called."""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One document in one reply.

    `spaces`: the conversations of the scope that the document was shared in. `readers`: who could read the reply when
    it was shown; None: everyone that `scope` names, or not known. `removed`: a document of the reply is no longer
    shared, so the text of the question was deleted.
    """

    at: float
    channel: str
    ts: str
    user: str
    text: str
    sha256: str
    spaces: Sequence[str]
    scope: str
    removed: bool
    readers: Sequence[str] | None = None

    @property
    def where(self) -> str:
        """Return where it was asked, in words."""
        return "through the API" if self.channel == API else f"in {self.channel}"


def are_names_current(connection: Connection, used: Iterable[UsedPage], scope: Scope) -> bool:
    """Return whether every document that a reply names still has that name in the scope of its readers, and whether
    every message that it shows still says the same there.

    A document shared under several names loses one of them when that share is removed.
    """
    used = list(used)
    posts = {page.posted_in: set[str]() for page in used if page.post}
    for file in visible_posts(connection, scope, posts):
        mark = post_mark(file.space, file.message, file.name, file.shared_by, file.words)
        posts[file.space, file.message].add(mark)
    if any(page.post not in posts[page.posted_in] for page in used if page.post):
        return False
    named = {(page.document, page.name) for page in used if page.name}
    known = names_within(connection, {document for document, _ in named}, scope)
    return all(name in set(map(name_mark, known.get(document, ()))) for document, name in named)


def log_access(
    connection: Connection,
    asked: Question,
    shown: Iterable[AllowedDocument],
    scope: str,
    readers: Collection[str] | None = None,
) -> None:
    """Log the documents that a reply uses, one row for each. Logging the same reply again adds nothing.

    `readers`: who can read the reply; None: everyone that `scope` names, or not known.
    """
    rows = [
        {
            "at": time(),
            "channel": asked.channel,
            "ts": asked.ts,
            "user": asked.user,
            "text": asked.text,
            "document": document.document,
            "sha256": document.sha256,
            "spaces": list(document.spaces),
            "scope": scope,
            "readers": None if readers is None else sorted(readers),
        }
        for document in shown
    ]
    if rows:
        connection.execute(upsert(access_log).on_conflict_do_nothing(), rows)


def list_accesses(connection: Connection, sha256: str) -> list[AccessEntry]:
    """Return who was shown a document, newest first. `sha256`: the beginning of its SHA-256."""
    matching = select(access_log).where(access_log.c.sha256.startswith(sha256.lower(), autoescape=True))
    rows = connection.execute(matching.order_by(access_log.c.id.desc())).all()
    asked = {(row.channel, row.ts) for row in rows}
    all_rows = connection.execute(select(access_log.c.channel, access_log.c.ts, access_log.c.document)).all()
    unshared = unshared_documents(connection, {row.document for row in all_rows if (row.channel, row.ts) in asked})
    removed = {(row.channel, row.ts) for row in all_rows if row.document in unshared}
    entries = []
    for row in rows:
        is_removed = (row.channel, row.ts) in removed
        text = "" if is_removed else with_ids(row.text)
        entries.append(
            AccessEntry(
                row.at,
                row.channel,
                row.ts,
                row.user,
                text,
                row.sha256,
                row.spaces,
                row.scope,
                is_removed,
                row.readers,
            )
        )
    return entries


def documents_of_replies(connection: Connection, channel: str, questions: Collection[str]) -> dict[str, set[int]]:
    """Return the documents of the replies to these questions, by ts; replies that use no document are left out."""
    matching = (access_log.c.channel == channel) & is_any_of(access_log.c.ts, questions)
    found: dict[str, set[int]] = {}
    for row in connection.execute(select(access_log.c.ts, access_log.c.document).where(matching)):
        found.setdefault(row.ts, set()).add(row.document)
    return found


def update_question_text(connection: Connection, channel: str, ts: str, text: str) -> None:
    """Log an edited question with its new text, unless its text was deleted."""
    matching = (access_log.c.channel == channel) & (access_log.c.ts == ts) & (access_log.c.text != "")
    connection.execute(update(access_log).where(matching).values(text=text))


def scrub(connection: Connection) -> int:
    """Delete the text of questions answered from a document that is no longer shared, and of the messages that they
    forward: they may quote it.

    The person, the time and the document's hash are kept. An open question keeps its text until it is answered. Return
    the number of changed questions.
    """
    feedback.scrub(connection)
    rows = select(access_log.c.document).where(access_log.c.text != "").distinct()
    unshared = unshared_documents(connection, connection.scalars(rows).all())
    if not unshared:
        return 0
    same_question = (question.c.channel == access_log.c.channel) & (question.c.ts == access_log.c.ts)
    is_open = exists().where(same_question, question.c.state.in_(OPEN))
    has_text = is_any_of(access_log.c.document, unshared) & (access_log.c.text != "")
    asked = connection.execute(select(access_log.c.channel, access_log.c.ts).where(has_text, ~is_open).distinct()).all()
    for row in asked:
        for table, emptied in ((question, {"text": "", "refers_to": null()}), (access_log, {"text": ""})):
            matching = (table.c.channel == row.channel) & (table.c.ts == row.ts)
            connection.execute(update(table).where(matching).values(**emptied))
    return len(asked)
