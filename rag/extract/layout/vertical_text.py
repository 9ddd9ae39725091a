"""Chinese, Japanese and Korean text that is written in columns from top to bottom, the first column at the right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.extract.geometry import PlacedWord, bounding_box
from rag.model.extraction import Block, BlockKind, Box, Line, Word

_CJK = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]")

_MIN_LETTERS = 4
"""Letters of a column that shows the direction of the text. A shorter one belongs to the text if it is beside one."""

_TALL, _TALL_COLUMN = 1.2, 1.8
"""A word with several letters that is so many times as high as wide can be a part of a column, which is so much higher.
Both are measured in fractions of the page."""

_MAX_PARTS = 5_000
"""A page with more letters in words of their own is not inspected; a dense page of a newspaper has fewer."""

_MAX_GAP = 1.6
"""Maximum distance between two words of a column, as a multiple of its letters' size: one may be missing."""

_MAX_SPACING = 2.0
"""Maximum distance between two columns of a text, as a multiple of the size of their letters."""

_ALIGNED = 0.5
"""Maximum distance between the middles of two words of a column, as a multiple of the size of their letters."""


def split_vertical(words: Sequence[PlacedWord]) -> tuple[list[Block], list[PlacedWord]]:
    """Return the blocks of vertical text, in reading order, and the words that are not part of any."""
    parts = [placed for placed in words if _is_part(placed.word)]
    letters = sum(len(_CJK.findall(placed.word.text)) for placed in parts)
    if letters < _MIN_LETTERS or len(parts) > _MAX_PARTS:
        return [], list(words)
    columns = _columns(parts)
    long = [column for column in columns if _is_vertical(column)]
    groups = _groups(long, [column for column in columns if column not in long])
    inside = {placed for group in groups for column in group for placed in column}
    blocks = [_block(group) for group in groups]
    blocks.sort(key=lambda block: (round(block.box.y0, 1), -block.box.x1))
    return blocks, [placed for placed in words if placed not in inside]


def _is_part(word: Word) -> bool:
    """Return whether a word can be a part of a column: one letter, a tall word, or a short number."""
    width, height = word.box.x1 - word.box.x0, word.box.y1 - word.box.y0
    return len(word.text) <= 2 or height >= _TALL * width


def _columns(words: Sequence[PlacedWord]) -> list[list[PlacedWord]]:
    """Return words that stand below each other, from top to bottom."""
    columns: list[list[PlacedWord]] = []
    open_columns: list[list[PlacedWord]] = []
    for placed in sorted(words, key=lambda placed: placed.word.box.y0):
        box = placed.word.box
        open_columns = [column for column in open_columns if _is_open(column, box.y0)]
        column = next((column for column in open_columns if _is_below(box, column)), None)
        if column is None:
            columns.append([placed])
            open_columns.append(columns[-1])
        else:
            column.append(placed)
    return columns


def _is_open(column: Sequence[PlacedWord], y: float) -> bool:
    return y - column[-1].word.box.y1 <= _MAX_GAP * _size(column)


def _size(column: Sequence[PlacedWord]) -> float:
    """Return the size of the last letter. The boxes of single letters may be narrower than the letters are."""
    word = column[-1].word
    return word.box.y1 - word.box.y0 if len(word.text) == 1 else word.box.x1 - word.box.x0


def _is_below(box: Box, column: Sequence[PlacedWord]) -> bool:
    last = column[-1].word.box
    offset = abs((box.x0 + box.x1) - (last.x0 + last.x1)) / 2
    return box.y0 >= (last.y0 + last.y1) / 2 and offset <= _ALIGNED * _size(column)


def _is_vertical(column: Sequence[PlacedWord]) -> bool:
    letters = sum(len(_CJK.findall(placed.word.text)) for placed in column)
    box = bounding_box(placed.word.box for placed in column)
    return letters >= _MIN_LETTERS and box.y1 - box.y0 >= _TALL_COLUMN * (box.x1 - box.x0)


def _groups(long: list[list[PlacedWord]], short: list[list[PlacedWord]]) -> list[list[list[PlacedWord]]]:
    """Return the columns of each text from right to left. At least two long columns, or a very long one, are a text."""
    groups: list[list[list[PlacedWord]]] = []
    for column in sorted(long, key=lambda column: -column[0].word.box.x1):
        group = next((group for group in groups if any(_is_beside(column, other) for other in group)), None)
        if group is None:
            groups.append([column])
        else:
            group.append(column)
    groups = [group for group in groups if len(group) > 1 or len(group[0]) >= 2 * _MIN_LETTERS or _is_tall(group[0])]
    for column in sorted(short, key=lambda column: column[0].word.box.y0):
        # The last column of a paragraph; a letter of horizontal text is not at the top of a column.
        if _CJK.search(column[0].word.text):
            beside = next((group for group in groups if any(_is_beside(column, other) for other in group)), None)
            if beside is not None:
                beside.append(column)
    for group in groups:
        group.sort(key=lambda column: -column[0].word.box.x1)
    return groups


def _is_tall(column: Sequence[PlacedWord]) -> bool:
    return any(len(placed.word.text) >= _MIN_LETTERS for placed in column)


def _is_beside(column: Sequence[PlacedWord], other: Sequence[PlacedWord]) -> bool:
    a, b = (bounding_box(placed.word.box for placed in part) for part in (column, other))
    shared = min(a.y1, b.y1) - max(a.y0, b.y0)
    gap = max(b.x0 - a.x1, a.x0 - b.x1)
    return shared > 0.5 * min(a.y1 - a.y0, b.y1 - b.y0) and gap <= _MAX_SPACING * max(_size(column), _size(other))


def _block(columns: Sequence[Sequence[PlacedWord]]) -> Block:
    lines = tuple(_line(column) for column in columns)
    return Block(BlockKind.TEXT, bounding_box(line.box for line in lines), lines)


def _line(column: Sequence[PlacedWord]) -> Line:
    """Return a column as a line with one word: its letters are not separated by spaces."""
    box = bounding_box(placed.word.box for placed in column)
    text = "".join(placed.word.text for placed in column)
    return Line((Word(text, box),), box, any(placed.ocr for placed in column))
