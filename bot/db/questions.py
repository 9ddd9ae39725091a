"""Questions: who is next, how far each reply is, and what was edited or cancelled meanwhile.

A question gets a placeholder message, waits in the queue and is answered; each of these steps is a claim of its own.
A claim holds a revision of the question: results are written to that revision only, so a question that was edited or
cancelled is never affected by an answer to its earlier text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    true,
    update,
)

from bot.db.tables import question
from bot.db.used_pages import UsedPage
from bot.slack.events import Edited, Question
from rag import unshared_documents

EDITS = 60.0
"""Seconds after asking within which an edit changes the question."""

_COMING = 10.0
"""Seconds for which a new question keeps its place before its placeholder is posted."""


class QuestionState(StrEnum):
    NEW = "waiting"
    POSTING = "greeting"
    """Its placeholder is being posted."""
    QUEUED = "lined"
    UPDATING = "placing"
    """Its position in the queue is being shown."""
    ANSWERING = "answering"
    DONE = "done"
    FAILED = "failed"


class Cancellation(StrEnum):
    """Why a question is not answered any more."""

    DELETED = "deleted"
    """Its message was deleted."""
    STOPPED = "stopped"
    """The asker pressed Stop."""
    REFUSED = "refused"
    """The asker had too many questions waiting."""


_POSTING = (QuestionState.POSTING, QuestionState.UPDATING)
"""States in which a worker is about to write the placeholder message."""

_BEGUN = (*_POSTING, QuestionState.QUEUED, QuestionState.ANSWERING)
OPEN = (QuestionState.NEW, *_BEGUN)
ENDED = (QuestionState.DONE, QuestionState.FAILED)


@dataclass(frozen=True, slots=True)
class ClaimedQuestion:
    """A question with the state of its reply."""

    id: int
    question: Question
    state: QuestionState
    revision: int
    turn: int
    halt: str
    attempts: int
    delays: int
    asked: float
    placeholder: str | None
    reply: Mapping[str, Any] | None
    used: Sequence[Mapping[str, Any]] | None
    uploads: Sequence[str] | None
    sharing: float | None
    obsolete: Sequence[str]

    @property
    def created(self) -> float:
        """When it was asked, as a worker measures the age of its work."""
        return self.asked


# ---------------------------------------------------------------- asking


def put_question(connection: Connection, new: Question, most: int = 0) -> bool:
    """Record a question. The same message recorded again only adds files that were not known yet.

    Return False when this person has `most` questions waiting (0: no limit): the question is recorded as refused, so
    that the sweep does not take it for a missed one.
    """
    row = connection.execute(_at(new.channel, new.ts)).one_or_none()
    full = row is None and bool(most) and waiting_of(connection, new.user) >= most
    if row is None:
        connection.execute(
            insert(question).values(
                channel=new.channel,
                ts=new.ts,
                thread=new.thread,
                user=new.user,
                text=new.text,
                files=list(new.files),
                kind=new.kind,
                about=dict(new.about) or None,
                state=QuestionState.FAILED if full else QuestionState.NEW,
                cancelled=Cancellation.REFUSED if full else None,
                turn=0 if full else _turn(connection, new.user),
                asked_at=seconds_of(new.ts),
            )
        )
    elif missing := [file for file in new.files if file not in row.files]:
        connection.execute(update(question).where(question.c.id == row.id).values(files=[*row.files, *missing]))
    return not full


def refused_lately(connection: Connection, user: str, seconds: float) -> bool:
    """Return whether a question that this person wrote in the last `seconds` was refused."""
    mine = (question.c.user == user) & (question.c.cancelled == Cancellation.REFUSED)
    return bool(connection.scalar(select(exists().where(mine, question.c.asked_at > time() - seconds))))


def waiting_of(connection: Connection, user: str) -> int:
    """Return how many questions of this person are not answered yet."""
    return _count(connection, question.c.state.in_(OPEN) & (question.c.user == user))


def _turn(connection: Connection, user: str) -> int:
    """Return the turn of a person's next question: start-time fair queueing (Goyal, Vin, Cheng 1996), with every
    question one unit. It comes one round after their last question; idle people save up no rounds."""
    now = connection.scalar(select(func.min(question.c.turn)).where(question.c.state.in_(OPEN)))
    if now is None:
        now = connection.scalar(select(func.max(question.c.turn))) or 0
    mine = select(func.max(question.c.turn)).where(question.c.user == user, question.c.turn >= now)
    last = connection.scalar(mine)
    return int(now if last is None else last + 1)


def put_edit(connection: Connection, edit: Edited) -> None:
    """Ask a question again with its edited text, within EDITS seconds. Other edits change nothing."""
    row = connection.execute(_at(edit.channel, edit.ts)).one_or_none()
    late = row is None or (edit.at or time()) - row.asked_at > EDITS
    if row is None or late or row.cancelled or row.kind != "ask" or edit.text in ("", row.text):
        return
    obsolete = [*(row.obsolete_uploads or ()), *(row.uploads or ())]
    changed = {**_restarted(row), **_WITHOUT_REPLY, "text": edit.text, "obsolete_uploads": obsolete}
    connection.execute(update(question).where(question.c.id == row.id).values(**changed))


def cancel_question(connection: Connection, channel: str, ts: str, how: Cancellation) -> bool:
    """Cancel a question that is not answered yet. Return False when it is too late."""
    row = connection.execute(_at(channel, ts)).one_or_none()
    if row is None or row.state not in OPEN:
        return False
    if how == Cancellation.DELETED and row.state == QuestionState.NEW and row.placeholder is None:
        connection.execute(delete(question).where(question.c.id == row.id))  # nothing of it was posted
        return True
    changed = {**_restarted(row), "cancelled": how, "reply": null()}
    connection.execute(update(question).where(question.c.id == row.id).values(**changed))
    return True


def _restarted(row: Row[Any]) -> dict[str, Any]:
    """Return the columns of a question that changed. A worker that is posting its placeholder goes on, because a
    second one would post a second message."""
    state = row.state if row.state in _POSTING else QuestionState.NEW
    return {"state": state, "revision": row.revision + 1, "attempts": 0, "delays": 0, "next_try": 0}


_WITHOUT_REPLY: Mapping[str, Any] = {"reply": null(), "used": null(), "uploads": null(), "sharing_since": None}


# ---------------------------------------------------------------- what was asked before


def is_answered(connection: Connection, channel: str, thread: str) -> bool:
    """Return whether Magpie wrote an answer in a thread."""
    return _exists(connection, _in_thread(channel, thread), question.c.placeholder.is_not(None))


def has_asked(connection: Connection, channel: str, thread: str, user: str) -> bool:
    return _exists(connection, _in_thread(channel, thread), question.c.user == user)


def asked_before(connection: Connection, asked: Question) -> list[str]:
    """Return the ts of earlier questions of the same thread, oldest first."""
    mine = _in_thread(asked.channel, asked.thread) & (question.c.ts < asked.ts)
    rows = select(question.c.ts).where(mine, question.c.cancelled.is_(None), question.c.kind == "ask")
    return sorted(connection.scalars(rows))


def asked_lately(connection: Connection, asked: Question, seconds: float) -> list[str]:
    """Return what the same person asked in the same conversation in the last `seconds`, oldest first."""
    mine = (question.c.channel == asked.channel) & (question.c.user == asked.user) & (question.c.ts < asked.ts)
    since = question.c.asked_at > seconds_of(asked.ts) - seconds
    rows = select(question.c.text).where(mine, since, question.c.text != "", question.c.kind == "ask")
    return list(connection.scalars(rows.order_by(question.c.id)))


def find_question(connection: Connection, channel: str, ts: str) -> Question | None:
    found = find_asked(connection, channel, ts)
    return None if found is None else found.question


def find_asked(connection: Connection, channel: str, ts: str) -> ClaimedQuestion | None:
    row = connection.execute(_at(channel, ts)).one_or_none()
    return None if row is None else _asked(row)


def find_by_message(connection: Connection, channel: str, message: str, ts: str = "") -> ClaimedQuestion | None:
    """Return the question that a message of Magpie's answers.

    `ts`: of the question, as the message's own metadata says. It counts only while the message's ts is not stored.
    """
    there = question.c.placeholder == message
    if ts:
        there = or_(there, (question.c.ts == ts) & question.c.placeholder.in_(["", message]))
    row = connection.execute(select(question).where(question.c.channel == channel, there)).first()
    return None if row is None else _asked(row)


def is_open(connection: Connection, like: Question) -> bool:
    """Return whether an open question of the same conversation has the same kind and is about the same."""
    mine = (question.c.channel == like.channel) & (question.c.kind == like.kind) & question.c.state.in_(OPEN)
    return any(dict(about or {}) == like.about for about in connection.scalars(select(question.c.about).where(mine)))


def used_by(connection: Connection, channel: str, questions: Collection[str]) -> dict[str, list[UsedPage]]:
    """Return the pages that the replies to these questions, by ts, are made of; unknown ones are left out."""
    rows = select(question.c.ts, question.c.used).where(question.c.channel == channel, question.c.ts.in_(questions))
    return {row.ts: [UsedPage(**one) for one in row.used] for row in connection.execute(rows) if row.used}


def used_about(connection: Connection, channel: str, kind: str, of: str) -> list[Mapping[str, Any]]:
    """Return the pages used by answers to button presses of this kind about the question `of`."""
    rows = select(question.c.used, question.c.about).where(question.c.channel == channel, question.c.kind == kind)
    about = [row for row in connection.execute(rows) if (row.about or {}).get("of") == of]
    return [one for row in about for one in row.used or ()]


# ---------------------------------------------------------------- claims


def claim_new(connection: Connection) -> ClaimedQuestion | None:
    """Claim the next question that needs a placeholder or was cancelled."""
    return _claim(connection, _next(question.c.state == QuestionState.NEW), QuestionState.POSTING)


def claim_question(connection: Connection, most: int = 0) -> ClaimedQuestion | None:
    """Claim the next question of the queue, after waiting for earlier ones whose placeholder is being posted.

    People of whom `most` questions are being answered are passed over; 0: no limit.
    """
    coming = question.c.state.in_([QuestionState.NEW, QuestionState.POSTING])
    due = coming & (question.c.asked_at > time() - _COMING)
    due |= question.c.state.in_([QuestionState.QUEUED, QuestionState.UPDATING])
    if most:
        mine = question.alias()
        others = select(mine.c.user).where(mine.c.state == QuestionState.ANSWERING).group_by(mine.c.user)
        due = due & question.c.user.not_in(others.having(func.count() >= most))
    return _claim(connection, _next(due), QuestionState.ANSWERING, question.c.state == QuestionState.QUEUED)


def claim_for_position(connection: Connection, id: int) -> ClaimedQuestion | None:
    """Claim a queued question to show its position. It is not answered meanwhile."""
    mine = select(question.c.id).where(question.c.id == id, question.c.state == QuestionState.QUEUED)
    return _claim(connection, mine.scalar_subquery(), QuestionState.UPDATING)


def enqueue(connection: Connection, asked: ClaimedQuestion) -> None:
    """Put a question with a placeholder into the queue; one that changed meanwhile starts again."""
    state = case((question.c.revision == asked.revision, QuestionState.QUEUED), else_=QuestionState.NEW)
    mine = (question.c.id == asked.id) & question.c.state.in_(_POSTING)
    connection.execute(update(question).where(mine).values(state=state))


def queued(connection: Connection) -> list[tuple[int, int]]:
    """Return (id of a queued question, how many are before it or being answered), in order."""
    rows = select(question.c.id, question.c.state).where(question.c.state.in_(OPEN), question.c.cancelled.is_(None))
    order = (question.c.state != QuestionState.ANSWERING, question.c.turn, question.c.id)
    ordered = connection.execute(rows.order_by(*order))
    return [(row.id, before) for before, row in enumerate(ordered) if row.state == QuestionState.QUEUED]


def count_before(connection: Connection, asked: ClaimedQuestion) -> int:
    """Return how many questions are before this one or being answered."""
    sooner = or_(
        question.c.turn < asked.turn,
        and_(question.c.turn == asked.turn, question.c.id < asked.id),
        question.c.state == QuestionState.ANSWERING,
    )
    others = (question.c.id != asked.id) & question.c.state.in_(OPEN) & question.c.cancelled.is_(None)
    return _count(connection, others & sooner)


def free_claims(connection: Connection) -> None:
    """Put back the questions that a killed process had begun. Call it once, when the bot starts."""
    connection.execute(update(question).where(question.c.state.in_(_BEGUN)).values(state=QuestionState.NEW))


def delay_question(connection: Connection, asked: ClaimedQuestion, delay: float, *, attempts: int) -> None:
    """Make a claimed question due again after `delay` seconds, with this number of attempts."""
    mine = question.c.state.in_(_POSTING) | (_held(asked) & (question.c.state == QuestionState.ANSWERING))
    changed = {
        "state": QuestionState.NEW,
        "next_try": time() + delay,
        "attempts": attempts,
        "delays": question.c.delays + 1,
    }
    connection.execute(update(question).where(question.c.id == asked.id, mine).values(**changed))


# ---------------------------------------------------------------- how far a reply is


def is_held(connection: Connection, asked: ClaimedQuestion) -> bool:
    """Return whether a question is still the one that was claimed: not edited, cancelled or forgotten."""
    return _exists(connection, _held(asked))


def store_placeholder(connection: Connection, asked: ClaimedQuestion, ts: str) -> None:
    """Store the ts of the placeholder message, for every revision; empty: it is being posted."""
    connection.execute(update(question).where(question.c.id == asked.id).values(placeholder=ts))


def store_reply(connection: Connection, asked: ClaimedQuestion, **known: Any) -> bool:
    """Store how far a reply is: `reply`, `used`, `uploads`, `sharing_since`, `obsolete_uploads`.

    Return False when the claim no longer holds the question.
    """
    return connection.execute(update(question).where(_held(asked)).values(**known)).rowcount == 1


def end_question(connection: Connection, asked: ClaimedQuestion, state: QuestionState) -> None:
    """End a question. Its answer, and a message it was about, stay in Slack only."""
    mine = (question.c.id == asked.id) & (question.c.state.in_(_POSTING) | _held(asked))
    about = case((question.c.kind == "similar", null()), else_=question.c.about)
    connection.execute(update(question).where(mine).values(state=state, reply=null(), about=about))


def drop_question(connection: Connection, asked: ClaimedQuestion) -> None:
    connection.execute(delete(question).where(question.c.id == asked.id))


def discard_reply(connection: Connection, id: int) -> None:
    """Delete a composed reply that may no longer be shown, so that it is composed again."""
    connection.execute(update(question).where(question.c.id == id).values(**_WITHOUT_REPLY))


def unshowable(connection: Connection) -> list[int]:
    """Return the questions whose reply is composed, not posted, and made of a document that nobody shares any more."""
    rows = connection.execute(select(question.c.id, question.c.reply).where(question.c.reply.is_not(None))).all()
    made_of = {row.id: set((row.reply or {}).get("documents", ())) for row in rows}
    lost = unshared_documents(connection, set().union(*made_of.values()))
    return [id for id, documents in made_of.items() if documents & lost]


def open_questions(connection: Connection) -> int:
    return _count(connection, question.c.state.in_(OPEN))


# ---------------------------------------------------------------- SQL


def _next(state: ColumnElement[bool]) -> ScalarSelect[Any]:
    due = select(question.c.id).where(state, question.c.next_try <= time())
    return due.order_by(question.c.turn, question.c.id).limit(1).scalar_subquery()


def _claim(
    connection: Connection, candidate: ScalarSelect[Any], state: QuestionState, only: ColumnElement[bool] | None = None
) -> ClaimedQuestion | None:
    """Claim in one statement: a select and an update would claim twice. Only answering counts as an attempt."""
    attempts = question.c.attempts + (1 if state == QuestionState.ANSWERING else 0)
    row = connection.execute(
        update(question)
        .where(question.c.id == candidate, true() if only is None else only)
        .values(state=state, attempts=attempts)
        .returning(*question.c)
    ).one_or_none()
    return None if row is None else _asked(row)


def _held(asked: ClaimedQuestion) -> ColumnElement[bool]:
    return (question.c.id == asked.id) & (question.c.revision == asked.revision)


def _at(channel: str, ts: str) -> Select[Any]:
    return select(question).where(question.c.channel == channel, question.c.ts == ts)


def _in_thread(channel: str, thread: str) -> ColumnElement[bool]:
    return (question.c.channel == channel) & (question.c.thread == thread)


def _exists(connection: Connection, *where: ColumnElement[bool]) -> bool:
    return bool(connection.scalar(select(exists().where(*where))))


def _count(connection: Connection, where: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(question).where(where)) or 0


def seconds_of(ts: str) -> float:
    """Return the time in a message's ts, seconds since 1970; now for what is not a ts."""
    return float(ts) if re.fullmatch(r"\d{1,12}\.\d{1,9}", ts) else time()


def _asked(row: Row[Any]) -> ClaimedQuestion:
    asked = Question(
        row.channel, row.ts, row.thread, row.user, row.text, tuple(row.files), row.kind, dict(row.about or {})
    )
    return ClaimedQuestion(
        id=row.id,
        question=asked,
        state=QuestionState(row.state),
        revision=row.revision,
        turn=row.turn,
        halt=row.cancelled or "",
        attempts=row.attempts,
        delays=row.delays,
        asked=row.asked_at,
        placeholder=row.placeholder,
        reply=row.reply,
        used=row.used,
        uploads=row.uploads,
        sharing=row.sharing_since,
        obsolete=row.obsolete_uploads or (),
    )
