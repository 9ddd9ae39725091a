"""Questions in their line: who is next, how far each reply came, and what was changed or stopped meanwhile.

Every function works in the caller's transaction. A question is greeted, waits in the line, and is answered; each of
these is a claim of its own. Whoever answers holds a revision of it: what is written is written to this one alone, so
that a question that was changed, stopped or deleted takes nothing from an answer to what it was before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from bot.db.tables import metadata
from bot.slack.events import Edited, Question

ATTEMPTS = 5
"""Claims of one question before it is given up: it may be what kills the process, or only stand near."""

EDITS = 60.0
"""Seconds after asking within which other words make it another question."""

_COMING = 10.0
"""Seconds within which a new question keeps its place before it is greeted; Slack may be slow in one conversation."""

DELETED, STOPPED, REFUSED = "deleted", "stopped", "refused"

question = Table(
    "question",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False, doc="of the message; of the press, where a button asks"),
    Column("thread", String(32), nullable=False, doc="ts that the reply goes under; empty: under none"),
    Column("user", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("files", JSON, nullable=False, doc="ids of the files sent with it"),
    Column("kind", String(8), nullable=False, server_default="ask", doc="ask; or what a button asks for"),
    Column("about", JSON, doc="of what a button asks"),
    Column("state", String(16), nullable=False, doc="waiting, greeting, lined, placing, answering, done, failed"),
    Column("turn", Integer, nullable=False, server_default="0", doc="the lowest goes first"),
    Column("revision", Integer, nullable=False, server_default="0", doc="grows when it is changed, stopped, deleted"),
    Column("halt", String(8), doc="deleted, stopped, refused: not to be answered any more"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try", Float, nullable=False, server_default="0"),
    Column("asked", Float, nullable=False, doc="when it was written"),
    Column("placeholder", String(32), doc="ts of the message that becomes the answer; empty: being posted"),
    Column("reply", JSON, doc="text, blocks and pictures, once known: never thought out twice"),
    Column("used", JSON, doc="the pages that the reply is made of, by number; kept for as long as the question"),
    Column("uploads", JSON, doc="file ids of the pictures, stored before they are shared"),
    Column("sharing", Float, doc="when sharing them was asked for"),
    Column("obsolete", JSON, doc="file ids of pictures of an answer before, to be taken out of Slack"),
    UniqueConstraint("channel", "ts"),
    Index(None, "state", "next_try"),
    Index(None, "channel", "thread"),
    Index(None, "channel", "placeholder"),
    sqlite_autoincrement=True,
)

OPEN = ("waiting", "greeting", "lined", "placing", "answering")
_GREETED = ("greeting", "placing")
"""States in which somebody is about to say something where the answer will stand."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A claimed question, and how far its reply has come."""

    id: int
    question: Question
    revision: int
    turn: int
    halt: str
    attempts: int
    asked: float
    placeholder: str | None
    reply: Mapping[str, Any] | None
    uploads: Sequence[str] | None
    sharing: float | None
    obsolete: Sequence[str]


# ---------------------------------------------------------------- what is asked


def put_question(connection: Connection, new: Question, most: int = 0) -> bool:
    """Record a question; the same message told again adds only the files that were not known yet.

    Return False where this person has `most` questions waiting already: it is recorded as refused, so that the sweep
    does not take it for one that nobody heard. 0: no limit.
    """
    row = connection.execute(
        select(question.c.id, question.c.files).where(question.c.channel == new.channel, question.c.ts == new.ts)
    ).one_or_none()
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
                state="failed" if full else "waiting",
                halt=REFUSED if full else None,
                turn=0 if full else _turn(connection, new.user),
                asked=_seconds(new.ts),
            )
        )
    elif missing := [file for file in new.files if file not in row.files]:
        connection.execute(update(question).where(question.c.id == row.id).values(files=[*row.files, *missing]))
    return not full


def refused_lately(connection: Connection, user: str, seconds: float) -> bool:
    """Return whether a question that this person wrote in these last seconds was refused."""
    mine = (question.c.user == user) & (question.c.halt == REFUSED) & (question.c.asked > time() - seconds)
    return bool(connection.scalar(select(exists().where(mine))))


def waiting_of(connection: Connection, user: str) -> int:
    """Return how many questions of this person are not answered yet."""
    mine = question.c.state.in_(OPEN) & (question.c.user == user)
    return connection.scalar(select(func.count()).select_from(question).where(mine)) or 0


def _turn(connection: Connection, user: str) -> int:
    """Start-time fair queueing (Goyal, Vin, Cheng 1996), every question one unit: somebody's next question comes a
    round after their last, and nobody saves up rounds while they ask nothing."""
    now = connection.scalar(select(func.min(question.c.turn)).where(question.c.state.in_(OPEN)))
    if now is None:
        now = connection.scalar(select(func.max(question.c.turn))) or 0
    mine = select(func.max(question.c.turn)).where(question.c.user == user, question.c.turn >= now)
    last = connection.scalar(mine)
    return int(now if last is None else last + 1)


def put_edit(connection: Connection, edit: Edited) -> None:
    """Ask again what was asked in other words less than a minute before. Another message's edit changes nothing."""
    row = connection.execute(at(edit.channel, edit.ts)).one_or_none()
    late = row is None or (edit.at or time()) - row.asked > EDITS
    if row is None or late or row.halt or row.kind != "ask" or edit.text in ("", row.text):
        return
    connection.execute(
        update(question)
        .where(question.c.id == row.id)
        .values(
            text=edit.text,
            state=_again(row),
            revision=row.revision + 1,
            attempts=0,
            next_try=0,
            reply=null(),
            used=null(),
            uploads=null(),
            sharing=None,
            obsolete=[*(row.obsolete or ()), *(row.uploads or ())],
        )
    )


def halt_question(connection: Connection, channel: str, ts: str, how: str) -> bool:
    """Let a question go that is not answered yet: its message was DELETED, or its work STOPPED. False: too late."""
    row = connection.execute(at(channel, ts)).one_or_none()
    if row is None or row.state not in OPEN:
        return False
    if how == DELETED and row.state == "waiting" and row.placeholder is None:  # nothing is seen of it
        connection.execute(delete(question).where(question.c.id == row.id))
        return True
    changed = {"halt": how, "state": _again(row), "revision": row.revision + 1, "next_try": 0, "attempts": 0}
    connection.execute(update(question).where(question.c.id == row.id).values(**changed, reply=null()))
    return True


def _again(row: Row[Any]) -> str:
    """The state of a question that changed. Who greets it goes on, for two would post two messages."""
    return str(row.state) if row.state in _GREETED else "waiting"


def is_answered(connection: Connection, channel: str, thread: str) -> bool:
    """Whether Magpie speaks in a thread."""
    mine = (question.c.channel == channel) & (question.c.thread == thread) & question.c.placeholder.is_not(None)
    return bool(connection.scalar(select(exists().where(mine))))


def has_asked(connection: Connection, channel: str, thread: str, user: str) -> bool:
    mine = (question.c.channel == channel) & (question.c.thread == thread) & (question.c.user == user)
    return bool(connection.scalar(select(exists().where(mine))))


def asked_before(connection: Connection, asked: Question) -> list[str]:
    """The ts of questions of the same thread that were asked before, oldest first."""
    mine = (question.c.channel == asked.channel) & (question.c.thread == asked.thread) & (question.c.ts < asked.ts)
    rows = select(question.c.ts).where(mine, question.c.halt.is_(None), question.c.kind == "ask")
    return sorted(connection.scalars(rows))


def asked_lately(connection: Connection, asked: Question, seconds: float) -> list[str]:
    """What the same person asked in the same conversation in these last seconds, in threads or not, oldest first."""
    mine = (question.c.channel == asked.channel) & (question.c.user == asked.user) & (question.c.ts < asked.ts)
    since = question.c.asked > _seconds(asked.ts) - seconds
    rows = select(question.c.text).where(mine, since, question.c.text != "", question.c.kind == "ask")
    return list(connection.scalars(rows.order_by(question.c.id)))


def find_question(connection: Connection, channel: str, ts: str) -> Question | None:
    row = connection.execute(at(channel, ts)).one_or_none()
    return None if row is None else as_question(row)


# ---------------------------------------------------------------- claims


def claim_greeting(connection: Connection) -> Asked | None:
    """Take the next question that was not greeted yet, or that is to be let go."""
    return _claim(connection, _next(question.c.state == "waiting"), "greeting")


def claim_question(connection: Connection, most: int = 0) -> Asked | None:
    """Take the next question of the line. One that comes before it and is only now being greeted is waited for.

    Questions of people of whom `most` are being answered already are passed over; 0: no limit.
    """
    coming = question.c.state.in_(["waiting", "greeting"]) & (question.c.asked > time() - _COMING)
    due = coming | question.c.state.in_(["lined", "placing"])
    if most:
        mine = question.alias()
        others = select(mine.c.user).where(mine.c.state == "answering").group_by(mine.c.user)
        due = due & question.c.user.not_in(others.having(func.count() >= most))
    first = _next(due)
    return _claim(connection, first, "answering", question.c.state == "lined")


def claim_place(connection: Connection, id: int) -> Asked | None:
    """Take a question out of the line for a moment, to say how far it is: nobody answers it meanwhile."""
    mine = select(question.c.id).where(question.c.id == id, question.c.state == "lined")
    return _claim(connection, mine.scalar_subquery(), "placing")


def line_up(connection: Connection, asked: Asked) -> None:
    """Put a greeted question into the line; one that changed meanwhile is greeted again."""
    state = case((question.c.revision == asked.revision, "lined"), else_="waiting")
    mine = (question.c.id == asked.id) & question.c.state.in_(_GREETED)
    connection.execute(update(question).where(mine).values(state=state))


def lined(connection: Connection) -> list[tuple[int, int]]:
    """(id of a question in the line, how many go before it or are at work), in their order."""
    rows = select(question.c.id, question.c.state).where(question.c.state.in_(OPEN), question.c.halt.is_(None))
    ordered = connection.execute(rows.order_by(question.c.state != "answering", question.c.turn, question.c.id))
    return [(row.id, before) for before, row in enumerate(ordered) if row.state == "lined"]


def before(connection: Connection, asked: Asked) -> int:
    """How many questions go before one, or are at work."""
    sooner = or_(
        question.c.turn < asked.turn,
        and_(question.c.turn == asked.turn, question.c.id < asked.id),
        question.c.state == "answering",
    )
    others = (question.c.id != asked.id) & question.c.state.in_(OPEN) & question.c.halt.is_(None) & sooner
    return connection.scalar(select(func.count()).where(others)) or 0


def free_claims(connection: Connection) -> None:
    """Put back what a process that is gone was at. Only for the one bot process, when it starts."""
    begun = question.c.state.in_(["greeting", "lined", "placing", "answering"])
    connection.execute(update(question).where(begun).values(state="waiting"))


def delay_question(connection: Connection, asked: Asked, wait: float, *, attempts: int) -> None:
    """Give a claim back, to be tried again after `wait` seconds, with its attempts counted again from there."""
    mine = question.c.state.in_(_GREETED) | (_held(asked) & (question.c.state == "answering"))
    changed = {"state": "waiting", "next_try": time() + wait, "attempts": attempts}
    connection.execute(update(question).where(question.c.id == asked.id, mine).values(**changed))


# ---------------------------------------------------------------- how far a reply came


def is_held(connection: Connection, asked: Asked) -> bool:
    """Whether a question is still the one that was claimed: not changed, not stopped, not deleted, not forgotten."""
    return bool(connection.scalar(select(exists().where(_held(asked)))))


def note_placeholder(connection: Connection, asked: Asked, ts: str) -> None:
    """Where the answer will stand; empty: it is being posted. True of every revision."""
    connection.execute(update(question).where(question.c.id == asked.id).values(placeholder=ts))


def note_reply(connection: Connection, asked: Asked, **known: Any) -> bool:
    """Store how far a reply came: `reply`, `used`, `uploads`, `sharing`, `obsolete`. False: it is held no longer."""
    return connection.execute(update(question).where(_held(asked)).values(**known)).rowcount == 1


def end_question(connection: Connection, asked: Asked, state: str) -> None:
    """What was answered stands in Slack alone from now on, and so does a message that somebody asked about."""
    mine = (question.c.id == asked.id) & (question.c.state.in_(_GREETED) | _held(asked))
    about = case((question.c.kind == "similar", null()), else_=question.c.about)
    connection.execute(update(question).where(mine).values(state=state, reply=null(), about=about))


def drop_question(connection: Connection, asked: Asked) -> None:
    connection.execute(delete(question).where(question.c.id == asked.id))


def unthink(connection: Connection, id: int) -> None:
    """Let a reply that was thought out and may be shown no longer be thought out anew, its pictures too."""
    anew: dict[str, Any] = {"reply": null(), "used": null(), "uploads": null(), "sharing": None}
    connection.execute(update(question).where(question.c.id == id).values(**anew))


def open_questions(connection: Connection) -> int:
    rows = select(func.count()).select_from(question).where(question.c.state.in_(OPEN))
    return connection.scalar(rows) or 0


def _next(state: Any) -> Any:
    due = select(question.c.id).where(state, question.c.next_try <= time())
    return due.order_by(question.c.turn, question.c.id).limit(1).scalar_subquery()


def _claim(connection: Connection, candidate: Any, state: str, only: Any = True) -> Asked | None:
    """One statement, for select-then-update claims twice. Attempts are counted where the work is done."""
    attempts = question.c.attempts + (1 if state == "answering" else 0)
    row = connection.execute(
        update(question)
        .where(question.c.id == candidate, only)
        .values(state=state, attempts=attempts)
        .returning(*question.c)
    ).one_or_none()
    return None if row is None else _asked(row)


def _held(asked: Asked) -> Any:
    return (question.c.id == asked.id) & (question.c.revision == asked.revision)


def at(channel: str, ts: str) -> Any:
    """Selects the question at this place."""
    return select(question).where(question.c.channel == channel, question.c.ts == ts)


def _seconds(ts: str) -> float:
    """The time in a message's ts, as people's clocks have it."""
    return float(ts) if re.fullmatch(r"\d{1,12}\.\d{1,9}", ts) else time()


def as_question(row: Row[Any]) -> Question:
    """A row of the table."""
    return Question(
        row.channel, row.ts, row.thread, row.user, row.text, tuple(row.files), row.kind, dict(row.about or {})
    )


def _asked(row: Row[Any]) -> Asked:
    return Asked(
        row.id,
        as_question(row),
        row.revision,
        row.turn,
        row.halt or "",
        row.attempts,
        row.asked,
        row.placeholder,
        row.reply,
        row.uploads,
        row.sharing,
        row.obsolete or (),
    )
