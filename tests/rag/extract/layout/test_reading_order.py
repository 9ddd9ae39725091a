"""Tests of `rag.extract.layout.reading_order`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from hypothesis import given
from hypothesis import strategies as st

from rag.extract.geometry import bounding_box, clamped_box
from rag.extract.layout.reading_order import split_columns, text_blocks
from rag.model.extraction import Block, BlockKind, Box, Line, Word


def line(x: float, y: float, text: str, *, width: float = 0.35, height: float = 0.02) -> Line:
    box = Box(x, y, x + width, y + height)
    step = width / len(text.split())
    words = [
        Word(word, Box(x + index * step, y, x + (index + 1) * step, y + height))
        for index, word in enumerate(text.split())
    ]
    return Line(tuple(words), box, ocr=True)


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 4), max_size=30))
def test_text_blocks_keeps_every_line(corners: list[tuple[float, float, float, float]]) -> None:
    boxes = [clamped_box(*corner) for corner in corners]
    lines = [Line((Word(f"w{index}", box),), box, ocr=True) for index, box in enumerate(boxes)]
    blocks = text_blocks(lines)
    words = [word for block in blocks for result in block.lines for word in result.words]
    assert Counter(words) == Counter(word for result in lines for word in result.words)
    assert all(result.ocr for block in blocks for result in block.lines)
    for block in blocks:
        for result in block.lines:
            assert block.box.union(result.box) == block.box


def test_text_blocks_orders_columns_one_after_another() -> None:
    left = [line(0.1, 0.3 + 0.025 * row, f"left {row}") for row in range(5)]
    right = [line(0.55, 0.3 + 0.025 * row, f"right {row}") for row in range(5)]
    title = line(0.1, 0.1, "About both columns", width=0.8, height=0.04)
    blocks = text_blocks([title, *(pair_line for pair in zip(left, right, strict=True) for pair_line in pair)])
    assert [block.kind for block in blocks] == [BlockKind.HEADING, BlockKind.TEXT, BlockKind.TEXT]
    assert [result.text for result in blocks[1].lines] == [f"left {row}" for row in range(5)]
    assert [result.text for result in blocks[2].lines] == [f"right {row}" for row in range(5)]


def test_text_blocks_orders_a_table_by_rows() -> None:
    cells = [
        line(x, 0.3 + 0.025 * row, f"{name}{row}", width=0.1)
        for row in range(4)
        for x, name in ((0.1, "a"), (0.4, "b"), (0.7, "c"))
    ]
    [block] = text_blocks(cells)
    assert [result.text for result in block.lines] == [f"a{row} b{row} c{row}" for row in range(4)]


def test_text_blocks_keeps_scattered_boxes_of_a_slide_separate() -> None:
    note = [line(0.05, 0.30, "a note of", width=0.12), line(0.05, 0.325, "two lines", width=0.12)]
    title = [line(0.4, 0.311, "The title", width=0.2, height=0.05)]
    assert sorted(block.text for block in text_blocks([*note, *title])) == ["The title", "a note of\ntwo lines"]


def test_text_blocks_splits_paragraphs_at_gaps() -> None:
    lines = [line(0.1, y, f"at {y}") for y in (0.1, 0.125, 0.2, 0.225)]
    assert [len(block.lines) for block in text_blocks(lines)] == [2, 2]


def test_text_blocks_of_no_lines_is_empty() -> None:
    assert text_blocks([]) == []


def two_columns(left: Sequence[str], right: Sequence[str]) -> Block:
    """Return a region whose lines go through both columns."""
    lines = []
    for row, texts in enumerate(zip_longest(left, right, fillvalue="")):
        words = [
            Word(word, Box(x + 0.08 * n, 0.1 + 0.03 * row, x + 0.08 * n + 0.07, 0.12 + 0.03 * row))
            for x, text in zip((0.1, 0.5), texts, strict=True)
            for n, word in enumerate(text.split())
        ]
        lines.append(Line(tuple(words), bounding_box(word.box for word in words)))
    return Block(BlockKind.LIST, bounding_box(line.box for line in lines), tuple(lines))


def test_columns_in_one_region_become_blocks_in_reading_order() -> None:
    left, right = (
        ["tie the rope", "to the ring", "and wait", "for high tide"],
        ["the pilot comes", "with the boat", "at noon"],
    )
    blocks = split_columns(two_columns(left, right))
    assert [block.text for block in blocks] == ["\n".join(left), "\n".join(right)]
    assert [block.kind for block in blocks] == [BlockKind.LIST] * 2


def test_rows_of_short_cells_and_single_columns_stay_one_region() -> None:
    cells = two_columns(["rope", "tar", "oil"], ["12", "15", "9"])
    assert split_columns(cells) == [cells]
    plain = two_columns(["tie the rope", "to the ring", "and wait"], [])
    assert split_columns(plain) == [plain]
    crossed = two_columns(
        ["tie the rope now and here", "to the ring", "and wait", "for it"], ["", "a b c", "d e f", "g h i"]
    )
    assert split_columns(crossed) == [crossed]
