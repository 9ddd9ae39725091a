"""Small print on large pictures: where it is, and its lines, found in overlapping tiles of full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]

READABLE_SIDE = 1600
"""Pixels of the long side at which a picture is read first. On a page of A4, 10 points are 19 pixels then."""

_CELL, _MIN_SMALL, _SMALL_SHARE = 48, 3, 0.6
"""A square of 48 pixels, at the size in question, has small print if at least three letters, and this share of its
letters, are small."""

_SMALL_LETTER, _TILE_LETTER, _LARGE_LETTER, _MAX_JOINED = 6.0, 8.0, 40.0, 12
"""Height of letters in pixels: too small to be read (those of a line have 0.55 to 0.75 of its font's size), found well
in tiles, and too large to be counted. Letters that touch are one shape, up to 12 times as wide as high."""

_MIN_PIXELS, _INK = 4, 40
_BACKGROUND_SCALE, _BACKGROUND_SIDE = 4, 21
"""The background is the median of squares of 84 pixels; ink differs from it by 40 gray levels."""

_TILE, _OVERLAP, _MAX_TILE = 960, 160, 1200
"""Pixels: the detector takes a tile in full size, or scales down one of up to 1,200. A line of small print is lower
than half of the overlap."""

_SAME_ROW, _SAME_LINE, _COVERED = 0.6, 0.5, 0.5
_READABLE_HEIGHT = 40
"""Height in pixels, at READABLE_SIDE, of a line that needs no tiles: a tile could contain a part of it only."""


class Tile(NamedTuple):
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, slots=True)
class Crop:
    """A detected line: its four corners in pixels of the picture, clockwise, and its pixels, turned to be read.

    `turn`: degrees clockwise by which the line was turned from its orientation on the picture, 0, 90, 180 or 270.
    """

    quad: Any
    image: Picture
    turn: int = 0

    def scaled(self, x: float, y: float) -> Crop:
        """Return the line in pixels of a picture of another size."""
        return replace(self, quad=self.quad * np.array([x, y], dtype=np.float32))

    def placed(self, corners: Any) -> Any:
        """Return the corners of a part of the line on the picture.

        The library takes a line to be read downwards or from left to right; others are mirrored at the line's center.
        """
        points = np.asarray(corners, dtype=np.float32)
        return self.quad.min(axis=0) + self.quad.max(axis=0) - points if self.turn in (90, 180) else points


def shrink(picture: Picture, side: int) -> Picture:
    """Return the picture with a long side of at most `side` pixels."""
    import cv2

    scale = side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def cut(picture: Picture, tile: Tile) -> Picture:
    """Return the pixels of a tile."""
    return np.ascontiguousarray(picture[tile.y0 : tile.y1, tile.x0 : tile.x1])


class SmallPrint(NamedTuple):
    """Where a picture has letters that are too small to be read at READABLE_SIDE.

    side: the long side at which all letters can be read. cells: a grid over the picture, by row and column.
    """

    side: int
    cells: NDArray[np.bool_]


def find_small_print(picture: Picture) -> SmallPrint:
    """Return where the small print is; `side` is READABLE_SIDE if there is none, else doubled as often as needed."""
    longest = max(picture.shape[:2])
    if longest <= READABLE_SIDE:
        return SmallPrint(READABLE_SIDE, np.zeros((1, 1), dtype=np.bool_))
    letters = _find_letters(picture)
    cells = too_small = _small_print(letters, picture, READABLE_SIDE, _SMALL_LETTER)
    side = READABLE_SIDE
    while side < longest and too_small.any():
        side *= 2
        too_small = _small_print(letters, picture, side, _TILE_LETTER)
    return SmallPrint(side, cells)


def small_print_tiles(picture: Picture, cells: NDArray[np.bool_]) -> list[Tile]:
    """Return the tiles of a picture of any size that have small print in or beside them."""
    cell = _CELL * max(picture.shape[:2]) / READABLE_SIDE
    tiles = []
    for y0, y1 in _intervals(picture.shape[0]):
        for x0, x1 in _intervals(picture.shape[1]):
            rows = slice(max(0, int(y0 / cell) - 1), int(y1 / cell) + 2)
            if cells[rows, max(0, int(x0 / cell) - 1) : int(x1 / cell) + 2].any():
                tiles.append(Tile(x0, y0, x1, y1))
    return tiles


def _intervals(length: int) -> list[tuple[int, int]]:
    """Return overlapping intervals of equal size that cover a length."""
    count = 1 if length <= _MAX_TILE else -(-(length - _OVERLAP) // (_TILE - _OVERLAP))
    size = min(length, -(-(length + (count - 1) * _OVERLAP) // count))
    return [(start, start + size) for start in (round(i * (length - size) / max(1, count - 1)) for i in range(count))]


class _Letters(NamedTuple):
    """Shapes that may be letters: their centers, widths and heights in pixels."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    width: NDArray[np.int32]
    height: NDArray[np.int32]


def _find_letters(picture: Picture) -> _Letters:
    import cv2

    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    size = (max(1, width // _BACKGROUND_SCALE), max(1, height // _BACKGROUND_SCALE))
    background = cv2.medianBlur(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), _BACKGROUND_SIDE)
    ink = cv2.absdiff(gray, cv2.resize(background, (width, height))) > _INK
    _, _, shapes, centers = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    large = shapes[:, cv2.CC_STAT_HEIGHT] >= _MIN_PIXELS
    large[0] = False  # the background
    found, centers = shapes[large], centers[large]
    return _Letters(centers[:, 0], centers[:, 1], found[:, cv2.CC_STAT_WIDTH], found[:, cv2.CC_STAT_HEIGHT])


def _small_print(letters: _Letters, picture: Picture, side: int, limit: float) -> NDArray[np.bool_]:
    """Return for each cell of the picture, by row and column, whether its letters are lower than `limit` pixels when
    the picture has this long side.
    """
    scale = side / max(picture.shape[:2])
    rows, columns = (int(length * scale / _CELL) + 1 for length in picture.shape[:2])
    cells = (letters.y * scale / _CELL).astype(int) * columns + (letters.x * scale / _CELL).astype(int)
    height = letters.height * scale
    usual = (height < _LARGE_LETTER) & (letters.width <= _MAX_JOINED * letters.height)
    small = np.bincount(cells[usual & (height < limit)], minlength=rows * columns)
    every = np.bincount(cells[usual], minlength=rows * columns)
    return np.asarray(((small >= _MIN_SMALL) & (small >= _SMALL_SHARE * every)).reshape(rows, columns))


def merge_small_print(
    picture: Picture, crops: Sequence[Crop], tiles: Sequence[tuple[Tile, Sequence[Crop]]]
) -> list[Crop]:
    """Return the lines of the picture and of its tiles, each line once.

    Parts of a line in neighboring tiles are joined and cut from the picture as one line. Of a line that was found both
    in the picture and in a tile, the one of the tile is kept if it is small print.
    """
    if not tiles:
        return list(crops)
    readable = _READABLE_HEIGHT * max(picture.shape[:2]) / READABLE_SIDE
    parts = [
        _Part(_rectangle(crop.quad + np.array([tile.x0, tile.y0], dtype=np.float32)), number, crop)
        for number, (tile, found) in enumerate(tiles)
        for crop in found
    ]
    large = [_rectangle(crop.quad) for crop in crops]
    small = [part for part in _join(parts) if not _is_readable(part.box, large, readable)]
    kept = [crop for crop, box in zip(crops, large, strict=True) if not _is_covered(box, [one.box for one in small])]
    return [*kept, *(_cut_line(picture, tiles, part) for part in small)]


class _Part(NamedTuple):
    """A line or a part of it. `crop` is None when it was joined from parts of several tiles (number -1)."""

    box: tuple[float, float, float, float]
    tile: int
    crop: Crop | None


def _join(parts: Sequence[_Part]) -> list[_Part]:
    """Return the parts, with those of different tiles that belong to one line joined.

    Takes time in proportion to the number of parts times those in one row.
    """
    joined: list[_Part] = []
    rows: dict[int, list[int]] = {}
    for part in sorted(parts, key=lambda one: (one.box[0], one.box[1])):
        bands = range(int(part.box[1]) // _TILE, int(part.box[3]) // _TILE + 1)
        near = {index for band in bands for index in rows.get(band, ())}
        index = next((i for i in sorted(near) if joined[i].tile != part.tile and _are_one(joined[i], part)), None)
        if index is None:
            index = len(joined)
            joined.append(part)
        else:
            joined[index] = _union(joined[index], part)
        for band in bands:
            rows.setdefault(band, [])
            if index not in rows[band][-64:]:
                rows[band].append(index)
    return joined


def _union(a: _Part, b: _Part) -> _Part:
    x0, y0, x1, y1 = zip(a.box, b.box, strict=True)
    box = (min(x0), min(y0), max(x1), max(y1))
    for part in (a, b):
        if part.box == box and part.crop is not None:  # the other tile has a part of this line
            return part
    return _Part(box, b.tile, None)


def _are_one(a: _Part, b: _Part) -> bool:
    """Return whether two parts overlap so much that they are the same line, or continue each other in a row."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    if width <= 0 or height <= 0:
        return False
    heights = sorted((a.box[3] - a.box[1], b.box[3] - b.box[1]))
    is_line = all(one.box[2] - one.box[0] > one.box[3] - one.box[1] for one in (a, b))
    smaller = min(_area(a.box), _area(b.box))
    same_row = is_line and height >= _SAME_ROW * heights[0] and heights[1] <= 2 * heights[0]
    return same_row or width * height >= _SAME_LINE * smaller


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def _is_readable(
    box: tuple[float, float, float, float], large: Sequence[tuple[float, float, float, float]], readable: float
) -> bool:
    """Return whether a part found in a tile is in a line that was found in the picture and is large enough."""
    return any(
        min(other[2] - other[0], other[3] - other[1]) >= readable and _overlap(box, other) >= _COVERED * _area(box)
        for other in large
    )


def _is_covered(box: tuple[float, float, float, float], small: Sequence[tuple[float, float, float, float]]) -> bool:
    """Return whether small print fills most of the width of a line that was found in the picture."""
    inside = [other for other in small if _overlap(box, other) >= _COVERED * _area(other)]
    return sum(min(box[2], other[2]) - max(box[0], other[0]) for other in inside) >= _COVERED * (box[2] - box[0])


def _rectangle(quad: Any) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _cut_line(picture: Picture, tiles: Sequence[tuple[Tile, Sequence[Crop]]], part: _Part) -> Crop:
    """Return a line in pixels of the picture; a joined one is cut out as a rectangle."""
    if part.crop is not None:
        tile = tiles[part.tile][0]
        return replace(part.crop, quad=part.crop.quad + np.array([tile.x0, tile.y0], dtype=np.float32))
    x0, y0, x1, y1 = part.box
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float32)
    image = cut(picture, Tile(int(x0), int(y0), max(int(x0) + 1, round(x1)), max(int(y0) + 1, round(y1))))
    tall = image.shape[0] >= 1.5 * image.shape[1]  # as the library turns lines that it cuts out
    return Crop(quad, np.ascontiguousarray(np.rot90(image)) if tall else image)
