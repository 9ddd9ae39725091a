"""The background stage that makes the fingerprints of pages.

A fingerprint is a state in the catalog like a vector: a page without one waits for it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from rag.catalog import Catalog, fingerprints
from rag.catalog.fingerprints import NewFingerprint
from rag.vectors.fingerprints import METHOD, POINT, fingerprint, load_grey, missing

_BATCH = 8
"""Pages between two looks at what else there is to do; one takes about 0.2 s."""


class Fingerprinting:
    """`off` says why no fingerprints are made, or is empty."""

    def __init__(self, catalog: Catalog, data: Path, *, wanted: bool) -> None:
        """`wanted`: whether page match is enabled; if not, no page waits for its fingerprint."""
        self._catalog = catalog
        self._data = data
        self._wanted = wanted

    @cached_property
    def off(self) -> str:
        return missing() if self._wanted else "not in search.lanes"

    def print_some(self) -> int:
        """Make the fingerprints of the next pages that wait; returns how many there were (0: none, or off)."""
        if self.off:
            return 0
        with self._catalog.reading() as connection:
            taken = fingerprints.unprinted(connection, METHOD, _BATCH)
        made = []
        for waiting in taken:
            grey = load_grey(self._data / waiting.render)
            hashed, found = (0, np.zeros(0, POINT))
            if grey is not None:
                of_page = fingerprint(grey)
                hashed, found = of_page.phash, of_page.points
            made.append(NewFingerprint(waiting.reading, waiting.number, hashed, found.tobytes()))
        if made:
            with self._catalog.writing() as connection:
                fingerprints.put_fingerprints(connection, METHOD, made)
        return len(taken)

    def waiting(self) -> int:
        """How many pages have no fingerprint yet; 0 when they are to have none."""
        if not self._wanted:
            return 0
        with self._catalog.reading() as connection:
            return fingerprints.count_unprinted(connection, METHOD)

    def settled(self) -> bool:
        """Whether nothing waits, or the lane is off."""
        return bool(self.off) or not self.waiting()
