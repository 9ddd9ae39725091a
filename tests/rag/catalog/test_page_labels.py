"""Find printed page numbers among the numbers in a document's margins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.catalog.page_labels import labels_of, labels_with, margin_numbers


def word(text: str, left: float, top: float) -> tuple[str, float, float, float, float]:
    return text, left, top, left + 0.02, top + 0.01


@given(pages=st.integers(3, 60), offset=st.integers(-40, 300).filter(bool))
def test_numbers_that_increase_by_one_are_labels(pages: int, offset: int) -> None:
    printed = {page: {page + offset} for page in range(1, pages + 1)}
    assert labels_of(printed) == {page: str(page + offset) for page in printed if page + offset > 0}


@given(pages=st.integers(3, 60), first=st.integers(1, 300))
def test_page_with_two_printed_pages_has_both_numbers(pages: int, first: int) -> None:
    printed = {page: {first + 2 * page, first + 2 * page + 1} for page in range(1, pages + 1)}
    labels = labels_of(printed)
    assert labels == {page: f"{first + 2 * page}–{first + 2 * page + 1}" for page in printed}
    assert all(labels[page] in labels_with(number) for page in printed for number in printed[page])


@given(st.dictionaries(st.integers(1, 50), st.sets(st.integers(0, 9999), max_size=3), max_size=50))
def test_labels_belong_to_existing_pages(printed: dict[int, set[int]]) -> None:
    labels = labels_of(printed)
    assert labels.keys() <= printed.keys()
    assert all(label and not label.startswith("-") for label in labels.values())


def test_page_between_numbered_ones_gets_its_number() -> None:
    printed = {1: set[int](), 2: {1}, 3: set[int](), 4: {3}, 5: {4}, 6: set[int]()}
    assert labels_of(printed) == {2: "1", 3: "2", 4: "3", 5: "4"}


@pytest.mark.parametrize(
    "printed",
    [
        {page: {page} for page in range(1, 9)},  # the same as the file's page numbers
        {page: {2024} for page in range(1, 9)},  # a year
        {1: {7}, 2: {8}},  # too few
        {page: {page + 5} if page < 4 else set[int]() for page in range(1, 9)},  # on three pages of eight
        {},
    ],
)
def test_other_numbers_are_not_labels(printed: dict[int, set[int]]) -> None:
    assert labels_of(printed) == {}


def test_margin_numbers_begin_or_end_a_line_in_a_margin() -> None:
    words = [
        word("17", 0.9, 0.95),
        word("3", 0.5, 0.949),  # inside the line
        word("4", 0.1, 0.951),
        word("|16|", 0.05, 0.02),
        word("42", 0.1, 0.5),  # in the text
        word("2024-25", 0.9, 0.03),
    ]
    assert margin_numbers({1: words, 2: []}) == {1: {4, 17, 16}, 2: set()}


def test_number_beside_a_heading_is_not_a_page_number() -> None:
    headings = ["Scope", "Approval", "Travel costs", "Hotels", "Meals"]
    pages = {
        page: [word(str(page), 0.1, 0.07), word(heading, 0.15, 0.07), word("text", 0.1, 0.4)]
        for page, heading in enumerate(headings, 1)
    }
    assert margin_numbers(pages) == {page: set() for page in pages}


def test_number_beside_a_header_is_a_page_number() -> None:
    pages = {
        page: [word("Handbook", 0.1, 0.07), word("Part", 0.2, 0.07), word(str(page + 4), 0.9, 0.07)]
        for page in range(1, 4)
    }
    assert labels_of(margin_numbers(pages)) == {1: "5", 2: "6", 3: "7"}
