"""Memory that is written to disk without having been filled.

The index behind Chroma takes room for a hundred vectors at a time with malloc and writes it whole, the places that hold
no vector too: what the process had there before, names and words of documents among it, would lie in its files for good
(seen with Chroma 1.5: data_level0.bin).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_M_PERTURB = -6
"""glibc's mallopt(3): while it is set, what malloc returns is filled with the complement of its lowest byte, and what
is freed with the byte itself. It costs a third of a model's speed, so it is not set all the time."""

_ZERO = 0xFF


class Zeroing:
    """Any thread may enter it, and several at once: it lasts until the last of them leaves."""

    def __init__(self) -> None:
        self._mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """What any thread allocates meanwhile is zeros, where the C library is glibc; elsewhere nothing changes."""
        self._enter(1)
        try:
            yield
        finally:
            self._enter(-1)

    def _enter(self, more: int) -> None:
        with self._lock:
            before, self._inside = self._inside, self._inside + more
            if self._mallopt is not None and 0 in (before, self._inside):
                self._mallopt(_M_PERTURB, _ZERO if self._inside else 0)
