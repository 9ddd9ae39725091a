"""Where on a rendered page ruled lines make a grid: tables that are drawn or scanned, whatever their cells hold."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import Region, around, holds
from rag.model import BlockKind, Box

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 1000
"""Pixels of the long side on which lines are looked for: a hairline of the render is still there."""

_LONG_X, _LONG_Y = 1 / 16, 1 / 40
"""A line is at least this share of the page's width, or height."""

_NEAR = 7
"""Pixels up to which two lines are one: both edges of a stroke, a double rule, a slant."""

_AREA = 0.03
_CROSSINGS = 6
"""Three lines across two, at least."""

_FILLED = 0.4
"""Share of the cells that hold a word; a chart's grid holds few."""

_MOST_LINES = 60

_INSIDE, _KNOWN = 0.7, 0.5


def ruled_tables(image: Image, words: Sequence[Box]) -> list[Region]:
    """Tables by their ruled lines, with rows and columns where the lines are."""
    import cv2
    import numpy as np

    small = image.convert("L")
    small.thumbnail((_SIDE, _SIDE))
    grey = np.asarray(small)
    height, width = grey.shape
    edges = cv2.Canny(grey, 20, 60)
    near = np.ones((_NEAR, _NEAR), np.uint8)
    level = cv2.morphologyEx(edges, cv2.MORPH_OPEN, np.ones((1, max(8, round(width * _LONG_X))), np.uint8))
    upright = cv2.morphologyEx(edges, cv2.MORPH_OPEN, np.ones((max(8, round(height * _LONG_Y)), 1), np.uint8))
    level, upright = cv2.dilate(level, near), cv2.dilate(upright, near)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(level | upright)
    found = []
    for label, (left, top, wide, high, _) in enumerate(stats[1:], 1):
        box = Box(float(left / width), float(top / height), float((left + wide) / width), float((top + high) / height))
        if box.area < _AREA:
            continue
        mine = labels[top : top + high, left : left + wide] == label
        spot = (slice(top, top + high), slice(left, left + wide))
        crossings, _ = cv2.connectedComponents((mine & (level[spot] > 0) & (upright[spot] > 0)).astype(np.uint8))
        if crossings - 1 < _CROSSINGS:
            continue
        rows = _lines(mine & (level[spot] > 0), box.y0, height)
        columns = _lines((mine & (upright[spot] > 0)).T, box.x0, width)
        if rows and columns and _filled(box, rows, columns, words) >= _FILLED:
            found.append(Region(BlockKind.TABLE, box, rows, columns))
    return found


def _lines(mask: Any, start: float, size: int) -> tuple[float, ...]:
    """Where rows of the mask are mostly set, without the first and the last: inner lines, as fractions of the page."""
    import numpy as np

    set_ = mask.mean(axis=1) > 1 / 3
    edges = np.flatnonzero(np.diff(np.concatenate(([0], set_.astype(np.int8), [0]))))
    middles = [(int(begin) + int(end) - 1) / 2 for begin, end in edges.reshape(-1, 2)]
    inner = [middle for middle in middles if _NEAR < middle < len(set_) - _NEAR]
    return tuple(start + middle / size for middle in inner[:_MOST_LINES])


def _filled(box: Box, rows: Sequence[float], columns: Sequence[float], words: Sequence[Box]) -> float:
    """The share of cells with a word in it."""
    cells = {
        (bisect(rows, (word.y0 + word.y1) / 2), bisect(columns, (word.x0 + word.x1) / 2))
        for word in words
        if holds(box, word)
    }
    return len(cells) / ((len(rows) + 1) * (len(columns) + 1))


def with_ruled(regions: Sequence[Region], ruled: Sequence[Region]) -> list[Region]:
    """The layout's regions, with ruled tables in the place of the text it saw there.

    A table that it saw too has the cells and the edges of its rules; a figure stays a figure.
    """
    found = list(regions)
    for table in ruled:
        if any(_holds_already(region, table) for region in found):
            continue
        inside = [region for region in found if _gives_way(region, table)]
        at = found.index(inside[0]) if inside else sum(region.box.y0 < table.box.y0 for region in found)
        found.insert(at, replace(table, box=around([table.box, *(r.box for r in inside if r.kind is BlockKind.TABLE)])))
        found = [region for region in found if region not in inside]
    return found


def _holds_already(region: Region, table: Region) -> bool:
    """Whether the layout's region is more than the ruled table: a figure, or a table that is ruled in part."""
    larger = region.kind is BlockKind.TABLE and table.box.covers(region.box) < _INSIDE
    return (region.kind is BlockKind.FIGURE or larger) and region.box.covers(table.box) > _KNOWN


def _gives_way(region: Region, table: Region) -> bool:
    if region.kind is BlockKind.FIGURE or table.box.covers(region.box) < _INSIDE:
        return False
    return region.kind is not BlockKind.TABLE or region.box.area > table.box.area / 2
