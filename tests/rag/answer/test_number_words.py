"""Number words up to ninety-nine in five languages."""

from __future__ import annotations

import pytest

from rag.answer.number_words import NUMBER_WORD, number_of
from rag.answer.numbers import find_numerals, normalize_text


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Thirteen and sixteen stay free.", ["13", "16"]),
        ("After sixty-three days, or sixty three.", ["63", "63"]),
        ("On the thirty-third day.", ["33"]),
        ("A burst of sixty samples.", ["60"]),
        ("Nach dreiundsechzig und vierzig Tagen.", ["63", "40"]),
        ("Soixante-treize, quatre-vingt-dix-sept, vingt et un.", ["73", "97", "21"]),
        ("Treinta y uno, veintidós, veintitres.", ["31", "22", "23"]),
        ("Sessantatre, ventuno, ventotto.", ["63", "21", "28"]),
    ],
)
def test_number_words_are_read(text: str, numbers: list[str]) -> None:
    found = sorted(find_numerals(normalize_text(text)), key=lambda numeral: numeral.start)
    assert [set(numeral.readings[0]) for numeral in found] == [{number} for number in numbers]


def test_words_that_mean_something_else_are_not_claims() -> None:
    assert not find_numerals("I venti once due sei.")


def test_part_of_a_word_is_no_number() -> None:
    assert [number_of(match.group()) for match in NUMBER_WORD.finditer("sixtyish bone")] == [None, None]
