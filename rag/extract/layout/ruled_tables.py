"""Tables with ruled lines, tables in the pixels of a rendered or scanned page."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import Region, bounding_box, contains_center
from rag.model.extraction import BlockKind, Box

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 1000
"""Long side, in pixels, at which lines are detected: hairlines of the render are still visible."""

_MIN_LENGTH_X, _MIN_LENGTH_Y = 1 / 16, 1 / 40
"""Minimum length of a line, as a fraction of the page's width or height."""

_MERGE_DISTANCE = 7
"""Lines within this many pixels are one line: both edges of a stroke, a double rule, a slanted line."""

_MIN_AREA = 0.03
_MIN_CROSSINGS = 6
"""A table has at least three lines that cross two others."""

_MIN_FILLED_CELLS = 0.33
"""Minimum share of cells that contain a word; the grid of a chart has fewer."""

MIN_WORDS = 2
"""Without more words, no table is found: it has at least four cells, of which more than one contain a word."""

_MAX_LINES = 60

_INSIDE, _SAME_TABLE = 0.7, 0.5


def find_ruled_tables(image: Image, words: Sequence[Box]) -> list[Region]:
    """Return the tables that ruled lines form, with the positions of the lines as rows and columns."""
    import cv2
    import numpy as np

    small = image.convert("L")
    small.thumbnail((_SIDE, _SIDE))
    gray = np.asarray(small)
    height, width = gray.shape
    edges = cv2.Canny(gray, 20, 60)
    kernel = np.ones((_MERGE_DISTANCE, _MERGE_DISTANCE), np.uint8)
    horizontal = cv2.morphologyEx(edges, cv2.MORPH_OPEN, np.ones((1, max(8, round(width * _MIN_LENGTH_X))), np.uint8))
    vertical = cv2.morphologyEx(edges, cv2.MORPH_OPEN, np.ones((max(8, round(height * _MIN_LENGTH_Y)), 1), np.uint8))
    if not (horizontal.any() and vertical.any()):  # nothing crosses
        return []
    horizontal, vertical = cv2.dilate(horizontal, kernel), cv2.dilate(vertical, kernel)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(horizontal | vertical)
    tables = []
    for label, (left, top, table_width, table_height, _) in enumerate(stats[1:], 1):
        right, bottom = left + table_width, top + table_height
        box = Box(float(left / width), float(top / height), float(right / width), float(bottom / height))
        if box.area < _MIN_AREA:
            continue
        area = (slice(top, bottom), slice(left, right))
        component = labels[area] == label
        in_rows, in_columns = component & (horizontal[area] > 0), component & (vertical[area] > 0)
        crossings, _ = cv2.connectedComponents((in_rows & in_columns).astype(np.uint8))
        if crossings - 1 < _MIN_CROSSINGS:
            continue
        rows = _lines(in_rows, box.y0, height)
        columns = _lines(in_columns.T, box.x0, width)
        if rows and columns and _filled_share(box, rows, columns, words) >= _MIN_FILLED_CELLS:
            tables.append(Region(BlockKind.TABLE, box, rows, columns))
    return tables


def _lines(mask: Any, start: float, size: int) -> tuple[float, ...]:
    """Return the inner lines as fractions of the page: positions of mask rows that are at least a third set."""
    import numpy as np

    is_line = mask.mean(axis=1) > 1 / 3
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_line.astype(np.int8), [0]))))
    middles = [(int(begin) + int(end) - 1) / 2 for begin, end in edges.reshape(-1, 2)]
    inner = [middle for middle in middles if _MERGE_DISTANCE < middle < len(is_line) - _MERGE_DISTANCE]
    return tuple(start + middle / size for middle in inner[:_MAX_LINES])


def _filled_share(box: Box, rows: Sequence[float], columns: Sequence[float], words: Sequence[Box]) -> float:
    """Return the share of cells that contain a word."""
    cells = {
        (bisect(rows, (word.y0 + word.y1) / 2), bisect(columns, (word.x0 + word.x1) / 2))
        for word in words
        if contains_center(box, word)
    }
    return len(cells) / ((len(rows) + 1) * (len(columns) + 1))


def merge_ruled_tables(regions: Sequence[Region], tables: Sequence[Region]) -> list[Region]:
    """Return the layout's regions with ruled tables in place of the text regions they cover.

    A table that the layout also found gets the rows, columns and edges of its ruled lines. Figures stay figures.
    """
    merged = list(regions)
    for table in tables:
        if any(_includes(region, table) for region in merged):
            continue
        replaced = [region for region in merged if _is_replaced_by(region, table)]
        index = merged.index(replaced[0]) if replaced else sum(region.box.y0 < table.box.y0 for region in merged)
        boxes = [region.box for region in replaced if region.kind is BlockKind.TABLE]
        merged.insert(index, replace(table, box=bounding_box([table.box, *boxes])))
        merged = [region for region in merged if region not in replaced]
    return merged


def _includes(region: Region, table: Region) -> bool:
    """Return whether the layout's region is more than the ruled table: a figure, or a table that is partly ruled."""
    larger = region.kind is BlockKind.TABLE and table.box.covers(region.box) < _INSIDE
    return (region.kind is BlockKind.FIGURE or larger) and region.box.covers(table.box) > _SAME_TABLE


def _is_replaced_by(region: Region, table: Region) -> bool:
    if region.kind is BlockKind.FIGURE or table.box.covers(region.box) < _INSIDE:
        return False
    return region.kind is not BlockKind.TABLE or region.box.area > table.box.area / 2
