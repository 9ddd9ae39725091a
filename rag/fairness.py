"""Whose turn it is among people who have something waiting: the one who was served longest ago."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

LOOK = 0.5
"""Seconds that the list of who has something waiting is used again: to make it, everything that waits is read."""


class Rounds:
    """Remembers who was served when, in this process alone: a restart begins a new round. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._served: dict[str, int] = {}
        self._count = 0

    def order(self, people: Sequence[str]) -> list[str]:
        """Return the people, the one first who was served longest ago; those never served in the order given."""
        with self._lock:
            return sorted(people, key=lambda who: self._served.get(who, 0))

    def serve(self, who: str) -> None:
        """Note that this person was just served."""
        with self._lock:
            self._count += 1
            self._served[who] = self._count


class Line:
    """Work of several people that workers claim piece by piece, in rounds: nobody's second goes before another's first.

    The work itself lies in a database; `people` and `claim` ask it. Any thread may call it.
    """

    def __init__(self) -> None:
        self._rounds = Rounds()
        self._lock = Lock()
        self._waiting: list[str] = []
        self._looked = float("-inf")
        self._at_work: dict[str, int] = {}

    def claim(
        self, people: Callable[[], Sequence[str]], claim: Callable[[str | None], T | None]
    ) -> tuple[T | None, str]:
        """Claim the next piece; returns it, and for whom it is. Call `done` when the work on it ends.

        `people` returns who has something waiting. `claim` takes one piece of this person's, or of anyone's when it
        gets None, and returns None where there is none.
        """
        with self._lock:
            if monotonic() - self._looked > LOOK:
                self._waiting, self._looked = list(people()), monotonic()
            for who in self._rounds.order(self._waiting):
                found = claim(who)
                if found is not None:
                    return self._taken(found, who)
                self._waiting.remove(who)
            found = claim(None)
            return (None, "") if found is None else self._taken(found, "")

    def _taken(self, found: T, who: str) -> tuple[T, str]:
        self._rounds.serve(who)
        self._at_work[who] = self._at_work.get(who, 0) + 1
        return found, who

    def done(self, who: str) -> None:
        """Note that the work on a piece of this person's ended."""
        with self._lock:
            self._at_work[who] -= 1

    def arrive(self, who: str) -> None:
        """Note that this person may have something waiting from now on."""
        with self._lock:
            if who not in self._waiting:
                self._waiting.append(who)

    def has_to_yield(self, who: str, people: Callable[[], Sequence[str]]) -> bool:
        """Return whether another person has something waiting, and nothing of theirs is being worked on."""
        with self._lock:
            due = monotonic() - self._looked > LOOK
        # Not while the lock is held: whoever claims has a transaction open and waits for it.
        waiting = list(people()) if due else None
        with self._lock:
            if waiting is not None:
                self._waiting, self._looked = waiting, monotonic()
            return any(other != who and not self._at_work.get(other) for other in self._waiting)
