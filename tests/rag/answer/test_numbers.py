"""Numbers and dates: one value in every format, and no value that is not in the text."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.numbers import find_numerals, find_values, normalize_text


def is_supported(sentence: str, page: str) -> bool:
    values = find_values(normalize_text(page))
    numerals = find_numerals(normalize_text(sentence))
    return all(any(reading <= values for reading in numeral.readings) for numeral in numerals)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1000"),
        ("1 000", "1000"),
        ("1.000 Euro", "1,000 euros"),
        ("1'000", "1000"),
        ("12,5 %", "12.5%"),
        ("1.234,56", "1,234.56"),
        ("5 %", "5%"),
        ("three relays", "3 relays"),
        ("zwölf Relais", "12 relays"),
        ("3 million", "3,000,000"),
        ("2 pm", "14:00"),
        ("12 March 2024", "2024-03-12"),
        ("March 12, 2024", "12.03.2024"),
        ("12. März 2024", "12 mars 2024"),
        ("03/12/2024", "3 December 2024"),
        ("on 12 March", "2024-03-12"),
        ("Monday", "Mon"),
        ("Montag", "lundi"),
        ("１２３", "123"),
        ("٤٥", "45"),
        ("1,00,000", "100000"),
        ("040", "40"),
        ("0.50", "0.5"),
    ],
)
def test_equal_values_match(one: str, other: str) -> None:
    assert is_supported(one, other)


@pytest.mark.parametrize(
    ("sentence", "page"),
    [
        ("50", "40"),
        ("1.000", "1"),
        ("1 000", "1 and 0"),
        ("1000", "100 0"),
        ("12.5", "125"),
        ("4", "40"),
        ("three", "two"),
        ("12 March 2024", "12 March 2025"),
        ("2024-03-12", "2024-12-30"),
        ("Tuesday", "Mon"),
        ("May 2024", "June 2024"),
        ("1.2.3", "1.2.4"),
        ("3 million", "4,000,000"),
        ("2 pm", "3 pm"),
    ],
)
def test_different_values_do_not_match(sentence: str, page: str) -> None:
    assert not is_supported(sentence, page)


@pytest.mark.parametrize(
    "text", ["You may go once, and one of us marches on.", "Der Elf gab acht.", "A4 and KX200", ""]
)
def test_ambiguous_words_are_not_numbers(text: str) -> None:
    assert find_numerals(normalize_text(text)) == []


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("The rent is £1,200 pm.", {"1200", "1.2"}),
        ("1.200 p.m.", {"1200", "1.2"}),
        ("1 200 pm", {"1200", "1", "200"}),
        ("1.2.3 am", {"1.2.3"}),
        ("99 pm", {"99"}),
        ("2.30 pm", {"2.3", "14"}),
        ("09 pm", {"9", "21"}),
        ("12 pm", {"12"}),
        (f"{'9' * 5000} pm", {"9" * 5000}),
    ],
)
def test_only_an_hour_becomes_a_time_of_day(text: str, readings: set[str]) -> None:
    assert find_values(normalize_text(text)) == readings


@given(st.text("0123456789.,'’ ", min_size=1, max_size=40), st.sampled_from(["am", " p.m.", " PM", "pm, 3 k", " m"]))
def test_digits_before_any_suffix_are_read(digits: str, suffix: str) -> None:
    assert isinstance(find_values(normalize_text(digits + suffix)), frozenset)


@pytest.mark.parametrize("text", ["12 Aprİl 2024", "APRİL 12, 2024", "12 auguſt 2024"])
def test_month_is_read_in_any_letter_case(text: str) -> None:
    assert any(value.startswith("date:2024-") for value in find_values(normalize_text(text)))


def test_row_of_cells_has_its_cells_and_short_runs() -> None:
    row = [str(100 + cell * 37 % 900) for cell in range(400)]
    found = find_values(normalize_text(" ".join(row)))
    assert set(row) <= found
    assert "".join(row[5:8]) in found
    assert max(map(len, found)) <= 21


@pytest.mark.parametrize("cells", [100, 200, 400, 800])
def test_values_of_a_row_grow_linearly(cells: int) -> None:
    assert len(find_values(normalize_text(" ".join(["111"] * cells)))) <= 10
    numerals = find_numerals(normalize_text(" ".join(["111"] * cells)))
    assert sum(len(reading) for numeral in numerals for reading in numeral.readings) < 10 * cells


def spelt(value: int, fraction: int | None) -> list[str]:
    """Ways to write it that no reader takes for another number."""
    groups = f"{value:,}".split(",")
    ways = [str(value)] if len(groups) == 1 else [str(value), " ".join(groups), "'".join(groups), "\u202f".join(groups)]
    if fraction is None:
        return [*ways, ",".join(groups), ".".join(groups)]
    return [f"{way}{sign}{fraction}" for way in ways for sign in ".,"] + [
        f"{','.join(groups)}.{fraction}",
        f"{'.'.join(groups)},{fraction}",
    ]


@given(st.integers(0, 10**12), st.none() | st.integers(1, 9), st.data())
def test_every_spelling_matches_every_other(value: int, fraction: int | None, data: st.DataObject) -> None:
    ways = spelt(value, fraction)
    one, other = data.draw(st.sampled_from(ways)), data.draw(st.sampled_from(ways))
    assert is_supported(f"It costs {one} euros.", f"Price: {other} EUR")


@given(st.integers(13, 10**9), st.integers(13, 10**9), st.data())
def test_number_does_not_match_another(value: int, other: int, data: st.DataObject) -> None:
    if value != other:
        said = data.draw(st.sampled_from(spelt(value, None)[:4]))
        assert not is_supported(f"It costs {said} euros.", f"Price: {other} EUR")


DATES = st.dates(date(1900, 1, 1), date(2099, 12, 31))
WAYS = (
    lambda day: day.isoformat(),
    lambda day: f"{day.day}.{day.month}.{day.year}",
    lambda day: f"{day:%d.%m.%Y}",
    lambda day: f"{day.day} {day:%B} {day.year}",
    lambda day: f"{day:%B} {day.day}, {day.year}",
    lambda day: f"{day.day}th {day:%b} {day.year}",
)


@given(DATES, st.sampled_from(WAYS), st.sampled_from(WAYS))
def test_date_matches_in_every_format(day: date, one: object, other: object) -> None:
    assert is_supported(f"Built on {one(day)}.", f"Date: {other(day)}")  # type: ignore[operator]


@given(DATES, DATES, st.sampled_from(WAYS))
def test_date_does_not_match_another(day: date, other: date, way: object) -> None:
    if (day.year, day.month, day.day) != (other.year, other.month, other.day):
        assert not is_supported(f"Built on {way(day)}.", f"Date: {other.isoformat()}")  # type: ignore[operator]


@given(st.text(), st.text())
def test_any_text_can_be_parsed(text: str, page: str) -> None:
    for one in find_numerals(normalize_text(text)):
        assert one.readings
        assert all(one.readings)
        assert normalize_text(text)[one.start : one.end]
    assert is_supported(text, text)
    assert is_supported(text, f"{page} {text}") or not is_supported(text, text)
