"""Recognised lines into blocks: a recursive cut along white gaps (XY-cut), for pages without a layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from rag.extract.geometry import around, lines_of, placed_lines
from rag.model import Block, BlockKind, Box, Line

_GAP_Y = 1.0
"""White between two blocks, in heights of the page's middling line."""

_GAP_X = 0.012
"""Narrowest white between two columns, as a share of the page's width."""

_COLUMN = 0.15
_COLUMN_LINES = 3
"""Columns at least this wide and long are running text, even where their lines stand level."""

_LEVEL = 0.6
"""Share of lines that stand level with one on the other side of a gap, from which both sides are cells of a table."""

_HEADING = 1.5
"""Height of a heading's lines, in heights of the page's middling line."""


def flowing_blocks(lines: Sequence[Line]) -> list[Block]:
    """Text and heading blocks in reading order, columns one after another; every word is in one."""
    if not lines:
        return []
    height = median(line.box.y1 - line.box.y0 for line in lines)
    return [_block(group, height) for group in _cut(list(lines), height)]


def _block(group: Sequence[Line], height: float) -> Block:
    made = lines_of(placed_lines(group))
    tall = median(line.box.y1 - line.box.y0 for line in group)
    heading = len(made) <= 2 and tall >= _HEADING * height and sum(len(line.text) for line in made) > 3
    return Block(BlockKind.HEADING if heading else BlockKind.TEXT, around(line.box for line in group), made)


def _cut(lines: list[Line], height: float) -> list[list[Line]]:
    bands = _parts(lines, lambda box: (box.y0, box.y1), _GAP_Y * height)
    if len(bands) > 1:
        return [group for band in bands for group in _cut(band, height)]
    columns = _parts(lines, lambda box: (box.x0, box.x1), _GAP_X)
    if len(columns) > 1 and (all(_is_column(column) for column in columns) or not _are_cells(columns)):
        return [group for column in columns for group in _cut(column, height)]
    return [lines]


def _are_cells(columns: Sequence[Sequence[Line]]) -> bool:
    """Whether most lines have one of their own height beside them, in another column."""
    count = level = 0
    for index, column in enumerate(columns):
        others = [line.box for other in (*columns[:index], *columns[index + 1 :]) for line in other]
        for line in column:
            count += 1
            level += any(_level(line.box, other) for other in others)
    return level >= _LEVEL * count


def _level(a: Box, b: Box) -> bool:
    low, high = sorted((a.y1 - a.y0, b.y1 - b.y0))
    return high <= 1.6 * low and abs((a.y0 + a.y1) - (b.y0 + b.y1)) < low


def _is_column(lines: Sequence[Line]) -> bool:
    return len(lines) >= _COLUMN_LINES and median(line.box.x1 - line.box.x0 for line in lines) >= _COLUMN


def _parts(lines: Sequence[Line], span: Callable[[Box], tuple[float, float]], gap: float) -> list[list[Line]]:
    """The lines in groups that are more than `gap` apart along one axis."""
    parts: list[list[Line]] = []
    end = 0.0
    for line in sorted(lines, key=lambda line: span(line.box)):
        start, stop = span(line.box)
        if not parts or start - end > gap:
            parts.append([])
            end = stop
        parts[-1].append(line)
        end = max(end, stop)
    return parts
