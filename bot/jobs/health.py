"""Whether the bot is healthy and ready, and what waits: for /health, /ready and /metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, time

from bot.db import jobs, questions
from bot.slack.token_check import TokenCheck
from bot.telemetry.metrics import Queues
from rag import Rag

_STUCK = 30.0
"""Seconds after which a main loop that does not move counts as stuck; it moves every half second."""

_PROBE_SECONDS = 10.0
"""Seconds for which the result of a write is used: anyone may request /ready, but not make the disk work."""


class Health:
    """The state of one bot. Thread-safe."""

    def __init__(
        self, rag: Rag, token: TokenCheck, is_connected: Callable[[], bool], clock: Callable[[], float] = monotonic
    ) -> None:
        """`is_connected`: whether Slack is connected and no thread has ended. `clock` returns seconds."""
        self._rag = rag
        self._token = token
        self._is_connected = is_connected
        self._clock = clock
        self._moved = clock()
        self._lock = threading.Lock()
        self._next_probe, self._writable = clock(), True

    def beat(self) -> None:
        """Record that the main loop moves."""
        self._moved = self._clock()

    def is_healthy(self) -> bool:
        """Return whether the main loop moves, Slack is connected, no thread has ended and the token is valid."""
        return self._clock() - self._moved < _STUCK and self._is_connected() and self._token.is_valid()

    def is_ready(self) -> bool:
        """Return whether the bot is healthy and the catalog can be written."""
        return self.is_healthy() and self._is_writable()

    def queues(self) -> Queues:
        """Return what waits now."""
        backlog = self._rag.backlog()
        with self._rag.read_transaction() as connection:
            asked, by_kind = questions.open_questions(connection), jobs.count_open(connection)
        lag = 0.0 if backlog.waiting_since is None else max(0.0, time() - backlog.waiting_since)
        return Queues(
            questions=asked,
            jobs={kind.name.lower(): count for kind, count in by_kind.items()},
            files={"fetch": backlog.to_fetch, "read": backlog.to_read},
            lag=lag,
            connected=self._is_connected(),
        )

    def _is_writable(self) -> bool:
        with self._lock:
            if self._clock() >= self._next_probe:
                self._writable = self._rag.is_writable()
                self._next_probe = self._clock() + _PROBE_SECONDS
            return self._writable
