"""The background stage that analyzes the words of an older index again, after the analysis has changed."""

from __future__ import annotations

import threading

from rag.catalog import Catalog
from rag.catalog.index_filling import count_waiting, fill_batch

_BATCH = 200
"""Chunks of a batch. Analyzing one takes about a millisecond, and other writers wait meanwhile."""


class IndexFilling:
    """Fills the next version of the full-text index. The old one is searched until the new one is complete."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def process_batch(self, stop: threading.Event) -> int:
        """Analyze the next chunks or messages; return how many, 0 when the index is complete or `stop` is set."""
        if stop.is_set() or not self.count_waiting():
            return 0
        with self._catalog.write_transaction() as connection:
            return fill_batch(connection, _BATCH)

    def count_waiting(self) -> int:
        """Return how many chunks and messages wait."""
        with self._catalog.read_transaction() as connection:
            return count_waiting(connection)

    def is_settled(self) -> bool:
        """Return whether the index is complete."""
        return not self.count_waiting()

    def describe_waiting(self) -> str:
        return f"{self.count_waiting()} texts wait for their new full-text index"
