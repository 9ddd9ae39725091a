"""Which waiting work is next: by priority, then in rounds, so that the person served longest ago is next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from time import monotonic
from typing import TypeVar

T = TypeVar("T")

MAX_AGE = 0.5
"""Seconds for which the list of claimants with waiting work is reused; the query for it reads all of that work."""

AGEING = 20 * 60.0
"""Seconds after which waiting work moves up by one priority, up to SHARED: then it takes turns with new files."""


class IntakePriority(IntEnum):
    """Why a file is fetched and extracted; the lowest goes first."""

    ASKED = 0
    """Sent with a question that waits for it."""
    SHARED = 1
    """Shared now, or indexed from the command line."""
    FOUND = 2
    """Found in a listing or in the history of a conversation. The newest goes first."""
    REREAD = 3
    """Searchable already, and extracted again."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """A person (empty: no one in particular) with waiting work of one priority."""

    priority: int
    person: str


ANYBODY = Claimant(IntakePriority.SHARED, "")


def rank_of(priority: int, queued_at: float, now: float) -> int:
    """Return the rank of work that waits since `queued_at`; the lowest goes first. Waiting improves it."""
    return min(priority, max(priority - int((now - queued_at) / AGEING), IntakePriority.SHARED))


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
    """Hands out work by rank. Thread-safe.

    Work of equal rank is handed out in rounds: between the priorities, so that a new file waits for one file that has
    aged and not for all of them, and between the people of a priority. The work itself is in a database, which the
    callbacks `waiting` and `claim` query.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._served: dict[Claimant | int, int] = {}
        self._count = 0
        self._waiting: dict[Claimant, int] = {}
        self._listed_at = float("-inf")
        self._in_progress: dict[Claimant, int] = {}

    def claim(
        self, waiting: Callable[[], Mapping[Claimant, int]], claim: Callable[[Claimant | None], T | None]
    ) -> tuple[T | None, Claimant]:
        """Claim the next piece of work; return it and its claimant. Call `done` when it is finished.

        `waiting` returns the rank of each claimant with waiting work, the longest wait first. `claim` claims one piece
        of a claimant's work (of anyone's for None) and returns None if there is none.
        """
        with self._lock:
            if monotonic() - self._listed_at > MAX_AGE:
                self._waiting, self._listed_at = dict(waiting()), monotonic()
            for claimant in sorted(self._waiting, key=self._place):
                found = claim(claimant)
                if found is not None:
                    return self._record_start(found, claimant)
                del self._waiting[claimant]
            found = claim(None)
            return (None, ANYBODY) if found is None else self._record_start(found, ANYBODY)

    def _place(self, claimant: Claimant) -> tuple[int, int, int]:
        return self._waiting[claimant], self._served.get(claimant.priority, 0), self._served.get(claimant, 0)

    def _record_start(self, found: T, claimant: Claimant) -> tuple[T, Claimant]:
        self._count += 1
        self._served |= {claimant: self._count, claimant.priority: self._count}
        self._in_progress[claimant] = self._in_progress.get(claimant, 0) + 1
        return found, claimant

    def done(self, claimant: Claimant) -> None:
        """Record that a piece of this claimant's work is finished."""
        with self._lock:
            self._in_progress[claimant] -= 1

    def arrive(self, claimant: Claimant) -> None:
        """Record that this claimant may have new work."""
        with self._lock:
            self._waiting.setdefault(claimant, claimant.priority)

    def has_to_yield(self, claimant: Claimant, waiting: Callable[[], Mapping[Claimant, int]]) -> bool:
        """Return whether work of a better rank waits, or of the same rank from a claimant with none in progress."""
        with self._lock:
            is_stale = monotonic() - self._listed_at > MAX_AGE
        # Outside the lock: a thread in `claim` has a transaction open and waits for the lock.
        listed = dict(waiting()) if is_stale else None
        with self._lock:
            if listed is not None:
                self._waiting, self._listed_at = listed, monotonic()
            mine = self._waiting.get(claimant, claimant.priority)
            others = ((other, rank) for other, rank in self._waiting.items() if other != claimant)
            return any(rank < mine or (rank == mine and not self._in_progress.get(other)) for other, rank in others)
