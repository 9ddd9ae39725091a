"""Prove that a picture shows a page: its points align with the page's, and block by block the pixels agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.model.extraction import Box
from rag.vectors.fingerprints import GrayImage, Points, inverted, places

Matrix: TypeAlias = NDArray[np.float64]
"""Shape (2, 3): maps coordinates on a page to the picture, both as fractions of their long sides."""

MIN_AGREEMENT = 0.5
"""Minimum agreement for a picture to show a page."""

MIN_POINTS = 7
"""Minimum aligned points for pixels to be compared; sometimes this many align by chance."""

MIN_POINTS_TO_JUDGE = 30
"""Minimum points of a picture for a missing match to mean that it shows none of the pages."""

_RATIO = 0.9
"""Lowe's ratio: the distance of a match must be below this share of the next best. His 0.8 is for full descriptors."""

_MAX_OCTAVES = 0.6
"""Octaves by which the scale of a match may differ from that of most matches."""

_MAX_ERROR = 0.01
"""Fraction of the picture's long side by which an aligned point may be off."""

_ITERATIONS = 3000

_SCALES = 0.08, 12.0
"""Size of the page in the picture, in long sides of the picture: a smaller one is a thumbnail, a larger one a few
letters."""

_MAX_TILT = np.radians(12.0)
"""Rotation up to which upright points are recognized."""

_COMPARED_SIDE = 400
"""Pixels of the picture's long side when it is compared."""

_BLOCK, _SHIFT = 20, 2
"""Pixels of a block's side, and by how many it may be off."""

_MIN_BLOCKS = 4
"""Blocks with content that are needed for a comparison; fewer agree with many pages by chance."""

_FLAT = 5.0
"""Standard deviation in gray levels below which a block is empty."""

_MIN_CORRELATION = 0.75
"""Minimum normalized correlation of two equal blocks. Lines of different words reach 0.7."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The agreement of a picture with a region of a page.

    `points`: how many are aligned. `agreement`, 0 to 1: the share of the blocks with content that look the same.
    `likeness`, -1 to 1: their mean correlation, which ranks pages that all agree. `box`: the region.
    """

    points: int
    agreement: float
    likeness: float
    box: Box

    @property
    def is_proved(self) -> bool:
        return self.agreement >= MIN_AGREEMENT


@dataclass(frozen=True, slots=True)
class Alignment:
    """A candidate position of a picture on a page. `dark`: with black and white exchanged."""

    matrix: Matrix
    points: int
    dark: bool = False


def align(picture: Points, page: Points) -> Alignment | None:
    """Return the alignment of most of the picture's points with the page's, or None if few align.

    The picture is tried as it is and inverted.
    """
    light = _align(picture, page)
    if light is not None and light.points >= 3 * MIN_POINTS:
        return light
    dark = _align(inverted(picture), page)
    if dark is not None and (light is None or dark.points > light.points):
        return replace(dark, dark=True)
    return light


def _align(picture: Points, page: Points) -> Alignment | None:
    import cv2

    ours, theirs = _pairs(picture, page)
    if len(ours) < MIN_POINTS:
        return None
    cv2.setRNGSeed(0)  # the same picture gives the same result
    matrix, fits = cv2.estimateAffinePartial2D(
        places(theirs), places(ours), ransacReprojThreshold=_MAX_ERROR, maxIters=_ITERATIONS
    )
    if matrix is None or not np.isfinite(matrix).all() or int(fits.sum()) < MIN_POINTS:
        return None
    scale, turn = float(np.hypot(matrix[0, 0], matrix[1, 0])), float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    if not _SCALES[0] <= scale <= _SCALES[1] or abs(turn) > _MAX_TILT:
        return None
    return Alignment(np.asarray(matrix, np.float64), int(fits.sum()))


def _pairs(picture: Points, page: Points) -> tuple[Points, Points]:
    """Return the points of both that are clearly each other's nearest, at the scale that most of the pairs agree on."""
    import cv2

    if min(len(picture), len(page)) < MIN_POINTS:
        return picture[:0], page[:0]
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    bits = np.ascontiguousarray(picture["bits"]), np.ascontiguousarray(page["bits"])
    there = matcher.knnMatch(bits[1], bits[0], k=2)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(bits[0], bits[1])}
    kept = [
        (best.trainIdx, best.queryIdx)
        for best, second in there
        if best.distance < _RATIO * second.distance and back[best.trainIdx] == best.queryIdx
    ]
    if not kept:
        return picture[:0], page[:0]
    pairs = np.array(kept)
    ours, theirs = picture[pairs[:, 0]], page[pairs[:, 1]]
    octaves = np.log2(ours["size"].astype(np.float64) / theirs["size"].astype(np.float64))
    near = np.abs(octaves[:, None] - octaves[None, :]) <= _MAX_OCTAVES
    usual = near[np.argmax(near.sum(axis=1))]
    return ours[usual], theirs[usual]


def prove(picture: GrayImage, page: GrayImage, alignment: Alignment) -> Proof:
    """Warp the page to the picture and compare them block by block."""
    import cv2

    height, width = picture.shape
    shrunk = min(1.0, _COMPARED_SIDE / max(height, width))
    size = max(_BLOCK, round(width * shrunk)), max(_BLOCK, round(height * shrunk))
    ours = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    # Warping samples single pixels, so a page larger than in the picture is scaled down first.
    scale = float(np.hypot(alignment.matrix[0, 0], alignment.matrix[1, 0])) * max(size) / max(page.shape)
    if scale < 1.0:
        smaller = max(1, round(page.shape[1] * scale)), max(1, round(page.shape[0] * scale))
        page = np.asarray(cv2.resize(page, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    warp = alignment.matrix * max(size)
    warp[:, :2] /= max(page.shape)
    margin = warp + np.array([[0, 0, _SHIFT], [0, 0, _SHIFT]])
    shown = (size[0] + 2 * _SHIFT, size[1] + 2 * _SHIFT)
    theirs = cv2.warpAffine(page, margin, shown, flags=cv2.INTER_LINEAR, borderValue=255.0)
    if alignment.dark:
        ours = 255 - ours
    alike = _correlations(np.asarray(ours, np.float32), np.asarray(theirs, np.float32))
    box = _box(warp, size, page)
    if alike.size < _MIN_BLOCKS:
        return Proof(alignment.points, 0.0, 0.0, box)
    return Proof(alignment.points, float((alike >= _MIN_CORRELATION).mean()), float(alike.mean()), box)


def _correlations(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the correlation, -1 to 1, of each block with content. `theirs` is larger by _SHIFT on every side."""
    import cv2

    rows, columns = ours.shape[0] // _BLOCK, ours.shape[1] // _BLOCK
    ours, theirs = cv2.GaussianBlur(ours, (3, 3), 0), cv2.GaussianBlur(theirs, (3, 3), 0)

    def blocks(whole: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the blocks, each minus its mean, as an array of shape (rows, columns, pixels)."""
        cut = whole[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
        flat = cut.transpose(0, 2, 1, 3).reshape(rows, columns, -1)
        return np.asarray(flat - flat.mean(axis=2, keepdims=True), np.float32)

    mine = blocks(ours)
    my_size = np.sqrt((mine**2).mean(axis=2))
    best = np.full((rows, columns), -1.0)
    has_content = my_size >= _FLAT
    for down in range(2 * _SHIFT + 1):
        for right in range(2 * _SHIFT + 1):
            other = blocks(theirs[down:, right:])
            size = np.sqrt((other**2).mean(axis=2))
            if down == right == _SHIFT:
                has_content |= size >= _FLAT
            best = np.maximum(best, (mine * other).mean(axis=2) / np.maximum(my_size * size, 1.0))
    return np.asarray(best[has_content], np.float64)


def _box(warp: Matrix, size: tuple[int, int], page: GrayImage) -> Box:
    """Return where the picture is on the page, clipped to its edges."""
    whole = np.vstack([warp, [0.0, 0.0, 1.0]])
    corners = np.array([[x, y, 1.0] for x in (0, size[0]) for y in (0, size[1])])
    on_page = (np.linalg.inv(whole) @ corners.T)[:2].T / np.array([page.shape[1], page.shape[0]])
    (x0, y0), (x1, y1) = on_page.min(axis=0).clip(0, 1), on_page.max(axis=0).clip(0, 1)
    return Box(float(x0), float(y0), float(x1), float(y1))
