"""Which answer a press is about, and the questions that presses make. Every function works in the caller's transaction.

A press names a message. What that message answers, who asked and in which thread, is looked up here and believed of
nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, or_, select

from bot.answers import queue
from bot.answers.queue import question
from bot.slack.buttons import FILE, MORE
from bot.slack.events import Question

SIMILAR = "similar"

_DEEPEST = 20
"""Buttons pressed one after another under the answers that they brought."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer in Slack and its question. `used` is None when nobody knows any more what it was made of."""

    question: Question
    placeholder: str
    used: Sequence[Mapping[str, Any]] | None

    @property
    def thread(self) -> str:
        """Where what is said about the answer goes."""
        return self.question.thread or self.placeholder


@dataclass(frozen=True, slots=True)
class Origin:
    """What somebody once asked in words or with a picture, that a press asks on about.

    `documents`: what it was narrowed to. `seen`: the (document, page) that its answers showed already.
    """

    question: Question
    documents: frozenset[int] | None = None
    seen: frozenset[tuple[int, int]] = field(default=frozenset())


def answered(connection: Connection, channel: str, message: str, key: str = "") -> Answered | None:
    """The question that a message of Magpie's answers. `key`: what the message itself says of it, for the moment in
    which nobody noted yet where the answer stands."""
    there = question.c.placeholder == message
    named, _, ts = key.partition(":")
    if named == channel and ts:
        there = or_(there, (question.c.ts == ts) & question.c.placeholder.in_(["", message]))
    row = connection.execute(select(question).where(question.c.channel == channel, there)).first()
    return None if row is None else Answered(queue.as_question(row), row.placeholder or message, row.used)


def answered_at(connection: Connection, asked: Question) -> Answered | None:
    """The answer to a question."""
    row = connection.execute(queue.at(asked.channel, asked.ts)).one_or_none()
    return None if row is None else Answered(queue.as_question(row), row.placeholder or "", row.used)


def put_press(connection: Connection, press: Question) -> bool:
    """Ask on about an answer. False: just that is being looked for already."""
    rows = select(question.c.kind, question.c.about).where(
        question.c.channel == press.channel, question.c.kind == press.kind, question.c.state.in_(queue.OPEN)
    )
    if any(dict(row.about or {}) == press.about for row in connection.execute(rows)):
        return False
    queue.put_question(connection, press)
    return True


def press(kind: str, about: Answered, user: str, ts: str, document: int = 0) -> Question:
    """The question that a press is: who pressed asks it, in the answer's thread."""
    asked = about.question
    what: dict[str, Any] = {"of": asked.ts} | ({"document": document} if kind == FILE else {})
    return Question(asked.channel, ts, about.thread, user, "", (), kind, what)


def origin(connection: Connection, pressed: Question) -> Origin | None:
    """What a press asks on about; None: it is kept no longer, or its words are gone with a file that answered it."""
    documents: frozenset[int] | None = None
    seen: set[tuple[int, int]] = set()
    at = pressed
    for _ in range(_DEEPEST):
        if at.kind == FILE and documents is None:
            documents = frozenset([int(at.about.get("document", 0))])
        elif at.kind not in (MORE, FILE):
            return Origin(at, documents, frozenset(seen)) if at.text or at.files else None
        before = connection.execute(queue.at(at.channel, str(at.about.get("of", "")))).one_or_none()
        if before is None:
            return None
        if at.kind == MORE:
            seen |= _shown(connection, at.channel, before)
        at = queue.as_question(before)
    return None


def _shown(connection: Connection, channel: str, before: Any) -> set[tuple[int, int]]:
    """The pages that an answer and all that was asked on about it show."""
    rows = select(question.c.used, question.c.about).where(question.c.channel == channel, question.c.kind == MORE)
    on = [row.used for row in connection.execute(rows) if (row.about or {}).get("of") == before.ts]
    return {(one["document"], one["page"]) for used in [before.used, *on] for one in used or () if one["shown"]}
