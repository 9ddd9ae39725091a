"""Which answer a button press is about, and the question that the press asks. Runs in the caller's transaction.

A press names a message. Which question that message answers, who asked it and in which thread comes from the database,
never from the payload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from bot.db import questions
from bot.db.questions import ClaimedQuestion
from bot.slack.buttons import FILE, MORE
from bot.slack.events import Question

SIMILAR = "similar"

_DEEPEST = 20
"""Buttons pressed one after another, each under the answer to the one before."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer in Slack and its question. `used` is None when it is not known what the answer was made of."""

    question: Question
    placeholder: str
    used: Sequence[Mapping[str, Any]] | None

    @property
    def thread(self) -> str:
        """The thread for messages about the answer."""
        return self.question.thread or self.placeholder


@dataclass(frozen=True, slots=True)
class Origin:
    """The question, in words or with a picture, that a chain of presses started from.

    `documents`: what it was narrowed to. `seen`: the (document, page) that its answers already showed.
    """

    question: Question
    documents: frozenset[int] | None = None
    seen: frozenset[tuple[int, int]] = field(default=frozenset())


def answered(connection: Connection, channel: str, message: str, key: str = "") -> Answered | None:
    """Return the question that a message of Magpie's answers.

    `key`: what the message's metadata says of it, for the moment before its ts is stored.
    """
    named, _, ts = key.partition(":")
    found = questions.find_by_message(connection, channel, message, ts if named == channel else "")
    return None if found is None else Answered(found.question, found.placeholder or message, found.used)


def answered_at(connection: Connection, asked: Question) -> Answered | None:
    """Return the answer to a question."""
    found = questions.find_claimed(connection, asked.channel, asked.ts)
    return None if found is None else Answered(found.question, found.placeholder or "", found.used)


def put_press(connection: Connection, press: Question) -> bool:
    """Record a press as a question. Return False when the same is already being looked for."""
    if questions.is_open(connection, press):
        return False
    questions.put_question(connection, press)
    return True


def press(kind: str, about: Answered, user: str, ts: str, document: int = 0) -> Question:
    """Return the question that a press asks, in the answer's thread, by the person who pressed."""
    asked = about.question
    what: dict[str, Any] = {"of": asked.ts} | ({"document": document} if kind == FILE else {})
    return Question(asked.channel, ts, about.thread, user, "", (), kind, what)


def origin(connection: Connection, pressed: Question) -> Origin | None:
    """Return the question that a press goes back to; None when it, or its text, was deleted."""
    documents: frozenset[int] | None = None
    seen: set[tuple[int, int]] = set()
    at = pressed
    for _ in range(_DEEPEST):
        if at.kind == FILE and documents is None:
            documents = frozenset([int(at.about.get("document", 0))])
        elif at.kind not in (MORE, FILE):
            return Origin(at, documents, frozenset(seen)) if at.text or at.files else None
        before = questions.find_claimed(connection, at.channel, str(at.about.get("of", "")))
        if before is None:
            return None
        if at.kind == MORE:
            seen |= _shown(connection, before)
        at = before.question
    return None


def _shown(connection: Connection, before: ClaimedQuestion) -> set[tuple[int, int]]:
    """Return the pages shown by an answer and by the answers to "Show more pages" under it."""
    asked = before.question
    more = questions.used_by_presses(connection, asked.channel, MORE, asked.ts)
    return {(one["document"], one["page"]) for one in (*(before.used or ()), *more) if one["shown"]}
