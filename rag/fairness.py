"""Round-robin scheduling between people with waiting work: the person served longest ago is next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

MAX_AGE = 0.5
"""Seconds for which the list of people with waiting work is reused; the query for it reads all of that work."""


class RoundRobin:
    """Remembers who was served when, in this process only. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._served: dict[str, int] = {}
        self._count = 0

    def order(self, people: Sequence[str]) -> list[str]:
        """Return the people, least recently served first; those never served come first, in the given order."""
        with self._lock:
            return sorted(people, key=lambda who: self._served.get(who, 0))

    def serve(self, who: str) -> None:
        """Record that this person was just served."""
        with self._lock:
            self._count += 1
            self._served[who] = self._count


class FairQueue:
    """Hands out the work of several people in rounds. Thread-safe.

    The work itself is in a database, which the callbacks `people` and `claim` query.
    """

    def __init__(self) -> None:
        self._round_robin = RoundRobin()
        self._lock = Lock()
        self._waiting: list[str] = []
        self._listed_at = float("-inf")
        self._in_progress: dict[str, int] = {}

    def claim(
        self, people: Callable[[], Sequence[str]], claim: Callable[[str | None], T | None]
    ) -> tuple[T | None, str]:
        """Claim the next piece of work; return it and its owner. Call `done` when it is finished.

        `people` returns the people with waiting work. `claim` claims one piece of a person's work (of anyone's for
        None) and returns None if there is none.
        """
        with self._lock:
            if monotonic() - self._listed_at > MAX_AGE:
                self._waiting, self._listed_at = list(people()), monotonic()
            for who in self._round_robin.order(self._waiting):
                found = claim(who)
                if found is not None:
                    return self._record_start(found, who)
                self._waiting.remove(who)
            found = claim(None)
            return (None, "") if found is None else self._record_start(found, "")

    def _record_start(self, found: T, who: str) -> tuple[T, str]:
        self._round_robin.serve(who)
        self._in_progress[who] = self._in_progress.get(who, 0) + 1
        return found, who

    def done(self, who: str) -> None:
        """Record that a piece of this person's work is finished."""
        with self._lock:
            self._in_progress[who] -= 1

    def arrive(self, who: str) -> None:
        """Record that this person may have new work."""
        with self._lock:
            if who not in self._waiting:
                self._waiting.append(who)

    def has_to_yield(self, who: str, people: Callable[[], Sequence[str]]) -> bool:
        """Return whether another person has waiting work and none in progress."""
        with self._lock:
            is_stale = monotonic() - self._listed_at > MAX_AGE
        # Outside the lock: a thread in `claim` has a transaction open and waits for the lock.
        waiting = list(people()) if is_stale else None
        with self._lock:
            if waiting is not None:
                self._waiting, self._listed_at = waiting, monotonic()
            return any(other != who and not self._in_progress.get(other) for other in self._waiting)
