"""A page's fingerprint: what its picture looks like as a whole, and some hundred of its points.

The points are those of SIFT (Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004), all taken
to be upright: screenshots are hardly ever turned, and without their own orientation points are told apart better. A
descriptor is kept as 128 bits, one for each of its values: whether it lies above their mean (as in Root-SIFT of
Arandjelović and Zisserman, CVPR 2012, square roots are compared, which tames the few large ones). Bits compare by
Hamming distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Grey: TypeAlias = NDArray[np.uint8]
"""A picture (height, width) of 8-bit grey."""

Points: TypeAlias = NDArray[np.void]
"""Points of a picture (n,) of POINT."""

POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("size", "<f2"), ("bits", "u1", (16,))])
"""Place and size as shares of the picture's long side, so that one unit serves both ways: x and y in 65,535ths, size
as it is; and the descriptor's signature. 22 bytes."""

UNITS = 65_535

METHOD = 1
"""Counted up when fingerprints are made differently, so that old ones are made again."""

PAGE_SIDE, PAGE_POINTS = 800, 500
"""Pixels of a page's long side at which its points are looked for, and how many are kept: 11 KB a page."""

QUERY_SIDE, QUERY_POINTS = 1000, 2000
"""The same for a screenshot. It may show a small part of a page, which has all the more points then."""

_CONTRAST = 0.03
"""SIFT's threshold; Lowe's. Pale letters have points at it, JPEG's noise has few."""

_CELLS = 8
"""Each way: points are kept evenly all over the page, so that every part of it can be recognised."""

_ORIENTATIONS = 8
"""Bins of each of a descriptor's 16 histograms."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`phash` is 64 bits (see `phash`); `points` may be none, of a blank page."""

    phash: int
    points: Points


def missing() -> str:
    """Why OpenCV cannot be used here, or nothing."""
    try:
        import cv2
    except (ImportError, OSError) as error:
        return f"OpenCV cannot be loaded ({error})"
    return "" if hasattr(cv2, "SIFT") else "this OpenCV has no SIFT"


def load_grey(path: Path) -> Grey | None:
    """The picture in grey, or None when it is not there or cannot be decoded."""
    import cv2

    try:
        coded = np.fromfile(path, np.uint8)
    except OSError:
        return None
    grey = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE) if coded.size else None
    return None if grey is None else np.asarray(grey, np.uint8)


def fingerprint(grey: Grey) -> Fingerprint:
    """Of a page."""
    return Fingerprint(phash(grey), points(grey, PAGE_SIDE, PAGE_POINTS))


def phash(grey: Grey) -> int:
    """64 bits of the picture as a whole: which of the lowest 8 x 8 frequencies lie above their median.

    The perceptual hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010). An
    inverted picture has every bit but the first inverted.
    """
    import cv2

    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(small))[:8, :8].ravel()
    low[0] = 0  # the brightness says nothing
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def points(grey: Grey, side: int, most: int) -> Points:
    """At most so many of a picture's points, evenly spread, looked for at this many pixels of its long side.

    A picture that OpenCV will not look at has none: one page must not stop those after it.
    """
    import cv2

    try:
        return _points(grey, side, most)
    except cv2.error:
        return np.zeros(0, POINT)


def _points(grey: Grey, side: int, most: int) -> Points:
    import cv2

    height, width = grey.shape
    if min(height, width) < _CELLS:
        return np.zeros(0, POINT)
    scale = min(1.0, side / max(height, width))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    sift = cv2.SIFT.create(contrastThreshold=_CONTRAST)
    once: dict[tuple[tuple[float, float], int], Any] = {}
    for point in sift.detect(grey, None):  # comes once for each orientation it might have
        once.setdefault((point.pt, point.octave), point)
    kept = _spread(list(once.values()), grey.shape[0], grey.shape[1], most)
    if not kept:
        return np.zeros(0, POINT)
    for point in kept:
        point.angle = 0.0
    described, descriptors = sift.compute(grey, kept)
    long_side = max(grey.shape)
    found = np.zeros(len(described), POINT)
    places = np.array([point.pt for point in described]) / long_side
    found["x"], found["y"] = np.clip(np.round(places * UNITS), 0, UNITS).T
    found["size"] = np.array([point.size for point in described]) / long_side
    found["bits"] = signatures(np.asarray(descriptors))
    return found


def _spread(found: Sequence[Any], height: int, width: int, most: int) -> list[Any]:
    """The strongest point of every cell, then the second of each, until there are enough."""
    taken: dict[tuple[int, int], int] = {}
    order = []
    for place, point in enumerate(sorted(found, key=lambda point: -point.response)):
        cell = int(point.pt[0] * _CELLS / width), int(point.pt[1] * _CELLS / height)
        taken[cell] = taken.get(cell, 0) + 1
        order.append((taken[cell], place, point))
    return [point for _, _, point in sorted(order, key=lambda one: one[:2])[:most]]


def signatures(descriptors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(n, 128) SIFT descriptors as (n, 16) bytes."""
    roots = np.sqrt(descriptors)
    return np.packbits(roots > roots.mean(axis=1, keepdims=True), axis=1)


def inverted(found: Points) -> Points:
    """The points as they would be with black and white exchanged.

    Every gradient then points the other way: the eight bins of each histogram, a byte of the signature, turn by four.
    """
    turned = found.copy()
    bits = found["bits"]
    turned["bits"] = (bits << 4) | (bits >> 4)
    return turned


def places(found: Points) -> NDArray[np.float64]:
    """(n, 2) x, y as shares of the picture's long side."""
    return np.stack([found["x"], found["y"]], axis=1) / UNITS


def apart(one: int, other: int) -> int:
    """Bits in which two perceptual hashes differ, or in which one differs from the other inverted: 0 to 31."""
    differ = ((one ^ other) & (2**63 - 1)).bit_count()
    return min(differ, 63 - differ)
