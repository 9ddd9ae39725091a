"""Find the answer that a button press refers to, and turn the press into a question. Uses the caller's transaction.

A press names a message. The question that the message answers, its asker and its thread come from the database, never
from the payload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from bot.db import questions
from bot.db.questions import ClaimedQuestion
from bot.slack.buttons import AGAIN, FILE, MORE, TOPIC, WITH
from bot.slack.events import Question

SIMILAR = "similar"

_MAX_DEPTH = 20
"""Length of a chain of presses, each on the answer to the press before."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer in Slack and its question. `used`: the pages it uses; None if they are not known."""

    question: Question
    placeholder: str
    used: Sequence[Mapping[str, Any]] | None

    @property
    def thread(self) -> str:
        """The thread for messages about the answer."""
        return self.question.thread or self.placeholder


@dataclass(frozen=True, slots=True)
class Origin:
    """The question, a text or a picture, that a chain of presses started from.

    `documents`: the documents that a press narrowed it to. `seen`: the (document, page) that its answers showed.
    `posts`: the marks of the messages that they showed, see `post_mark`.
    """

    question: Question
    documents: frozenset[int] | None = None
    seen: frozenset[tuple[int, int]] = field(default=frozenset())
    posts: frozenset[str] = field(default=frozenset())


def answered(connection: Connection, channel: str, message: str, key: str = "") -> Answered | None:
    """Return the answer that one of Magpie's messages shows, or None.

    `key`: the question's key from the message's metadata, which identifies it before the message's ts is stored.
    """
    named, _, ts = key.partition(":")
    found = questions.find_by_message(connection, channel, message, ts if named == channel else "")
    return None if found is None else Answered(found.question, found.placeholder or message, found.used)


def answered_at(connection: Connection, asked: Question) -> Answered | None:
    """Return the answer to a question."""
    found = questions.find_claimed(connection, asked.channel, asked.ts)
    return None if found is None else Answered(found.question, found.placeholder or "", found.used)


def put_press(connection: Connection, press: Question) -> bool:
    """Record a press as a question. Return False if an equal one is still being answered."""
    if questions.is_open(connection, press):
        return False
    questions.put_question(connection, press)
    return True


def press(kind: str, about: Answered, user: str, ts: str, chosen: int = 0, value: str = "") -> Question:
    """Return a press as a question in the answer's thread, asked by the person who pressed.

    `chosen`: the document, or the chunk below a heading. `value`: how to answer again.
    """
    asked = about.question
    names = {FILE: "document", TOPIC: "chunk"}
    refers_to: dict[str, Any] = {"of": asked.ts} | ({names[kind]: chosen} if kind in names else {})
    refers_to |= {"with": value} if kind == WITH else {}
    return Question(asked.channel, ts, about.thread, user, "", (), kind, refers_to)


def origin(connection: Connection, pressed: Question) -> Origin | None:
    """Return the question that a chain of presses started from; None if it or its text was deleted."""
    documents: frozenset[int] | None = None
    shown: list[Mapping[str, Any]] = []
    current = pressed
    for _ in range(_MAX_DEPTH):
        if current.kind == FILE and documents is None:
            documents = frozenset([int(current.about.get("document", 0))])
        elif current.kind not in (MORE, FILE, AGAIN, WITH):
            pages = frozenset((page["document"], page["page"]) for page in shown)
            posts = frozenset(page["post"] for page in shown if page.get("post"))
            return Origin(current, documents, pages, posts) if _asks(current) else None
        before = questions.find_claimed(connection, current.channel, str(current.about.get("of", "")))
        if before is None:
            return None
        if current.kind == MORE:
            shown += _shown(connection, before)
        current = before.question
    return None


def _asks(question: Question) -> bool:
    """Return whether a question still asks something: a mention without words refers to what stands in its thread."""
    has_thread = question.thread not in ("", question.ts)
    return bool(question.text or question.files or question.references or has_thread)


def _shown(connection: Connection, before: ClaimedQuestion) -> list[Mapping[str, Any]]:
    """Return the pages shown by an answer and by the answers to "Show more pages" under it."""
    asked = before.question
    more = questions.used_by_presses(connection, asked.channel, MORE, asked.ts)
    return [page for page in (*(before.used or ()), *more) if page["shown"]]
