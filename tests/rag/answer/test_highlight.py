"""Highlighted lines: those that support the sentences of the answer, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.highlight import match_lines, with_line_boxes
from rag.model.extraction import Box, Kind, Word
from tests.rag.answer.test_generation import hit

LINES = [
    "The storm flag goes up when the mainland",
    "forecast says force nine or when the glass",
    "falls six hectopascals in three hours,",
    "whichever comes first. From then on two",
    "people are in the watch room, and one of",
    "them is awake. The relay lasts 40 hours.",
]


@pytest.mark.parametrize(
    ("sentences", "matched"),
    [
        (["The flag goes up when the mainland forecasts force 9."], [0, 1]),
        (["It falls 6 hectopascals in 3 hours"], [2]),
        (["Two people are in the watch room"], [3, 4]),
        (["It lasts forty hours", "Das Relais hält 40 Stunden"], [5]),
        (["The submarine dives"], []),
        (["the of and"], []),
        ([], []),
    ],
)
def test_matches_the_lines_of_a_sentence(sentences: list[str], matched: list[int]) -> None:
    assert [n for n, mark in enumerate(match_lines(LINES, sentences)) if mark] == matched


def test_matches_both_lines_of_a_broken_word() -> None:
    lines = ["The clamps are opened and the coun-", "terweight is lowered.", "The lamp is switched off."]
    assert match_lines(lines, ["What holds the counterweight?"]) == [True, True, False]


@given(st.lists(st.text(max_size=40), max_size=8), st.lists(st.text(max_size=60), max_size=3))
def test_returns_one_result_per_line(lines: list[str], sentences: list[str]) -> None:
    assert len(match_lines(lines, sentences)) == len(lines)


def test_page_words_become_lines() -> None:
    def word(text: str, x: float, y: float) -> Word:
        return Word(text, Box(x, y, x + 0.1, y + 0.02))

    words = [word("Lamp", 0.1, 0.1), word("broken", 0.3, 0.104), word("at", 0.1, 0.14), word("night", 0.2, 0.14)]
    page = with_line_boxes(hit("", kind=Kind.PAGE), words)
    assert page.text == "Lamp broken\nat night"
    assert page.line_boxes[0] == Box(0.1, 0.1, 0.4, 0.124)
    assert len(page.line_boxes) == 2
    own = hit("own", line_boxes=(Box(0, 0, 1, 1),))
    assert with_line_boxes(own, words) is own
    assert with_line_boxes(hit(""), ()).line_boxes == ()
