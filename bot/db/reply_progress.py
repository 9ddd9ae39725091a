"""What workers store about the reply to a question that they claimed, if it was not edited or canceled since."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, false, null, select, update

from bot.db.outdated import SourceMark, outdated_sources
from bot.db.questions import POSTING, WITHOUT_REPLY, ClaimedQuestion, QuestionState, has_any
from bot.db.tables import question
from bot.slack.events import reference_to_json, without_words


def is_current(connection: Connection, claimed: ClaimedQuestion) -> bool:
    """Return whether a claimed question was not edited, canceled or deleted since."""
    return has_any(connection, _is_current(claimed))


def store_placeholder(connection: Connection, claimed: ClaimedQuestion, ts: str) -> None:
    """Store the ts of the placeholder message, for every revision; empty: it is being posted."""
    connection.execute(update(question).where(question.c.id == claimed.id).values(placeholder=ts))


def store_reply(connection: Connection, claimed: ClaimedQuestion, **known: Any) -> bool:
    """Store columns of a reply: `reply`, `shown`, `used`, `outcome`, `uploads`, `sharing_since`, `obsolete_uploads`.

    Return False if the question was edited, canceled or deleted since it was claimed.
    """
    return connection.execute(update(question).where(_is_current(claimed)).values(**known)).rowcount == 1


def end_question(connection: Connection, claimed: ClaimedQuestion, state: QuestionState) -> None:
    """End a question and delete the stored text of its reply, and of the messages it refers to."""
    matching = (question.c.id == claimed.id) & (_is_posted_by(claimed) | _is_current(claimed))
    about = case((question.c.kind == "similar", null()), else_=question.c.about)  # holds the message's text
    references = [reference_to_json(without_words(reference)) for reference in claimed.question.references] or None
    ended = {"state": state, "reply": null(), "about": about, "refers_to": references}
    connection.execute(update(question).where(matching).values(**ended))


def drop_question(connection: Connection, claimed: ClaimedQuestion) -> None:
    connection.execute(delete(question).where(question.c.id == claimed.id))


def discard_reply(connection: Connection, id: int) -> None:
    """Delete a composed reply that may no longer be shown, so that it is composed again."""
    connection.execute(update(question).where(question.c.id == id).values(**WITHOUT_REPLY))


def list_outdated_replies(connection: Connection) -> list[int]:
    """Return the ids of the questions with a composed, not yet posted reply that has an outdated source."""
    rows = connection.execute(select(question.c.id, question.c.reply).where(question.c.reply.is_not(None))).all()
    sources = {row.id: _sources_of(row.reply or {}) for row in rows}
    outdated = outdated_sources(connection, set().union(*sources.values()))
    return [id for id, used in sources.items() if used & outdated]


def _sources_of(reply: Mapping[str, Any]) -> set[SourceMark]:
    used = {SourceMark(page["document"], page.get("name", ""), page.get("post", "")) for page in reply.get("used", ())}
    return used | {SourceMark(document) for document in reply.get("documents", ())}


def delay_question(connection: Connection, claimed: ClaimedQuestion, delay: float, *, attempts: int) -> None:
    """Make a claimed question due again after `delay` seconds, with this number of attempts."""
    matching = _is_posted_by(claimed) | (_is_current(claimed) & (question.c.state == QuestionState.ANSWERING))
    changed = {
        "state": QuestionState.NEW,
        "next_try": time() + delay,
        "attempts": attempts,
        "delays": question.c.delays + 1,
    }
    connection.execute(update(question).where(question.c.id == claimed.id, matching).values(**changed))


def _is_posted_by(claimed: ClaimedQuestion) -> ColumnElement[bool]:
    """Return the condition that the claim to post a question's placeholder is held: it survives an edit. A question
    that is asked again while a worker answers it is posted by another worker."""
    return question.c.state.in_(POSTING) if claimed.state in POSTING else false()


def _is_current(claimed: ClaimedQuestion) -> ColumnElement[bool]:
    return (question.c.id == claimed.id) & (question.c.revision == claimed.revision)
