"""Decide which question the model works on next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeAlias

from sqlalchemy import Connection

from bot.db import question_queue
from bot.db.questions import ClaimedQuestion

Key: TypeAlias = tuple[int, int, int]
"""(round, id, revision) of a claimed question: the lowest goes first. An edited question may have two workers."""

_MAX_WAIT = 10.0
"""Seconds to wait for a claimed question of an earlier round, which may itself be waiting for a document."""

_CHECK = 0.2


def key(claimed: ClaimedQuestion) -> Key:
    return (claimed.turn, claimed.id, claimed.revision)


class FairLock:
    """The lock around the model. Only this class decides which question uses the model next. Thread-safe.

    No person's second question goes before another person's first, and the model is never idle while a question waits.
    There are three steps:

    1. *Round.* A new question gets a round number, the column `turn`, by start-time fair queueing (Goyal, Vin, Cheng
       1996; every question costs one unit): one more than the round of the same person's last question, but at least
       the round that is being served. Rounds without a question do not add up.
    2. *Claim.* A free worker claims the waiting question with the lowest (round, id). It skips people who already have
       `per_person` questions being answered. There may be more workers than the model can serve at once, so that a
       question that waits for a document does not keep the model idle.
    3. *Lock.* A worker that needs the model acquires this lock, which at most `at_once` workers hold. The lowest
       (round, id) that waits goes first. If a claimed question of an earlier round has not used the model yet, later
       rounds wait for it, at most ten seconds. The lock is held to rewrite a question and to write its answer, not
       to search.

    Captions do not acquire the lock: they are written one at a time with at most 160 tokens each, so a question waits
    in Ollama's own queue for at most one caption. The Ollama adapter has no limit of its own: it does not know rounds.
    """

    def __init__(self, at_once: int, per_person: int = 0) -> None:
        """`at_once`: answers written at the same time. `per_person`: questions of one person answered at the same time;
        0: no limit."""
        self._at_once = at_once
        self._per_person = per_person
        self._free = at_once
        self._changed = threading.Condition()
        self._claimed: dict[Key, float] = {}
        """The time from which each claimed question is waited for; 0 once it has used the model."""
        self._waiting: set[Key] = set()

    def claim(self, connection: Connection) -> ClaimedQuestion | None:
        """Claim the next question to answer; None if there is none."""
        return question_queue.claim_question(connection, self._per_person)

    def count_ahead(self, before: int) -> int:
        """Return how many questions must finish first, for one with `before` others before it or being answered."""
        return max(0, before - self._at_once + 1)

    @contextmanager
    def expected(self, own: Key) -> Iterator[None]:
        """Make later rounds wait for this claimed question until it used the model or the `with` block ends."""
        with self._changed:
            self._claimed[own] = monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._claimed[own]
                self._changed.notify_all()

    @contextmanager
    def acquire(self, own: Key, check: Callable[[], None]) -> Iterator[None]:
        """Hold the lock for the `with` block. While waiting, call `check` repeatedly; it may raise to end the wait."""
        with self._changed:
            self._waiting.add(own)
            try:
                while not self._is_next(own):
                    self._changed.wait(_CHECK)
                    check()
                self._free -= 1
            finally:
                self._waiting.discard(own)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                if own in self._claimed:  # others need not wait until its reply is posted
                    self._claimed[own] = 0.0
                self._changed.notify_all()

    def _is_next(self, own: Key) -> bool:
        if self._free < 1 or any(other < own for other in self._waiting):
            return False
        late = monotonic() - _MAX_WAIT
        return not any(other[0] < own[0] and since > late for other, since in self._claimed.items())
