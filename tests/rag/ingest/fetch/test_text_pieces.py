"""Tests of words from the line boxes of a page."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from rag.ingest.fetch.screenshot_pdf import ScreenWord
from rag.ingest.fetch.text_pieces import Place, Rectangle, join_pieces, split_line


def words(*lines: tuple[str, Rectangle, Place]) -> list[ScreenWord]:
    return list(join_pieces(chain.from_iterable(split_line(*line) for line in lines)))


def texts(*lines: tuple[str, Rectangle, Place]) -> list[str]:
    return [word.text for word in words(*lines)]


def test_words_are_placed_in_their_line() -> None:
    first, second = words(("mill will", (100, 10, 190, 30), Place(3, 7, 0)))
    assert (first.text, first.x0, second.text, second.x1, first.region) == ("mill", 100, "will", 190, 3)
    assert first.x1 < second.x0
    later, sooner = words(("שלום עולם", (0, 0, 90, 20), Place(0, 0, 0)))
    assert later.x0 > sooner.x1
    assert sooner.text == "עולם"
    upper, lower = words(("縦書き 文章", (0, 0, 20, 120), Place(0, 0, 0)))
    assert upper.y1 < lower.y0


def test_parts_of_a_word_are_joined_and_neighbors_are_not() -> None:
    light, house = (0, 0, 40, 20), (40.5, 0, 90, 20)
    assert texts(("light", light, Place(0, 1, 0)), ("house", house, Place(0, 2, 0))) == ["lighthouse"]
    assert texts(("light ", light, Place(0, 1, 0)), ("house", house, Place(0, 2, 0))) == ["light", "house"]
    assert texts(("light", light, Place(0, 1, 0)), ("house", house, Place(1, 2, 0))) == ["light", "house"]
    assert texts(("light", light, Place(0, 1, 0)), ("house", (60, 0, 90, 20), Place(0, 2, 0))) == ["light", "house"]
    assert texts(("7.", light, Place(0, 1, 0, is_marker=True)), ("Trim", house, Place(0, 2, 0))) == ["7.", "Trim"]


def test_word_that_is_broken_over_lines_is_whole() -> None:
    upper, lower = (0, 0, 40, 20), (0, 24, 40, 44)
    [word] = words(("inter\u00ad", upper, Place(0, 1, 0)), ("national", lower, Place(0, 1, 6)))
    assert (word.text, word.y1) == ("international", 20)
    assert texts(("港の灯台", upper, Place(0, 1, 0)), ("守の猫", lower, Place(0, 1, 4))) == ["港の灯台", "守の猫"]
    assert texts(("one", upper, Place(0, 1, 0)), ("two", lower, Place(0, 2, 0))) == ["one", "two"]


@given(st.text(max_size=600))
def test_no_letter_of_a_line_is_lost(text: str) -> None:
    found = words((text, (0, 0, 1000, 20), Place(0, 0, 0)))
    assert "".join(word.text for word in found) == "".join(text.split()).replace("\u00ad", "")
    assert all(0 <= word.x0 <= word.x1 <= 1000.001 for word in found)
    assert all(len(word.text) <= 200 for word in found)
