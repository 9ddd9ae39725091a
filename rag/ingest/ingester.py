"""Fetch and extract what waits, for the owner of the data folder."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from pathlib import Path
from time import time

from rag.catalog import Catalog, extractions, sources
from rag.ingest.disk_space import DiskSpace
from rag.ingest.extracting import Extracting
from rag.ingest.fetch.budget import FetchBudget
from rag.ingest.fetching import Fetching, near_kinds
from rag.observation import Observer, Unobserved
from rag.ports import Fetcher, FullTextIndex
from rag.setting_groups import ReadSettings


class Ingester:
    """Fetching and extracting in one data folder. Set `stop` to end both: between two ranges of pages."""

    def __init__(
        self,
        catalog: Catalog,
        words: FullTextIndex,
        data: Path,
        settings: ReadSettings,
        version: str,
        fetchers: Mapping[str, Fetcher],
        space: DiskSpace,
        stop: threading.Event,
        budget: FetchBudget | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`budget` limits fetches from third-party servers; None: no limits."""
        for folder in (data / "files", data / "pictures"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in (data / "files").glob("tmp-*"):  # of a crashed run
            leftover.unlink()
        self._catalog = catalog
        self._space = space
        self._kinds = fetchers.keys()
        seen = observer or Unobserved()
        near = near_kinds(fetchers)
        self.stop = stop
        self.extracting = Extracting(catalog, words, data, version, near, space, stop, seen)
        self.fetching = Fetching(
            catalog, data, settings, version, fetchers, space, stop, budget, seen, self.extracting.arrive
        )

    def anything_waits(self, *, due: bool = False) -> bool:
        """Return whether a source that can be fetched here, or a shared document's extraction, waits to be claimed.

        With `due`, ignore what is delayed until later, or until there is space on the disk.
        """
        if due and self._space.is_full():
            return False
        now = time() if due else math.inf
        with self._catalog.read_transaction() as connection:
            return sources.has_waiting_source(connection, self._kinds, now) or extractions.has_waiting_extraction(
                connection, now
            )
