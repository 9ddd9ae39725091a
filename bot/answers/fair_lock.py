"""Fairness: which question the model works on next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeAlias

from sqlalchemy import Connection

from bot.db import questions
from bot.db.questions import ClaimedQuestion

Key: TypeAlias = tuple[int, int]
"""(round, id) of a question: the lowest goes first."""

_PATIENCE = 10.0
"""Seconds that a claimed question of an earlier round is waited for: it may wait for a document itself."""

_CHECK = 0.2


def key(asked: ClaimedQuestion) -> Key:
    return (asked.turn, asked.id)


class FairLock:
    """Decides which question uses the model next: the only place where that is decided. Any thread may call it.

    The aim: no person's second question goes before another person's first, and the model is never idle while a
    question waits. There are three steps.

    1. *Round.* When a question is recorded it gets a round number, the column `turn`, by start-time fair queueing
       (Goyal, Vin, Cheng 1996; every question costs one unit): one more than the same person's last question that
       still counts, or the round that is being served now. Asking nothing for a while saves up no rounds.
    2. *Claim.* A free worker claims the waiting question with the lowest (round, id). Questions of a person are skipped
       while `per_person` of theirs are being answered. Workers may outnumber what the model can do at once, so that a
       question that waits for a document does not keep the model idle.
    3. *Lock.* A worker that needs the model takes this lock: `at_once` hold it, the lowest (round, id) that waits goes
       first, and a claimed question of an earlier round that has not come to the model yet is waited for, at most ten
       seconds. It is held while a question is rewritten and while its answer is written.

    Captions do not take the lock: they are written one at a time, each at most 160 tokens, so a question waits in
    Ollama's own queue for one caption at most. The Ollama adapter limits nothing: it does not know rounds.
    """

    def __init__(self, at_once: int, per_person: int = 0) -> None:
        """`at_once`: answers written at the same time; `per_person`: questions of one person answered at the same time,
        0 for no limit."""
        self._at_once = at_once
        self._per_person = per_person
        self._free = at_once
        self._changed = threading.Condition()
        self._claimed: dict[Key, float] = {}
        """Since when each claimed question may come to the model; 0 after it was there."""
        self._waiting: set[Key] = set()

    def claim(self, connection: Connection) -> ClaimedQuestion | None:
        """Claim the next question to answer; None if there is none."""
        return questions.claim_question(connection, self._per_person)

    def ahead(self, before: int) -> int:
        """Return how many questions have to be answered before one that has `before` others before it or at work."""
        return max(0, before - self._at_once + 1)

    @contextmanager
    def expected(self, mine: Key) -> Iterator[None]:
        """Surround all the work on a claimed question: it is expected at the model."""
        with self._changed:
            self._claimed[mine] = monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._claimed[mine]
                self._changed.notify_all()

    @contextmanager
    def held(self, mine: Key, check: Callable[[], None]) -> Iterator[None]:
        """Surround the use of the model. While it waits, `check` is called repeatedly and may raise to end the wait."""
        with self._changed:
            self._waiting.add(mine)
            try:
                while not self._may(mine):
                    self._changed.wait(_CHECK)
                    check()
                self._free -= 1
            finally:
                self._waiting.discard(mine)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                if mine in self._claimed:  # its reply is posted next, which others need not wait for
                    self._claimed[mine] = 0.0
                self._changed.notify_all()

    def _may(self, mine: Key) -> bool:
        if self._free < 1 or any(other < mine for other in self._waiting):
            return False
        late = monotonic() - _PATIENCE
        return not any(other[0] < mine[0] and since > late for other, since in self._claimed.items())
