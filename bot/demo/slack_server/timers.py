"""Things to be done later, on one thread that ends when asked."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from threading import Condition, Thread


class Clock:
    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = Condition()
        self._ended = False
        self._thread = Thread(target=self._run, name="workspace clock", daemon=True)
        self._thread.start()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), act))
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ended:
                    return
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, act = heapq.heappop(self._due)
            act()
