"""Text in columns from top to bottom, the first at the right."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rag.extract.geometry import PlacedWord, Region
from rag.extract.layout.vertical_text import split_vertical
from rag.extract.scan import PageGraphics, page_blocks
from rag.model.extraction import BlockKind, Box, Word

FIRST, SECOND, LAST = "港の案内所は毎朝八時に", "開きます船の出入りは電", "話で確かめる"


def letters(text: str, x: float, y: float = 0.1) -> list[PlacedWord]:
    """Return a column of letters, each a word and a run of its own."""
    return [
        PlacedWord(Word(sign, Box(x, y + 0.02 * n, x + 0.012, y + 0.02 * n + 0.02)), round(1e6 * x) + n, round(1e3 * x))
        for n, sign in enumerate(text)
    ]


def tall(text: str, x: float, y: float = 0.1) -> PlacedWord:
    return PlacedWord(Word(text, Box(x, y, x + 0.012, y + 0.02 * len(text))), round(1e6 * x), round(1e3 * x))


PAGE = [*letters(SECOND, 0.77), *letters(FIRST, 0.8), *letters(LAST, 0.74)]


def test_columns_of_letters_are_read_from_the_right() -> None:
    [block], rest = split_vertical(PAGE)
    assert [line.text for line in block.lines] == [FIRST, SECOND, LAST]
    assert rest == []


def test_columns_that_are_words_are_read_from_the_right() -> None:
    [block], rest = split_vertical([tall(SECOND, 0.77), tall(FIRST, 0.8), tall(LAST, 0.74)])
    assert [line.text for line in block.lines] == [FIRST, SECOND, LAST]
    assert rest == []


def test_turned_and_upright_numbers_belong_to_their_column() -> None:
    column = [*letters("倉庫の扉は", 0.8), tall("2024", 0.8, 0.2), *letters("年3月に閉めます", 0.8, 0.28)]
    [block], _ = split_vertical([*column, *letters(SECOND, 0.77)])
    assert [line.text for line in block.lines] == ["倉庫の扉は2024年3月に閉めます", SECOND]


def test_short_last_column_belongs_to_its_text() -> None:
    [block], rest = split_vertical([*PAGE, *letters("す。", 0.71)])
    assert block.text.endswith("\nす。")
    assert rest == []


def test_horizontal_text_and_numbers_in_a_column_are_left_alone() -> None:
    rows = [PlacedWord(Word("港の案内所は", Box(0.1, y, 0.4, y + 0.02)), n, 0) for n, y in enumerate((0.1, 0.13, 0.16))]
    numbers = [PlacedWord(Word(str(n), Box(0.8, 0.1 + n / 50, 0.81, 0.12 + n / 50)), 9 + n, 9) for n in range(9)]
    assert split_vertical([*rows, *numbers]) == ([], [*rows, *numbers])


def test_vertical_text_is_not_the_table_that_the_layout_takes_it_for() -> None:
    table = Region(BlockKind.TABLE, Box(0.7, 0.08, 0.85, 0.4), (0.2, 0.3), (0.76, 0.79))
    title = PlacedWord(Word("Harbor", Box(0.1, 0.02, 0.3, 0.04)), 1, 1)
    heading = Region(BlockKind.TITLE, Box(0.1, 0.01, 0.3, 0.05))
    blocks = page_blocks(Image.new("RGB", (600, 800), "white"), [title, *PAGE], [heading, table], PageGraphics())
    assert [(block.kind, block.text) for block in blocks] == [
        (BlockKind.TITLE, "Harbor"),
        (BlockKind.TEXT, f"{FIRST}\n{SECOND}\n{LAST}"),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from("港の案3あ"), st.integers(0, 9), st.integers(0, 20), st.integers(1, 9)), max_size=40
    )
)
def test_every_letter_is_kept(drawn: list[tuple[str, int, int, int]]) -> None:
    words = [
        PlacedWord(Word(sign * size, Box(x / 10, y / 20, x / 10 + 0.02, y / 20 + 0.03 * size)), n, n)
        for n, (sign, x, y, size) in enumerate(drawn)
    ]
    blocks, rest = split_vertical(words)
    kept = Counter("".join(line.text for block in blocks for line in block.lines))
    assert kept + Counter("".join(placed.word.text for placed in rest)) == Counter(
        "".join(placed.word.text for placed in words)
    )
