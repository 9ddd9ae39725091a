"""Limits on how many pages are fetched for one person and from one host."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

_HOUR = 3600.0
_MAX_NAMES = 10_000


class FetchBudget:
    """A token bucket for each host and each person, in this process only. Thread-safe."""

    def __init__(self, per_host: int, per_person: int, clock: Callable[[], float] = monotonic) -> None:
        """Allow this many fetches an hour each."""
        self._per_hour = {"host": per_host, "person": per_person}
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at: dict[tuple[str, str], float] = {}
        """When each bucket is full again. Buckets that are full have no entry."""

    def take(self, host: str, person: str) -> float:
        """Count a fetch and return 0, or return the seconds until it is allowed. An empty person has no limits."""
        if not person:
            return 0.0
        with self._lock:
            now = self._clock()
            if len(self._full_at) > _MAX_NAMES:
                self._full_at = {key: at for key, at in self._full_at.items() if at > now}
            full_at = {key: max(now, self._full_at.get(key, now)) for key in (("host", host), ("person", person))}
            wait = max(at + _HOUR / self._per_hour[key[0]] - now - _HOUR for key, at in full_at.items())
            if wait > 1e-6:
                return wait
            self._full_at |= {key: at + _HOUR / self._per_hour[key[0]] for key, at in full_at.items()}
            return 0.0
