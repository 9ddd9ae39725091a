"""Words into lines, and words into regions: geometry without any library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rag.model import Block, BlockKind, Box, Line, Word

_SLACK = 0.006
"""How far a word's centre may lie outside a region and still belong to it: layout boxes are tight."""

_SAME_ROW = 0.5
"""Vertical overlap, as a share of the lower piece, from which two pieces stand on one row."""

_ALIKE = 2.5
"""Pieces whose heights differ by more are on no common row (a stamp up the margin beside running text)."""


class Placed(NamedTuple):
    """A word with the run it was set in (one line of one block) and its block, as the file has them.

    `ocr`: it was recognised, and run and block are the recognised line.
    """

    word: Word
    run: int
    block: int
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """What the layout analysis found; `rows` and `columns` as a Block has them."""

    kind: BlockKind
    box: Box
    rows: tuple[float, ...] = ()
    columns: tuple[float, ...] = ()


def clamped(x0: float, y0: float, x1: float, y1: float) -> Box:
    """A box inside the page with its corners in order."""
    left, right = sorted((min(max(x0, 0.0), 1.0), min(max(x1, 0.0), 1.0)))
    top, bottom = sorted((min(max(y0, 0.0), 1.0), min(max(y1, 0.0), 1.0)))
    return Box(left, top, right, bottom)


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of these; there must be one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def holds(box: Box, other: Box, slack: float = 0.0) -> bool:
    """Whether the centre of `other` lies in `box`."""
    x, y = (other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2
    return box.x0 - slack <= x <= box.x1 + slack and box.y0 - slack <= y <= box.y1 + slack


def lines_of(words: Sequence[Placed]) -> tuple[Line, ...]:
    """Lines from top to bottom; runs side by side become one line, from left to right. No word is lost."""
    runs: dict[int, list[Placed]] = {}
    for placed in words:
        runs.setdefault(placed.run, []).append(placed)
    pieces = [(around(placed.word.box for placed in run), run) for run in runs.values()]
    pieces.sort(key=lambda piece: (piece[0].y0 + piece[0].y1, piece[0].x0))
    rows: list[list[tuple[Box, list[Placed]]]] = []
    for piece in pieces:
        # Newest first: a row further up can only be met by a piece that also meets a nearer one.
        row = next((row for row in rows[:-4:-1] if all(_beside(other, piece[0]) for other, _ in row)), None)
        if row is None:
            rows.append([piece])
        else:
            row.append(piece)
    lines = []
    for row in rows:
        row.sort(key=lambda piece: piece[0].x0)
        found = [placed for _, run in row for placed in run]
        words_of_row = tuple(placed.word for placed in found)
        lines.append(Line(words_of_row, around(box for box, _ in row), any(placed.ocr for placed in found)))
    return tuple(lines)


def placed_lines(lines: Sequence[Line], first: int = 0) -> list[Placed]:
    """The words of recognised lines, each line a run and a block of its own, numbered from `first`."""
    return [Placed(word, run, run, line.ocr) for run, line in enumerate(lines, first) for word in line.words]


def _beside(a: Box, b: Box) -> bool:
    low, high = sorted((a.y1 - a.y0, b.y1 - b.y0))
    overlap = min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = min(a.x1, b.x1) - max(a.x0, b.x0)
    return (
        overlap >= _SAME_ROW * low and high <= _ALIKE * max(low, 1e-9) and shared <= 0.3 * min(a.x1 - a.x0, b.x1 - b.x0)
    )


def blocks_of(regions: Sequence[Region], words: Sequence[Placed]) -> list[Block]:
    """Blocks in the regions' order, each word in the smallest region around it.

    Words in no region become text blocks of their own, where a reader would come upon them. A region without
    words is left out, unless it is a figure or a table.
    """
    by_area = sorted(range(len(regions)), key=lambda index: regions[index].box.area)
    inside: list[list[Placed]] = [[] for _ in regions]
    outside: dict[int, list[Placed]] = {}
    for placed in words:
        at = next((index for index in by_area if holds(regions[index].box, placed.word.box)), None)
        if at is None:
            at = next((index for index in by_area if holds(regions[index].box, placed.word.box, _SLACK)), None)
        if at is None:
            outside.setdefault(placed.block, []).append(placed)
        else:
            inside[at].append(placed)
    blocks = [
        Block(region.kind, region.box, lines_of(found), rows=region.rows, columns=region.columns)
        for region, found in zip(regions, inside, strict=True)
        if found or region.kind in (BlockKind.FIGURE, BlockKind.TABLE)
    ]
    loose = [
        Block(BlockKind.TEXT, around(placed.word.box for placed in group), lines_of(group))
        for group in outside.values()
    ]
    return blocks + loose if not blocks else placed_among(blocks, loose)


def placed_among(blocks: Sequence[Block], more: Iterable[Block]) -> list[Block]:
    """`more` put into the reading order of `blocks`: each before the first that lies below it in its column."""
    ordered = list(blocks)
    for block in more:
        ordered.insert(_place(ordered, block.box), block)
    return ordered


def _place(blocks: Sequence[Block], box: Box) -> int:
    def same_column(other: Box) -> bool:
        shared = min(box.x1, other.x1) - max(box.x0, other.x0)
        return shared > 0.3 * min(box.x1 - box.x0, other.x1 - other.x0)

    middle = (box.y0 + box.y1) / 2
    below = [index for index, block in enumerate(blocks) if same_column(block.box) and block.box.y0 >= middle]
    if below:
        return below[0]
    above = [index for index, block in enumerate(blocks) if same_column(block.box)]
    return above[-1] + 1 if above else len(blocks)


def with_lines(block: Block, lines: Sequence[Line]) -> Block:
    """The block with more lines at its end."""
    return replace(block, lines=(*block.lines, *lines)) if lines else block
