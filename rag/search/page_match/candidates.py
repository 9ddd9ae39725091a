"""Find candidates for a picture by its points: each point votes for the pages that have a similar one.

Locality-sensitive hashing (Indyk and Motwani, STOC 1998): a signature of 128 bits is cut into eight keys of 16. Two
points are compared if they share a rare key; the fewer bits differ, the more their vote counts. Of many pages, only
those are compared that share most of the keys which are stored for the strongest points of each page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rag.model.search import PageKey
from rag.vectors.fingerprints import KEY_BITS, Points, inverted, keys_of

_BANDS, _KEYS = 8, 1 << 16

_COMMON = 0.0001
"""A key that more than this share of all points have is ignored: strokes of letters look alike on every page."""

_RARE = 30
"""Points that may always share a key, even if there are few points in total."""

_NEAR = 12
"""Bits in which two points may differ and still count."""

_FEW, _SHARE = 3, 0.005
"""A stored key counts if it is on this many pages at most, or on this share of them."""

_CACHED_BITS = 20
_CACHED = np.uint32((1 << _CACHED_BITS) - 1)
"""The last bits of a key are looked up first, in a table that fits into a processor's cache."""

_BATCH = 5_000
"""Pages whose keys are in memory at once: 9 MB."""

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


def nearest_by_keys(picture: Points, pages: Iterable[tuple[PageKey, bytes]], number: int, limit: int) -> list[PageKey]:
    """Return at most `limit` pages that share the most rare keys with the picture, as it is or inverted.

    `number`: how many pages there are. On the development screenshots, the right page of 1,405 was among the first 30
    for 95 %, and the first 100 for 98 %.
    """
    as_it_is, dark = keys_of(picture), keys_of(inverted(picture))
    shown = np.union1d(as_it_is, dark)
    counts, max_shared = np.zeros(len(shown), np.int64), max(_FEW, round(number * _SHARE))
    wanted, maybe = np.zeros(1 << KEY_BITS, np.bool_), np.zeros(1 << _CACHED_BITS, np.bool_)
    wanted[shown] = True
    maybe[shown & _CACHED] = True
    names: list[PageKey] = []
    owners, shared = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    remaining = iter(pages)
    while batch := list(islice(remaining, _BATCH)):
        keys = np.frombuffer(b"".join([coded for _, coded in batch]), "<u4")
        hits = np.flatnonzero(maybe[keys & _CACHED])
        hits = hits[wanted[keys[hits]]]
        found = np.searchsorted(shown, keys[hits])
        counts += np.bincount(found, minlength=len(shown))
        wanted[shown[counts > max_shared]] = False
        ends = np.cumsum([len(coded) // 4 for _, coded in batch])
        owners.append(np.searchsorted(ends, hits, "right") + len(names))
        shared.append(found)
        names += [page for page, _ in batch]
    owner, key = np.concatenate(owners), np.concatenate(shared)
    variants = [np.isin(shown, variant) & (counts <= max_shared) for variant in (as_it_is, dark)]
    votes_of = [np.bincount(owner[counted[key]], minlength=len(names)) for counted in variants]
    most = np.max(votes_of, axis=0)
    return [names[page] for page in np.argsort(-most, kind="stable")[:limit] if most[page]]


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
