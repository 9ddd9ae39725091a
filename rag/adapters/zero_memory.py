"""Zero newly allocated memory while Chroma writes.

Chroma's index allocates memory for a hundred vectors at a time with malloc and writes all of it to disk, including the
unused part. Without zeroing, whatever the process had there before, such as names and words of documents, would stay in
its files (seen with Chroma 1.5: data_level0.bin).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_M_PERTURB = -6
"""Option of glibc's mallopt(3): malloc fills new memory with the complement of the value's lowest byte, and free fills
memory with the byte itself. It slows a model down by a third, so it is set only while Chroma writes."""

_FILL_WITH_ZEROS = 0xFF


class Zeroing:
    """A context manager that several threads may be in at once; it ends when the last one leaves."""

    def __init__(self) -> None:
        self._mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Zero everything that any thread allocates in the meantime. Does nothing unless the C library is glibc."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            before, self._inside = self._inside, self._inside + change
            if self._mallopt is not None and 0 in (before, self._inside):
                self._mallopt(_M_PERTURB, _FILL_WITH_ZEROS if self._inside else 0)
