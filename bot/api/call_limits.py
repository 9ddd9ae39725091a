"""How many calls a token may make in a minute and at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rag import TryAgain

AT_ONCE = 8
"""Calls of one token at the same time."""

ALL_AT_ONCE = 32
"""Calls of all tokens at the same time: each keeps a thread busy, and a few threads are left to refuse others."""


class TooManyCalls(TryAgain):
    """A token calls too often. `seconds`: when it may call again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("This token makes too many calls.", f"Call again in {max(1, round(seconds))} s.")
        self.seconds = seconds


class CallLimits:
    """A token bucket for each token, and counts of its running calls. Thread-safe."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}
        """Calls that each token has left, and when that was."""
        self._running = Counter[str]()

    @contextmanager
    def calling(self, token: str) -> Iterator[None]:
        """Count one call for the `with` block. Raise TooManyCalls if it is one too many."""
        with self._lock:
            self._take(token)
            if self._running[token] >= AT_ONCE or self._running.total() >= ALL_AT_ONCE:
                raise TooManyCalls(1)
            self._running[token] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[token] -= 1
                self._running += Counter()  # drops the zeros

    def running(self, token: str) -> int:
        """Return how many calls of a token are running."""
        return self._running[token]

    def _take(self, token: str) -> None:
        now = self._clock()
        left, at = self._left.get(token, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        if left < 1:
            raise TooManyCalls((1 - left) * 60 / self._per_minute)
        self._left[token] = left - 1, now
