"""Reading order along white gaps: of pages without layout analysis, of columns in one region, from right to left."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeVar

from rag.extract.geometry import bounding_box, group_into_lines, words_of_lines
from rag.extract.layout.right_to_left import is_mainly_right_to_left
from rag.model.extraction import Block, BlockKind, Box, Line, Word

_BoxedT = TypeVar("_BoxedT", Line, Word, Block)

_TEXTS = (BlockKind.TEXT, BlockKind.LIST, BlockKind.FOOTNOTE)

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


def split_columns(block: Block) -> list[Block]:
    """Return the columns of running text that the layout analysis took for one region; other blocks unchanged."""
    if block.kind not in _TEXTS or len(block.lines) < _COLUMN_LINES:
        return [block]
    words = [word for line in block.lines for word in line.words]
    starts = [min(word.box.x0 for word in column) for column in _split_at_gaps(words, _across, _GAP_X)]
    if len(starts) < 2:
        return [block]
    columns: list[list[Line]] = [[] for _ in starts]
    for line in block.lines:
        parts: list[list[Word]] = [[] for _ in starts]
        for word in line.words:
            parts[bisect(starts, word.box.x0) - 1].append(word)
        for column, part in zip(columns, parts, strict=True):
            if part:
                column.append(Line(tuple(part), bounding_box(word.box for word in part), line.ocr))
    if not all(_is_column(column) for column in columns):
        return [block]
    if is_mainly_right_to_left(word.text for word in words):
        columns.reverse()
    return [Block(block.kind, bounding_box(line.box for line in column), tuple(column)) for column in columns]


def order_right_to_left(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks of a page with columns from right to left, if most of its words are written so."""
    texts = [word.text for block in blocks for line in block.lines for word in line.words]
    return _ordered_from_right(list(blocks)) if is_mainly_right_to_left(texts) else list(blocks)


def _ordered_from_right(blocks: list[Block]) -> list[Block]:
    bands = _split_at_gaps(blocks, _down, 0.0)
    if len(bands) > 1:
        return [block for band in bands for block in _ordered_from_right(band)]
    columns = _split_at_gaps(blocks, _across, 0.0)
    if len(columns) > 1:
        return [block for column in reversed(columns) for block in _ordered_from_right(column)]
    return blocks


def _across(box: Box) -> tuple[float, float]:
    return box.x0, box.x1


def _down(box: Box) -> tuple[float, float]:
    return box.y0, box.y1


def _block(group: Sequence[Line], height: float) -> Block:
    merged = group_into_lines(words_of_lines(group))
    line_height = median(line.box.y1 - line.box.y0 for line in group)
    is_heading = (
        len(merged) <= 2 and line_height >= _HEADING_HEIGHT * height and sum(len(line.text) for line in merged) > 3
    )
    return Block(BlockKind.HEADING if is_heading else BlockKind.TEXT, bounding_box(line.box for line in group), merged)


def _cut(lines: list[Line], height: float) -> list[list[Line]]:
    bands = _split_at_gaps(lines, _down, _GAP_Y * height)
    if len(bands) > 1:
        return [group for band in bands for group in _cut(band, height)]
    columns = _split_at_gaps(lines, _across, _GAP_X)
    if is_mainly_right_to_left(word.text for line in lines for word in line.words):
        columns.reverse()
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


def _split_at_gaps(
    parts: Sequence[_BoxedT], span: Callable[[Box], tuple[float, float]], gap: float
) -> list[list[_BoxedT]]:
    """Split lines, words or blocks into groups that are more than `gap` apart along one axis."""
    groups: list[list[_BoxedT]] = []
    end = 0.0
    for part in sorted(parts, key=lambda part: span(part.box)):
        start, stop = span(part.box)
        if not groups or start - end > gap:
            groups.append([])
            end = stop
        groups[-1].append(part)
        end = max(end, stop)
    return groups
