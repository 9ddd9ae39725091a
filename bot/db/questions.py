"""Questions: edits, cancellations, and what was asked before. The progress of their replies is in `reply_progress`.

A question gets a placeholder message, waits in the queue and is answered. A worker claims it for each of these steps;
see `question_queue`. A claim is for one revision of the question: results are written to that revision only, so an
answer to an earlier text never reaches a question that was edited or canceled since.
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
    Select,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from bot.db.tables import question
from bot.db.used_pages import UsedPage
from bot.slack.events import Question, reference_from_json, reference_to_json, without_words
from rag import is_any_of

EDITS = 60.0
"""Seconds after asking within which an edit changes the question."""


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
    """Why a question is no longer answered."""

    DELETED = "deleted"
    """Its message was deleted."""
    STOPPED = "stopped"
    """The asker pressed Stop."""
    REFUSED = "refused"
    """The asker had too many questions waiting."""
    NOT_ALLOWED = "barred"
    """The settings of the conversation do not let this person ask there."""


FOUND_AT = "found_at"
"""Key in `about` of a question whose event was missed: when it was found, in seconds since 1970."""

REFUSED_APP = "app"
"""Kind of a question of another app, which is answered with the sentence that apps are not answered."""

POSTING = (QuestionState.POSTING, QuestionState.UPDATING)
"""States in which a worker is about to write the placeholder message."""

BEGUN = (*POSTING, QuestionState.QUEUED, QuestionState.ANSWERING)
OPEN = (QuestionState.NEW, *BEGUN)
ENDED = (QuestionState.DONE, QuestionState.FAILED)


@dataclass(frozen=True, slots=True)
class ClaimedQuestion:
    """A question with the state of its reply."""

    id: int
    question: Question
    state: QuestionState
    revision: int
    turn: int
    cancellation: str
    attempts: int
    delays: int
    asked_at: float
    placeholder: str | None
    stream: str | None
    reply: Mapping[str, Any] | None
    used: Sequence[Mapping[str, Any]] | None
    uploads: Sequence[str] | None
    sharing_since: float | None
    obsolete_uploads: Sequence[str]

    @property
    def created(self) -> float:
        """The time from which a worker measures the age of its work, seconds since 1970."""
        return float(self.question.about.get(FOUND_AT) or self.asked_at)


# ---------------------------------------------------------------- asking


def put_question(connection: Connection, new: Question, limit: int = 0, asked_at: float | None = None) -> bool:
    """Record a question. Recording the same message again changes nothing.

    Return False if this person already has `limit` open questions (0: no limit). The question is then stored as
    refused, so that the sweep does not record it again as a missed one. `asked_at`: the time from which its age is
    measured, if that is not the time in its ts.
    """
    if has_any(connection, (question.c.channel == new.channel) & (question.c.ts == new.ts)):
        return True
    full = bool(limit) and count_open_of(connection, new.user) >= limit
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
            refers_to=[reference_to_json(reference) for reference in new.references] or None,
            state=QuestionState.FAILED if full else QuestionState.NEW,
            cancellation=Cancellation.REFUSED if full else None,
            turn=0 if full else _turn(connection, new.user),
            asked_at=seconds_of(new.ts) if asked_at is None else asked_at,
        )
    )
    return not full


def put_barred_question(connection: Connection, new: Question) -> bool:
    """Record a question of a person who may not ask, so that a sweep does not take it for a missed one. Return False if
    it was recorded before."""
    if has_any(connection, (question.c.channel == new.channel) & (question.c.ts == new.ts)):
        return False
    put_question(connection, new)
    ended = {"state": QuestionState.FAILED, "cancellation": Cancellation.NOT_ALLOWED, "text": "", "turn": 0}
    ended["refers_to"] = null()
    at = (question.c.channel == new.channel) & (question.c.ts == new.ts)
    connection.execute(update(question).where(at).values(**ended))
    return True


def was_refused_recently(connection: Connection, user: str, seconds: float) -> bool:
    """Return whether a question that this person wrote in the last `seconds` was refused for being over the limit."""
    matching = (question.c.user == user) & (question.c.cancellation == Cancellation.REFUSED)
    return bool(connection.scalar(select(exists().where(matching, question.c.asked_at > time() - seconds))))


def count_open_of(connection: Connection, user: str) -> int:
    """Return the number of this person's questions that are not answered yet."""
    return count_of(connection, question.c.state.in_(OPEN) & (question.c.user == user))


def _turn(connection: Connection, user: str) -> int:
    """Return the round of a person's next question: one after their last question, but not before the round that is
    being served. This is start-time fair queueing (Goyal, Vin, Cheng 1996) in which every question costs one unit."""
    now = current_round(connection)
    matching = select(func.max(question.c.turn)).where(question.c.user == user, question.c.turn >= now)
    last = connection.scalar(matching)
    return int(now if last is None else last + 1)


def current_round(connection: Connection) -> int:
    """Return the round of fair queueing that is being served."""
    now = connection.scalar(select(func.min(question.c.turn)).where(question.c.state.in_(OPEN)))
    return int(now if now is not None else connection.scalar(select(func.max(question.c.turn))) or 0)


def put_edit(connection: Connection, edited: Question, at: float) -> None:
    """Ask a question again with its edited text. An edit more than EDITS seconds after the question is ignored.

    `at`: time of the edit, in seconds since 1970.
    """
    row = connection.execute(_at(edited.channel, edited.ts)).one_or_none()
    late = row is None or at - row.asked_at > EDITS
    is_new = row is not None and (row.cancellation == Cancellation.DELETED or edited.text != row.text)
    if row is not None and not late and is_new and edited.text:
        _ask_again(connection, row, text=edited.text)


def add_files(connection: Connection, seen: Question) -> None:
    """Add the files and references of a question that arrived after it.

    A question that was answered without them, or is being answered, is asked again.
    """
    row = connection.execute(_at(seen.channel, seen.ts)).one_or_none()
    if row is None:
        return
    files = [file for file in seen.files if file not in row.files]
    known = [without_words(reference_from_json(reference)) for reference in row.refers_to or ()]
    references = [reference_to_json(each) for each in seen.references if without_words(each) not in known]
    if files or references:
        _ask_again(connection, row, files=[*row.files, *files], refers_to=[*(row.refers_to or ()), *references] or None)


def drop_files(connection: Connection, seen: Question) -> None:
    """Take files and references out of a question that its message no longer has. An answer is not changed by that."""
    row = connection.execute(_at(seen.channel, seen.ts)).one_or_none()
    if row is None or row.kind != "ask":
        return
    files = [file for file in row.files if file in seen.files]
    present = [reference_to_json(reference) for reference in seen.references]
    references = [reference for reference in row.refers_to or () if reference in present]
    if (files, references) != (row.files, row.refers_to or []):
        changed = {"files": files, "refers_to": references or null()}
        connection.execute(update(question).where(question.c.id == row.id).values(**changed))


def drop_found_at(connection: Connection, seen: Question) -> None:
    """Record that the event of a question arrived, so that the question does not wait for files that were missed."""
    row = connection.execute(_at(seen.channel, seen.ts)).one_or_none()
    if row is not None and FOUND_AT in (row.about or {}):
        about = {key: value for key, value in row.about.items() if key != FOUND_AT}
        connection.execute(update(question).where(question.c.id == row.id).values(about=about or null()))


def _ask_again(connection: Connection, row: Row[Any], **changed: Any) -> None:
    """Change a question that a message asks and, unless it still waits to be answered, ask it again.

    A question that its message no longer asked is asked again when the message asks it again.
    """
    if row.cancellation not in (None, Cancellation.DELETED) or row.kind != "ask":
        return
    obsolete = [*(row.obsolete_uploads or ()), *(row.uploads or ())]
    again = {**_restarted(row), **WITHOUT_REPLY, "cancellation": null(), "obsolete_uploads": obsolete, **changed}
    connection.execute(update(question).where(question.c.id == row.id).values(**again))


def list_open_of(connection: Connection, channel: str, thread: str, user: str) -> list[str]:
    """Return the ts of a person's questions in a thread whose answers are not shown yet."""
    matching = _in_thread(channel, thread) & (question.c.user == user) & question.c.state.in_(OPEN)
    return list(connection.scalars(select(question.c.ts).where(matching, ~question.c.shown)))


def cancel_question(connection: Connection, channel: str, ts: str, reason: Cancellation) -> bool:
    """Cancel a question. Return False if it is already answered or unknown.

    If the message with this `ts` is not a question but the placeholder of one, deleting it stops that question.
    """
    row = connection.execute(_at(channel, ts)).one_or_none()
    if row is None and reason == Cancellation.DELETED:
        matching = (question.c.channel == channel) & (question.c.placeholder == ts) & question.c.cancellation.is_(None)
        row, reason = connection.execute(select(question).where(matching)).first(), Cancellation.STOPPED
    if row is None or row.state not in OPEN:
        return False
    if reason == Cancellation.DELETED and row.state == QuestionState.NEW and row.placeholder is None:
        connection.execute(delete(question).where(question.c.id == row.id))  # it has no placeholder
        return True
    changed = {**_restarted(row), "cancellation": reason, "reply": null()}
    connection.execute(update(question).where(question.c.id == row.id).values(**changed))
    return True


def _restarted(row: Row[Any]) -> dict[str, Any]:
    """Return the values that make a question start again. While its placeholder is being posted it keeps its state:
    a second worker would post a second placeholder."""
    state = row.state if row.state in POSTING else QuestionState.NEW
    return {"state": state, "revision": row.revision + 1, "attempts": 0, "delays": 0, "next_try": 0}


WITHOUT_REPLY: Mapping[str, Any] = {
    "reply": null(),
    "shown": False,
    "used": null(),
    "outcome": None,
    "uploads": null(),
    "sharing_since": None,
}


# ---------------------------------------------------------------- what was asked before


def is_answered(connection: Connection, channel: str, thread: str, ts: str) -> bool:
    """Return whether Magpie wrote an answer in a thread before the message `ts`, whose event may come late."""
    posted = func.coalesce(func.nullif(question.c.placeholder, ""), question.c.ts)  # empty: being posted
    is_answer = question.c.placeholder.is_not(None) & (posted < ts) & (question.c.kind != REFUSED_APP)
    return has_any(connection, _in_thread(channel, thread), is_answer)


def answered_threads(connection: Connection, channel: str, since: float) -> list[str]:
    """Return the threads of a conversation where Magpie answered a question asked after this time, seconds since
    1970; those with the latest questions first."""
    matching = (question.c.channel == channel) & (question.c.asked_at > since) & question.c.placeholder.is_not(None)
    rows = select(question.c.thread).where(matching, question.c.thread != "").group_by(question.c.thread)
    return list(connection.scalars(rows.order_by(func.max(question.c.asked_at).desc())))


def has_asked(connection: Connection, channel: str, thread: str, user: str, ts: str) -> bool:
    """Return whether a person asked something in a thread before the message `ts`."""
    return has_any(connection, _in_thread(channel, thread), question.c.user == user, question.c.ts < ts)


def asked_before(connection: Connection, asked: Question) -> list[str]:
    """Return the ts of earlier questions of the same thread, oldest first."""
    matching = _in_thread(asked.channel, asked.thread) & (question.c.ts < asked.ts)
    rows = select(question.c.ts).where(matching, question.c.cancellation.is_(None), question.c.kind == "ask")
    return sorted(connection.scalars(rows))


def asked_recently(connection: Connection, asked: Question, seconds: float) -> list[str]:
    """Return what the same person asked in the same conversation in the last `seconds`, oldest first."""
    matching = (question.c.channel == asked.channel) & (question.c.user == asked.user) & (question.c.ts < asked.ts)
    since = question.c.asked_at > seconds_of(asked.ts) - seconds
    rows = select(question.c.text).where(matching, since, question.c.text != "", question.c.kind == "ask")
    return list(connection.scalars(rows.order_by(question.c.id)))


def find_question(connection: Connection, channel: str, ts: str) -> Question | None:
    found = find_claimed(connection, channel, ts)
    return None if found is None else found.question


def find_claimed(connection: Connection, channel: str, ts: str) -> ClaimedQuestion | None:
    row = connection.execute(_at(channel, ts)).one_or_none()
    return None if row is None else claimed_of(row)


def find_by_message(connection: Connection, channel: str, message: str, ts: str = "") -> ClaimedQuestion | None:
    """Return the question that one of Magpie's messages answers.

    `ts`: the question's ts from the message's metadata. It is used only while the message's own ts is not stored.
    """
    matching = question.c.placeholder == message
    if ts:
        matching = or_(matching, (question.c.ts == ts) & question.c.placeholder.in_(["", message]))
    row = connection.execute(select(question).where(question.c.channel == channel, matching)).first()
    return None if row is None else claimed_of(row)


def is_open(connection: Connection, like: Question) -> bool:
    """Return whether the conversation has an open question with the same kind and the same `about`."""
    matching = (question.c.channel == like.channel) & (question.c.kind == like.kind) & question.c.state.in_(OPEN)
    return any(
        dict(about or {}) == like.about for about in connection.scalars(select(question.c.about).where(matching))
    )


def used_by_replies(connection: Connection, channel: str, questions: Collection[str]) -> dict[str, list[UsedPage]]:
    """Return the pages that the replies to these questions use, by ts; questions without any are left out."""
    rows = select(question.c.ts, question.c.used).where(
        question.c.channel == channel, is_any_of(question.c.ts, questions)
    )
    return {row.ts: [UsedPage(**page) for page in row.used] for row in connection.execute(rows) if row.used}


def used_by_presses(connection: Connection, channel: str, kind: str, of: str) -> list[Mapping[str, Any]]:
    """Return the pages used by answers to button presses of this kind about the question `of`."""
    rows = select(question.c.used, question.c.about).where(question.c.channel == channel, question.c.kind == kind)
    about = [row for row in connection.execute(rows) if (row.about or {}).get("of") == of]
    return [page for row in about for page in row.used or ()]


def open_questions(connection: Connection) -> int:
    return count_of(connection, question.c.state.in_(OPEN))


# ---------------------------------------------------------------- SQL


def _at(channel: str, ts: str) -> Select[Any]:
    return select(question).where(question.c.channel == channel, question.c.ts == ts)


def _in_thread(channel: str, thread: str) -> ColumnElement[bool]:
    return (question.c.channel == channel) & (question.c.thread == thread)


def has_any(connection: Connection, *where: ColumnElement[bool]) -> bool:
    """Return whether any question meets all of these conditions."""
    return bool(connection.scalar(select(exists().where(*where))))


def count_of(connection: Connection, where: ColumnElement[bool]) -> int:
    """Return the number of questions that meet a condition."""
    return connection.scalar(select(func.count()).select_from(question).where(where)) or 0


def seconds_of(ts: str) -> float:
    """Return the time in a message's ts, seconds since 1970; now for what is not a ts."""
    return float(ts) if re.fullmatch(r"\d{1,12}\.\d{1,9}", ts) else time()


def claimed_of(row: Row[Any]) -> ClaimedQuestion:
    """Return a row of the table as a question with the state of its reply."""
    asked = Question(
        row.channel,
        row.ts,
        row.thread,
        row.user,
        row.text,
        tuple(row.files),
        row.kind,
        dict(row.about or {}),
        tuple(map(reference_from_json, row.refers_to or ())),
    )
    return ClaimedQuestion(
        id=row.id,
        question=asked,
        state=QuestionState(row.state),
        revision=row.revision,
        turn=row.turn,
        cancellation=row.cancellation or "",
        attempts=row.attempts,
        delays=row.delays,
        asked_at=row.asked_at,
        placeholder=row.placeholder,
        stream=row.stream,
        reply=row.reply,
        used=row.used,
        uploads=row.uploads,
        sharing_since=row.sharing_since,
        obsolete_uploads=row.obsolete_uploads or (),
    )
