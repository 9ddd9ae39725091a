"""One question being answered, and what everything that works on it shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from bot.answers.streaming import AnswerStream
from bot.db.questions import ClaimedQuestion
from bot.slack.events import Question
from rag import AnswerOptions

UPDATE_EVERY = 3.0
"""Seconds between two updates of one message, as Slack asks."""


@dataclass(frozen=True)
class AnswerTask:
    """One question being answered. `show` shows progress; `check` raises if the work has to stop. `stream` shows the
    progress instead as long as it is on. `options`: how the answer differs from the settings."""

    claimed: ClaimedQuestion
    show: Callable[[str], None]
    check: Callable[[], None]
    stream: AnswerStream | None = None
    options: AnswerOptions = field(default_factory=AnswerOptions)

    @property
    def question(self) -> Question:
        return self.claimed.question

    def asking(self, question: Question) -> AnswerTask:
        """Return the same work on another form of the question."""
        return replace(self, claimed=replace(self.claimed, question=question))

    def asked_at(self, seconds: float) -> AnswerTask:
        """Return the same work on a question of another time, in seconds since 1970."""
        return replace(self, claimed=replace(self.claimed, asked_at=seconds))


class Throttle:
    """Pass on the first text, then at most one every UPDATE_EVERY seconds, and no text twice in a row."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._last = ""
        self._next = monotonic()

    @property
    def is_due(self) -> bool:
        return monotonic() >= self._next

    def __call__(self, text: str) -> None:
        if text != self._last and self.is_due:
            self._last, self._next = text, monotonic() + UPDATE_EVERY
            self._show(text)


def join(*remarks: str) -> str:
    """Return the remarks that are not empty as one text, each once and in its own line: some end without a period."""
    return "\n".join(dict.fromkeys(remark for remark in remarks if remark))
