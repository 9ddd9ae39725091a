"""Whose turn it is at the model: so many at once, and nobody's second question before another's first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

Key = tuple[int, int]
"""(turn, id) of a question: the lowest goes first."""

_PATIENCE = 10.0
"""Seconds that a question of an earlier turn is waited for: it may wait for a document, and others go on then."""

_LOOK = 0.2


class Turns:
    """Any thread may call it. A question is expected from its claim on, and taken when it comes to the model."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._changed = threading.Condition()
        self._expected: dict[Key, float] = {}
        self._here: set[Key] = set()

    @contextmanager
    def expected(self, key: Key) -> Iterator[None]:
        """Around all the work on a question."""
        with self._changed:
            self._expected[key] = monotonic()
        try:
            yield
        finally:
            with self._changed:
                del self._expected[key]
                self._changed.notify_all()

    @contextmanager
    def taken(self, key: Key, check: Callable[[], None]) -> Iterator[None]:
        """Around what is done at the model. `check` is called again and again while it waits, and may end that."""
        with self._changed:
            self._here.add(key)
            try:
                while not self._may(key):
                    self._changed.wait(_LOOK)
                    check()
                self._free -= 1
            finally:
                self._here.discard(key)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                # It goes on to be shown; whoever waits does so for the model alone.
                self._expected[key] = 0.0
                self._changed.notify_all()

    def _may(self, key: Key) -> bool:
        if self._free < 1 or any(other < key for other in self._here):
            return False
        late = monotonic() - _PATIENCE
        return not any(other[0] < key[0] and since > late for other, since in self._expected.items())
