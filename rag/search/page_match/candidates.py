"""Find candidates for a picture by its points: each point votes for the pages that have a similar one.

Locality-sensitive hashing (Indyk and Motwani, STOC 1998): a signature of 128 bits is cut into eight keys of 16. Two
points are compared if they share a rare key; the fewer bits differ, the more their vote counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.vectors.fingerprints import Points, inverted

_BANDS, _KEYS = 8, 1 << 16

_COMMON = 0.0001
"""A key that more than this share of all points have is ignored: strokes of letters look alike on every page."""

_RARE = 30
"""Points that may always share a key, even if there are few points in total."""

_NEAR = 12
"""Bits in which two points may differ and still count."""

_ONES = np.array([value.bit_count() for value in range(_KEYS)], np.uint8)


def votes(picture: Points, pages: Sequence[Points]) -> NDArray[np.float64]:
    """Return the votes for each page, shape (pages,), for the picture as it is or inverted, whichever fits better.

    On half of the development screenshots the right page of 1,409 was among the first 30 for 98.5 %.
    """
    if not len(picture) or not pages:
        return np.zeros(len(pages))
    owner = np.repeat(np.arange(len(pages)), [len(page) for page in pages])
    keys = _keys(np.concatenate(list(pages)))
    max_shared = max(_RARE, round(len(keys) * _COMMON))
    rare = np.stack([np.bincount(keys[:, band], minlength=_KEYS) <= max_shared for band in range(_BANDS)])
    both = (_nearness(_keys(shown), keys, rare) for shown in (picture, inverted(picture)))
    return np.asarray(np.max([np.bincount(owner, near, len(pages)) for near in both], axis=0))


def _keys(found: Points) -> NDArray[np.uint16]:
    """Return the keys of each point, shape (n, _BANDS)."""
    return np.ascontiguousarray(found["bits"]).view("<u2")


def _nearness(ours: NDArray[np.uint16], theirs: NDArray[np.uint16], rare: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by how many bits each of their points is nearer to one of ours than the limit, shape (theirs,)."""
    best = np.full(len(theirs), _NEAR + 1, np.uint16)
    for band in range(_BANDS):
        order = np.argsort(ours[:, band], kind="stable")
        mine = ours[order, band]
        used = np.zeros(_KEYS, np.bool_)
        used[mine] = True
        hit = np.flatnonzero((used & rare[band])[theirs[:, band]])
        first = np.searchsorted(mine, theirs[hit, band], "left")
        number = np.searchsorted(mine, theirs[hit, band], "right") - first
        # One row for each pair: a point of theirs, and each of ours with the same key.
        their = np.repeat(hit, number)
        nth = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        our = order[np.repeat(first, number) + nth]
        differ = _ONES[theirs[their] ^ ours[our]].sum(axis=1, dtype=np.uint16)
        np.minimum.at(best, their, differ)
    return (_NEAR + 1 - best).astype(np.float64)
