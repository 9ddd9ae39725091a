"""Words of scripts written from right to left are read from the right."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rag.extract.geometry import PlacedWord, Region, build_blocks, group_into_lines
from rag.extract.layout.reading_order import order_right_to_left, text_blocks
from rag.extract.layout.right_to_left import is_mainly_right_to_left, order_row
from rag.ingest.picture_chunks import table_rows
from rag.model.extraction import Block, BlockKind, Box, Line, Word


def displayed(text: str, y: float = 0.1, right: float = 0.9) -> list[PlacedWord]:
    """Return the words of one row as they are displayed, given from left to right; each is a run of its own."""
    words = text.split()
    left = right - 0.1 * len(words)
    return [
        PlacedWord(Word(word, Box(left + 0.1 * n, y, left + 0.1 * n + 0.09, y + 0.02)), round(1000 * y) + n, 0)
        for n, word in enumerate(words)
    ]


def read(*rows: str) -> list[str]:
    words = [word for number, row in enumerate(rows) for word in displayed(row, 0.1 + 0.05 * number)]
    return [line.text for line in group_into_lines(words)]


def test_row_is_read_from_the_right() -> None:
    assert read("הנמל של השער") == ["השער של הנמל"]
    assert read("الميناء في المكتب") == ["المكتب في الميناء"]


def test_numbers_and_latin_words_stay_at_their_place_and_in_their_order() -> None:
    assert read("בבוקר 8:30 בשעה") == ["בשעה 8:30 בבוקר"]
    assert read("ABC rope و 2024 مارس 12 في") == ["في 12 مارس 2024 و ABC rope"]
    assert read("הנמל version 2 beta של השער") == ["השער של version 2 beta הנמל"]


def test_row_with_few_words_of_the_script_follows_the_text_around_it() -> None:
    assert read("של הנמל השער", "rope and tar של") == ["השער הנמל של", "של rope and tar"]
    assert read("The word שלום means peace", "and that is all") == ["The word שלום means peace", "and that is all"]


@given(st.lists(st.sampled_from(["rope", "12", "שלום", "مرحبا", "—", "A4"]), max_size=12), st.booleans())
def test_order_row_keeps_every_word(texts: list[str], inside: bool) -> None:
    words = [Word(text, Box(0.05 * n, 0, 0.05 * n + 0.04, 0.02)) for n, text in enumerate(texts)]
    assert Counter(order_row(words, in_right_to_left_text=inside)) == Counter(words)


def test_numbers_alone_have_no_direction() -> None:
    assert not is_mainly_right_to_left(["12", "١٢", "—"])
    assert is_mainly_right_to_left(["12", "שלום"])
    assert not is_mainly_right_to_left(["rope", "שלום"])


def test_first_column_of_a_table_is_the_one_at_the_right() -> None:
    words = displayed("הכמות המחיר הסחורה", 0.2) + displayed("3 12 חבל", 0.25)
    region = Region(BlockKind.TABLE, Box(0.5, 0.1, 1, 0.4), (0.24,), (0.695, 0.795))
    [table] = build_blocks([region], words)
    assert [row.cells for row in table_rows(table)] == [["הסחורה", "המחיר", "הכמות"], ["חבל", "12", "3"]]


def column(x: float, *texts: str) -> list[Line]:
    lines = []
    for row, text in enumerate(texts):
        box = Box(x, 0.1 + 0.03 * row, x + 0.35, 0.12 + 0.03 * row)
        lines.append(Line((Word(text, box),), box))
    return lines


def test_right_column_of_a_page_comes_first() -> None:
    left, right = column(0.1, "ד", "ה", "ו"), column(0.55, "א", "ב", "ג")
    assert [block.text for block in text_blocks([*left, *right])] == ["א\nב\nג", "ד\nה\nו"]
    blocks = [Block(BlockKind.TEXT, lines[0].box.union(lines[-1].box), tuple(lines)) for lines in (left, right)]
    title = Block(BlockKind.TITLE, Box(0.1, 0.02, 0.9, 0.05), tuple(column(0.1, "כותרת")))
    assert order_right_to_left([title, *blocks]) == [title, blocks[1], blocks[0]]
    latin = [Block(BlockKind.TEXT, block.box, tuple(column(0.1, "rope"))) for block in blocks]
    assert order_right_to_left(latin) == latin
