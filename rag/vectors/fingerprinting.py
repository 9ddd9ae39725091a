"""The background stage that makes the fingerprints of pages.

A fingerprint is a row in the catalog, like a vector: a page without one waits for it.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

from rag.catalog import Catalog, fingerprints
from rag.catalog.fingerprints import NewFingerprint
from rag.vectors.fingerprints import KEY_POINTS, METHOD, fingerprint_of, keys_of, opencv_problem

_BATCH = 8
"""Pages of a batch; one takes about 0.2 s."""


class Fingerprinting:
    """Makes the fingerprints of one data folder's pages. `off` says why none are made, or is empty."""

    def __init__(self, catalog: Catalog, data: Path, *, is_enabled: bool) -> None:
        """`is_enabled`: whether page match is enabled; if not, no page waits for a fingerprint."""
        self._catalog = catalog
        self._data = data
        self._is_enabled = is_enabled

    @cached_property
    def off(self) -> str:
        return opencv_problem() if self._is_enabled else "not in search.lanes"

    def process_batch(self, stop: threading.Event) -> int:
        """Make the fingerprints of the next pages; return their number, 0 when none waits."""
        if self.off or stop.is_set():
            return 0
        with self._catalog.read_transaction() as connection:
            pages = fingerprints.list_pages_without_fingerprint(connection, METHOD, _BATCH)
        made = []
        for waiting in pages:
            new = fingerprint_of(self._data / waiting.page_image)
            keys = keys_of(new.points[:KEY_POINTS]).tobytes()
            made.append(NewFingerprint(waiting.extraction, waiting.number, new.phash, new.points.tobytes(), keys))
        if made:
            with self._catalog.write_transaction() as connection:
                fingerprints.put_fingerprints(connection, METHOD, made)
        return len(pages)

    def count_waiting(self) -> int:
        """Return how many pages have no fingerprint; 0 when page match is disabled."""
        if not self._is_enabled:
            return 0
        with self._catalog.read_transaction() as connection:
            return fingerprints.count_pages_without_fingerprint(connection, METHOD)

    def is_settled(self) -> bool:
        """Return whether nothing waits, or the stage is off."""
        return bool(self.off) or not self.count_waiting()

    def describe_waiting(self) -> str:
        return f"{self.count_waiting()} pages wait for their fingerprints"
