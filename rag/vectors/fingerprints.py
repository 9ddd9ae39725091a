"""Compute the fingerprint of a page: a perceptual hash of its picture, and several hundred keypoints.

The keypoints are SIFT's (Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004), all with
orientation 0: screenshots are hardly ever rotated, and upright descriptors are more distinctive. A descriptor is
stored as 128 bits, one for each of its values: whether the value's square root is above the mean of all square roots
(they reduce the weight of the few large values, as in Root-SIFT, Arandjelović and Zisserman, CVPR 2012). Descriptors
are compared by Hamming distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

GrayImage: TypeAlias = NDArray[np.uint8]
"""A grayscale picture of shape (height, width), 8 bits a pixel."""

Points: TypeAlias = NDArray[np.void]
"""Keypoints of a picture: shape (n,), dtype POINT."""

POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("size", "<f2"), ("bits", "u1", (16,))])
"""22 bytes. Position and size are fractions of the picture's long side, so that x and y have the same unit: x and y in
65,535ths, `size` as a float. `bits` is the descriptor's signature."""

UNITS = 65_535
"""The long side of a picture in the units of a keypoint's x and y."""

KEY_POINTS, KEY_BITS = 128, 24
"""Keypoints of a page that have keys, and the bits of a key."""

METHOD = 1
"""Increase it when fingerprints are made differently, so that the old ones are made again."""

PAGE_SIDE, PAGE_POINTS = 800, 500
"""Pixels of a page's long side when its keypoints are detected, and the maximum number kept: 11 KB a page."""

QUERY_SIDE, QUERY_POINTS = 1000, 2000
"""The same for a screenshot. It may show a small part of a page, which then has more keypoints."""

_CONTRAST = 0.03
"""SIFT's contrast threshold, as in Lowe's paper: pale letters have keypoints, JPEG noise has few."""

_CELLS = 8
"""Cells in each direction: keypoints are spread over the page, so that every part of it can be recognized."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`phash` has 64 bits (see `phash`). `points` is empty for a blank page."""

    phash: int
    points: Points


def opencv_problem() -> str:
    """Return why OpenCV cannot be used, or an empty string."""
    try:
        import cv2
    except (ImportError, OSError) as error:
        return f"OpenCV cannot be loaded ({error})"
    return "" if hasattr(cv2, "SIFT") else "this OpenCV has no SIFT"


def load_gray(path: Path) -> GrayImage | None:
    """Load a picture in grayscale. Return None when it does not exist or cannot be decoded."""
    import cv2

    try:
        coded = np.fromfile(path, np.uint8)
    except OSError:
        return None
    gray = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE) if coded.size else None
    return None if gray is None else np.asarray(gray, np.uint8)


def fingerprint(gray: GrayImage) -> Fingerprint:
    """Return the fingerprint of a page's picture."""
    return Fingerprint(phash(gray), points(gray, PAGE_SIDE, PAGE_POINTS))


def fingerprint_of(path: Path) -> Fingerprint:
    """Return the fingerprint of a page's picture, without points if the file is gone or cannot be decoded."""
    gray = load_gray(path)
    return Fingerprint(0, np.zeros(0, POINT)) if gray is None else fingerprint(gray)


def phash(gray: GrayImage) -> int:
    """Return a 64-bit perceptual hash: which of the lowest 8 x 8 frequencies are above their median.

    From Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010). Inverting the picture
    inverts every bit except the first.
    """
    import cv2

    small = cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(small))[:8, :8].ravel()
    low[0] = 0  # ignore the average brightness
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def points(gray: GrayImage, side: int, max_points: int) -> Points:
    """Return at most `max_points` keypoints, spread evenly, of the picture scaled down to a long side of `side` pixels.

    Return none for a picture that OpenCV rejects, so that one page cannot block the ones after it.
    """
    import cv2

    try:
        return _points(gray, side, max_points)
    except cv2.error:
        return np.zeros(0, POINT)


def _points(gray: GrayImage, side: int, max_points: int) -> Points:
    import cv2

    height, width = gray.shape
    if min(height, width) < _CELLS:
        return np.zeros(0, POINT)
    scale = min(1.0, side / max(height, width))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
    sift = cv2.SIFT.create(contrastThreshold=_CONTRAST)
    distinct: dict[tuple[tuple[float, float], int], Any] = {}
    for point in sift.detect(gray, None):  # SIFT repeats a keypoint for each of its likely orientations
        distinct.setdefault((point.pt, point.octave), point)
    kept = _spread(list(distinct.values()), gray.shape[0], gray.shape[1], max_points)
    if not kept:
        return np.zeros(0, POINT)
    for point in kept:
        point.angle = 0.0
    described, descriptors = sift.compute(gray, kept)
    long_side = max(gray.shape)
    found = np.zeros(len(described), POINT)
    positions = np.array([point.pt for point in described]) / long_side
    found["x"], found["y"] = np.clip(np.round(positions * UNITS), 0, UNITS).T
    found["size"] = np.array([point.size for point in described]) / long_side
    found["bits"] = signatures(np.asarray(descriptors))
    return found


def _spread(found: Sequence[Any], height: int, width: int, max_points: int) -> list[Any]:
    """Return the strongest keypoint of every cell, then the second of each, up to `max_points`."""
    taken: dict[tuple[int, int], int] = {}
    order = []
    for rank, point in enumerate(sorted(found, key=lambda point: -point.response)):
        cell = int(point.pt[0] * _CELLS / width), int(point.pt[1] * _CELLS / height)
        taken[cell] = taken.get(cell, 0) + 1
        order.append((taken[cell], rank, point))
    return [point for _, _, point in sorted(order, key=lambda entry: entry[:2])[:max_points]]


def signatures(descriptors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the signatures, shape (n, 16), of SIFT descriptors, shape (n, 128)."""
    roots = np.sqrt(descriptors)
    return np.packbits(roots > roots.mean(axis=1, keepdims=True), axis=1)


def keys_of(found: Points) -> NDArray[np.uint32]:
    """Return the distinct keys of keypoints. Points that look alike share some of their four keys.

    A key is a hash of a quarter of the signature (locality-sensitive hashing: Indyk and Motwani, STOC 1998).
    """
    quarters = np.ascontiguousarray(found["bits"]).view("<u4").astype(np.uint64)
    # The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Each quarter has keys of its own.
    mixed = quarters + (np.arange(4, dtype=np.uint64) << np.uint64(32))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.unique(mixed >> np.uint64(64 - KEY_BITS)).astype("<u4")


def inverted(found: Points) -> Points:
    """Return the keypoints of the same picture with black and white exchanged.

    Every gradient then points the other way, so the eight bins of each histogram (one byte of the signature) rotate by
    four.
    """
    turned = found.copy()
    bits = found["bits"]
    turned["bits"] = (bits << 4) | (bits >> 4)
    return turned


def places(found: Points) -> NDArray[np.float64]:
    """Return the positions, shape (n, 2): x and y as fractions of the picture's long side."""
    return np.stack([found["x"], found["y"]], axis=1) / UNITS


def hash_distance(one: int, other: int) -> int:
    """Return the Hamming distance of two perceptual hashes, or of one and the inverted other if smaller: 0 to 31."""
    differ = ((one ^ other) & (2**63 - 1)).bit_count()
    return min(differ, 63 - differ)
