"""Candidates for a picture without words: pages that share many of its points, by a vote and without comparing.

Locality-sensitive hashing (Indyk and Motwani, STOC 1998): a signature of 128 bits is cut into eight keys of 16, and
two points vote for each other when they have one of the keys in common.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rag.pixels.prints import Points, inverted

_BANDS, _KEYS = 8, 1 << 16

_AGREED = 2
"""Keys that two points must have in common: a single one is shared by chance too often."""


class Outline:
    """A picture's keys, against which pages are counted one after another."""

    def __init__(self, picture: Points) -> None:
        both = np.concatenate([picture, inverted(picture)])
        keys = _keys(both)
        self._known = np.zeros((_BANDS, _KEYS), np.bool_)
        for band in range(_BANDS):
            self._known[band, keys[:, band]] = True

    def votes(self, page: Points) -> int:
        """How many of a page's points the picture seems to have; the more, the likelier is the page."""
        keys = _keys(page)
        shared = np.sum([self._known[band, keys[:, band]] for band in range(_BANDS)], axis=0)
        return int((shared >= _AGREED).sum())


def _keys(found: Points) -> NDArray[np.uint16]:
    """(n, _BANDS)"""
    return np.ascontiguousarray(found["bits"]).view("<u2")
