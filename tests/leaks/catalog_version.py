"""Whether the catalog was written to: work that found nothing to do finds nothing until it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path


class CatalogVersion:
    """Skips work that found nothing to do, until the catalog is written to. Call `close` at the end."""

    def __init__(self, catalog: Path) -> None:
        self._connection = sqlite3.connect(catalog, isolation_level=None)
        self._idle: dict[object, int] = {}

    def step(self, work: Callable[[], bool]) -> bool:
        """Call `work` and return what it returns. Return False if it did so before and nothing was written since."""
        if self._idle.get(work) == self._read():
            return False
        is_busy = work()
        if not is_busy:
            self._idle[work] = self._read()
        return is_busy

    def _read(self) -> int:
        """Return a number that changes with every commit of another connection."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def close(self) -> None:
        self._connection.close()
