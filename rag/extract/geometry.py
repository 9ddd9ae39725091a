"""Geometry of pages: group words into lines, and words and regions into blocks in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from rag.extract.layout.right_to_left import is_mainly_right_to_left, order_row
from rag.model.extraction import Block, BlockKind, Box, Line, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

_REGION_TOLERANCE = 0.006
"""How far a word's center may lie outside its region: boxes of the layout model are tight."""

_MIN_ROW_OVERLAP = 0.5
"""Minimum vertical overlap of two runs in one row, as a fraction of the less high run."""

_MAX_HEIGHT_RATIO = 2.5
"""Runs whose heights differ by a larger factor are not in one row (a vertical stamp in the margin beside text)."""


class PlacedWord(NamedTuple):
    """A word with the numbers of its run (a line of a block) and its block in the file.

    `ocr`: the word was recognized; run and block are then the number of the recognized line.
    """

    word: Word
    run: int
    block: int
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A region found by the layout analysis; `rows` and `columns` as in `Block`."""

    kind: BlockKind
    box: Box
    rows: tuple[float, ...] = ()
    columns: tuple[float, ...] = ()


def clamped_box(x0: float, y0: float, x1: float, y1: float) -> Box:
    """Return a box clipped to the page, with its corners in order."""
    left, right = sorted((min(max(x0, 0.0), 1.0), min(max(x1, 0.0), 1.0)))
    top, bottom = sorted((min(max(y0, 0.0), 1.0), min(max(y1, 0.0), 1.0)))
    return Box(left, top, right, bottom)


def is_off_page(box: Box) -> bool:
    """Return whether a box, in fractions of the page, is outside of it, as what a crop box cuts off."""
    return box.x1 < 0 or box.x0 > 1 or box.y1 < 0 or box.y0 > 1


def turned_box(box: Box, turn: int) -> Box:
    """Return the box as it lies on its page after the page is turned clockwise by 0, 90, 180 or 270 degrees."""
    x0, y0, x1, y1 = box
    for _ in range(turn % 360 // 90):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return Box(x0, y0, x1, y1)


def turned_line(line: Line, turn: int) -> Line:
    """Return the line with the boxes that it has after its page is turned clockwise by this many degrees."""
    words = tuple(Word(word.text, turned_box(word.box, turn)) for word in line.words)
    return replace(line, words=words, box=turned_box(line.box, turn), turn=(line.turn - turn) % 360)


def bounding_box(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that contains all boxes. There must be at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


def box_rows(boxes: Sequence[Box]) -> Rows:
    """Return the boxes as an array, one a row."""
    import numpy as np

    return np.array(boxes, dtype=float).reshape(-1, 4)


def contains_center(box: Box, other: Box, tolerance: float = 0.0) -> bool:
    """Return whether the center of `other` is inside `box`, or at most `tolerance` outside."""
    x, y = (other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2
    return box.x0 - tolerance <= x <= box.x1 + tolerance and box.y0 - tolerance <= y <= box.y1 + tolerance


def group_into_lines(words: Sequence[PlacedWord]) -> tuple[Line, ...]:
    """Group words into lines from top to bottom; runs side by side form one line. Every word is in one line.

    The words of a line are in reading order, also in scripts that are written from right to left.
    """
    words_by_run: dict[int, list[PlacedWord]] = {}
    for placed in words:
        words_by_run.setdefault(placed.run, []).append(placed)
    runs = [(bounding_box(placed.word.box for placed in run), run) for run in words_by_run.values()]
    runs.sort(key=lambda run: (run[0].y0 + run[0].y1, run[0].x0))
    rows: list[list[tuple[Box, list[PlacedWord]]]] = []
    for run in runs:
        # Only the last rows: a run that fits a row further up also fits a nearer one.
        row = next((row for row in rows[:-4:-1] if all(_are_in_one_row(other, run[0]) for other, _ in row)), None)
        if row is None:
            rows.append([run])
        else:
            row.append(run)
    in_right_to_left_text = is_mainly_right_to_left(placed.word.text for placed in words)
    lines = []
    for row in rows:
        row.sort(key=lambda run: run[0].x0)
        row_words = order_row(
            [placed.word for _, run in row for placed in run], in_right_to_left_text=in_right_to_left_text
        )
        box = bounding_box(box for box, _ in row)
        lines.append(Line(tuple(row_words), box, any(placed.ocr for _, run in row for placed in run)))
    return tuple(lines)


def words_of_lines(lines: Sequence[Line], first: int = 0) -> list[PlacedWord]:
    """Return the words of recognized lines; each line is its own run and block, numbered from `first`."""
    return [PlacedWord(word, run, run, line.ocr) for run, line in enumerate(lines, first) for word in line.words]


def _are_in_one_row(a: Box, b: Box) -> bool:
    low, high = sorted((a.y1 - a.y0, b.y1 - b.y0))
    overlap = min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = min(a.x1, b.x1) - max(a.x0, b.x0)
    return (
        overlap >= _MIN_ROW_OVERLAP * low
        and high <= _MAX_HEIGHT_RATIO * max(low, 1e-9)
        and shared <= 0.3 * min(a.x1 - a.x0, b.x1 - b.x0)
    )


def build_blocks(regions: Sequence[Region], words: Sequence[PlacedWord]) -> list[Block]:
    """Return one block per region, in the regions' order; each word is in the smallest region around it.

    Words outside all regions form text blocks, inserted in reading order. Regions without words are dropped, except
    figures and tables.
    """
    inside: list[list[PlacedWord]] = [[] for _ in regions]
    outside: dict[int, list[PlacedWord]] = {}
    for placed, owner in zip(words, _smallest_regions(words, regions), strict=True):
        if owner < 0:
            outside.setdefault(placed.block, []).append(placed)
        else:
            inside[owner].append(placed)
    blocks = [
        Block(region.kind, region.box, group_into_lines(members), rows=region.rows, columns=region.columns)
        for region, members in zip(regions, inside, strict=True)
        if members or region.kind in (BlockKind.FIGURE, BlockKind.TABLE)
    ]
    loose = [
        Block(BlockKind.TEXT, bounding_box(placed.word.box for placed in group), group_into_lines(group))
        for group in outside.values()
    ]
    return insert_in_reading_order(blocks, loose) if blocks else loose


def _smallest_regions(words: Sequence[PlacedWord], regions: Sequence[Region]) -> list[int]:
    """Return for each word the index of the smallest region around it; -1 if there is none."""
    import numpy as np

    rows = box_rows([placed.word.box for placed in words])
    x, y = (rows[:, 0] + rows[:, 2]) / 2, (rows[:, 1] + rows[:, 3]) / 2
    owners = np.full(len(words), -1)
    for tolerance in (0.0, _REGION_TOLERANCE):
        for index in sorted(range(len(regions)), key=lambda index: regions[index].box.area):
            x0, y0, x1, y1 = regions[index].box
            in_columns = (x >= x0 - tolerance) & (x <= x1 + tolerance)
            owners[(owners < 0) & in_columns & (y >= y0 - tolerance) & (y <= y1 + tolerance)] = index
    return owners.tolist()


def insert_in_reading_order(blocks: Sequence[Block], added: Iterable[Block]) -> list[Block]:
    """Return `blocks` with `added` blocks inserted, each before the first block below it in its column."""
    ordered = list(blocks)
    for block in added:
        ordered.insert(_insertion_index(ordered, block.box), block)
    return ordered


def _insertion_index(blocks: Sequence[Block], box: Box) -> int:
    def same_column(other: Box) -> bool:
        shared = min(box.x1, other.x1) - max(box.x0, other.x0)
        return shared > 0.3 * min(box.x1 - box.x0, other.x1 - other.x0)

    middle = (box.y0 + box.y1) / 2
    below = [index for index, block in enumerate(blocks) if same_column(block.box) and block.box.y0 >= middle]
    if below:
        return below[0]
    above = [index for index, block in enumerate(blocks) if same_column(block.box)]
    return above[-1] + 1 if above else len(blocks)


def append_lines(block: Block, lines: Sequence[Line]) -> Block:
    """Return the block with `lines` added at its end."""
    return replace(block, lines=(*block.lines, *lines)) if lines else block
