"""Group recognized lines into blocks with a recursive XY-cut along white gaps, for pages without layout analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from rag.extract.geometry import bounding_box, group_into_lines, words_of_lines
from rag.model import Block, BlockKind, Box, Line

_GAP_Y = 1.0
"""Minimum vertical gap between two blocks, as a multiple of the page's median line height."""

_GAP_X = 0.012
"""Minimum gap between two columns, as a fraction of the page's width."""

_COLUMN_WIDTH = 0.15
_COLUMN_LINES = 3
"""Columns with at least this width and number of lines are running text, even if their lines are aligned."""

_ALIGNED_SHARE = 0.6
"""If at least this share of lines is aligned with a line across a gap, both sides are cells of a table."""

_HEADING_HEIGHT = 1.5
"""Minimum height of a heading's lines, as a multiple of the page's median line height."""


def text_blocks(lines: Sequence[Line]) -> list[Block]:
    """Return text and heading blocks in reading order, column by column. Every word is in one block."""
    if not lines:
        return []
    height = median(line.box.y1 - line.box.y0 for line in lines)
    return [_block(group, height) for group in _cut(list(lines), height)]


def _block(group: Sequence[Line], height: float) -> Block:
    merged = group_into_lines(words_of_lines(group))
    line_height = median(line.box.y1 - line.box.y0 for line in group)
    is_heading = (
        len(merged) <= 2 and line_height >= _HEADING_HEIGHT * height and sum(len(line.text) for line in merged) > 3
    )
    return Block(BlockKind.HEADING if is_heading else BlockKind.TEXT, bounding_box(line.box for line in group), merged)


def _cut(lines: list[Line], height: float) -> list[list[Line]]:
    bands = _split_at_gaps(lines, lambda box: (box.y0, box.y1), _GAP_Y * height)
    if len(bands) > 1:
        return [group for band in bands for group in _cut(band, height)]
    columns = _split_at_gaps(lines, lambda box: (box.x0, box.x1), _GAP_X)
    if len(columns) > 1 and (all(_is_column(column) for column in columns) or not _are_cells(columns)):
        return [group for column in columns for group in _cut(column, height)]
    return [lines]


def _are_cells(columns: Sequence[Sequence[Line]]) -> bool:
    """Return whether most lines are aligned with a line of similar height in another column."""
    count = aligned = 0
    for index, column in enumerate(columns):
        others = [line.box for other in (*columns[:index], *columns[index + 1 :]) for line in other]
        for line in column:
            count += 1
            aligned += any(_are_aligned(line.box, other) for other in others)
    return aligned >= _ALIGNED_SHARE * count


def _are_aligned(a: Box, b: Box) -> bool:
    low, high = sorted((a.y1 - a.y0, b.y1 - b.y0))
    return high <= 1.6 * low and abs((a.y0 + a.y1) - (b.y0 + b.y1)) < low


def _is_column(lines: Sequence[Line]) -> bool:
    return len(lines) >= _COLUMN_LINES and median(line.box.x1 - line.box.x0 for line in lines) >= _COLUMN_WIDTH


def _split_at_gaps(lines: Sequence[Line], span: Callable[[Box], tuple[float, float]], gap: float) -> list[list[Line]]:
    """Split the lines into groups that are more than `gap` apart along one axis."""
    groups: list[list[Line]] = []
    end = 0.0
    for line in sorted(lines, key=lambda line: span(line.box)):
        start, stop = span(line.box)
        if not groups or start - end > gap:
            groups.append([])
            end = stop
        groups[-1].append(line)
        end = max(end, stop)
    return groups
