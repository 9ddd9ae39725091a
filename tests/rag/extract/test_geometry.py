"""Tests of `rag.extract.geometry`."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rag.extract.geometry import (
    PlacedWord,
    Region,
    build_blocks,
    clamped_box,
    contains_center,
    group_into_lines,
    insert_in_reading_order,
)
from rag.model.extraction import Block, BlockKind, Box, Word

fractions = st.floats(0, 1, width=32)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    return clamped_box(draw(fractions), draw(fractions), draw(fractions), draw(fractions))


@st.composite
def placed_words(draw: st.DrawFn) -> list[PlacedWord]:
    found = draw(st.lists(st.tuples(boxes(), st.integers(0, 6), st.integers(0, 3)), max_size=25))
    return [
        PlacedWord(Word(f"w{index}", box), block * 100 + run, block) for index, (box, run, block) in enumerate(found)
    ]


regions = st.lists(st.builds(Region, st.sampled_from(BlockKind), boxes()), max_size=8)


def words_in(blocks: list[Block]) -> Counter[str]:
    return Counter(word.text for block in blocks for line in block.lines for word in line.words)


@given(st.tuples(*[st.floats(-3, 3)] * 4))
def test_clamped_box_is_on_the_page(corners: tuple[float, float, float, float]) -> None:
    box = clamped_box(*corners)
    assert 0 <= box.x0 <= box.x1 <= 1
    assert 0 <= box.y0 <= box.y1 <= 1


@given(placed_words())
def test_group_into_lines_puts_every_word_in_one_line_around_it(words: list[PlacedWord]) -> None:
    lines = group_into_lines(words)
    assert Counter(word for line in lines for word in line.words) == Counter(placed.word for placed in words)
    for line in lines:
        for word in line.words:
            assert line.box.union(word.box) == line.box


@given(regions, placed_words())
def test_build_blocks_puts_every_word_in_one_block(found: list[Region], words: list[PlacedWord]) -> None:
    blocks = build_blocks(found, words)
    assert words_in(blocks) == Counter(placed.word.text for placed in words)
    kept = [block.box for block in blocks if block.kind is BlockKind.FIGURE]
    assert Counter(kept) == Counter(region.box for region in found if region.kind is BlockKind.FIGURE)


def row(y: float, *cells: tuple[float, str]) -> list[PlacedWord]:
    return [
        PlacedWord(Word(text, Box(x, y, x + 0.1, y + 0.02)), round(1000 * y) + index, 0)
        for index, (x, text) in enumerate(cells)
    ]


def test_group_into_lines_joins_the_cells_of_a_row() -> None:
    words = row(0.2, (0.6, "1,204"), (0.1, "North")) + row(0.25, (0.1, "South"), (0.6, "998"))
    assert [line.text for line in group_into_lines(words)] == ["North 1,204", "South 998"]


def test_group_into_lines_keeps_a_vertical_stamp_separate() -> None:
    stamp = PlacedWord(Word("arXiv:2303", Box(0.01, 0.1, 0.03, 0.6)), 9, 9)
    lines = group_into_lines([*row(0.2, (0.1, "North")), stamp, *row(0.4, (0.1, "South"))])
    assert sorted(line.text for line in lines) == ["North", "South", "arXiv:2303"]


def test_build_blocks_assigns_a_word_to_the_smallest_region_around_it() -> None:
    page = Region(BlockKind.TEXT, Box(0, 0, 1, 1))
    table = Region(BlockKind.TABLE, Box(0, 0.1, 0.9, 0.3))
    blocks = build_blocks([page, table], row(0.2, (0.1, "cell")) + row(0.5, (0.1, "outside")))
    assert [(block.kind, block.text) for block in blocks] == [(BlockKind.TEXT, "outside"), (BlockKind.TABLE, "cell")]


def test_build_blocks_inserts_words_without_region_in_reading_order() -> None:
    left = Region(BlockKind.TEXT, Box(0.05, 0.1, 0.45, 0.3))
    left_below = Region(BlockKind.TEXT, Box(0.05, 0.6, 0.45, 0.9))
    right = Region(BlockKind.TEXT, Box(0.55, 0.1, 0.95, 0.9))
    words = [
        *row(0.2, (0.1, "first")),
        *row(0.7, (0.1, "third")),
        *row(0.21, (0.6, "fourth")),
        *row(0.45, (0.1, "second")),
    ]
    assert [block.text for block in build_blocks([left, left_below, right], words)] == [
        "first",
        "second",
        "third",
        "fourth",
    ]


def test_insert_in_reading_order_puts_a_block_below_the_block_above_it() -> None:
    above = Block(BlockKind.FIGURE, Box(0.1, 0.1, 0.9, 0.5))
    under = Block(BlockKind.TEXT, Box(0.1, 0.55, 0.9, 0.6))
    assert insert_in_reading_order([above], [under]) == [above, under]
    assert insert_in_reading_order([under], [above]) == [above, under]


@given(boxes(), boxes())
def test_contains_center_of_every_covered_box(box: Box, other: Box) -> None:
    if other.area and box.covers(other) == 1:
        assert contains_center(box, other, tolerance=1e-6)
