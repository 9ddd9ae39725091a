"""Which lines are marked: those that say what the answer says, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.highlight import lines_that_say, with_lines
from rag.model import Box, Kind, Word
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
    ("said", "marked"),
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
def test_the_lines_of_a_sentence(said: list[str], marked: list[int]) -> None:
    assert [n for n, mark in enumerate(lines_that_say(LINES, said)) if mark] == marked


@given(st.lists(st.text(max_size=40), max_size=8), st.lists(st.text(max_size=60), max_size=3))
def test_there_is_one_answer_for_each_line(lines: list[str], said: list[str]) -> None:
    assert len(lines_that_say(lines, said)) == len(lines)


def test_the_words_of_a_page_become_lines() -> None:
    def word(text: str, x: float, y: float) -> Word:
        return Word(text, Box(x, y, x + 0.1, y + 0.02))

    words = [word("Lamp", 0.1, 0.1), word("broken", 0.3, 0.104), word("at", 0.1, 0.14), word("night", 0.2, 0.14)]
    page = with_lines(hit("", kind=Kind.PAGE), words)
    assert page.text == "Lamp broken\nat night"
    assert page.marks[0] == Box(0.1, 0.1, 0.4, 0.124)
    assert len(page.marks) == 2
    own = hit("own", marks=(Box(0, 0, 1, 1),))
    assert with_lines(own, words) is own
    assert with_lines(hit(""), ()).marks == ()
