"""Names of files in questions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.file_names import folded_words, is_named


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is the price in Offer Seagull Ltd.pdf?", "Offer Seagull Ltd.pdf"),
        ("what does offer_seagull_ltd say about paint", "Offer Seagull Ltd.pdf"),
        ("summarize budget.xlsx", "Budget.xlsx"),
        ("Was steht im Mietvertrag Müller?", "mietvertrag-müller.docx"),
        ("page 2 of the 2026 price list", "2026_price-list.pdf"),
    ],
)
def test_question_names_the_file(question: str, name: str) -> None:
    assert is_named(folded_words(question), name)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("what is the budget for paint", "budget.xlsx"),
        ("what does the offer of Seagull cost", "Offer Seagull Ltd.pdf"),
        ("what happened on 12 03", "12 03.pdf"),
        ("who runs it", ".pdf"),
        ("what is in it", "what is.pdf.pdf"),
        ("", "a b.pdf"),
    ],
)
def test_words_that_may_be_a_subject_do_not(question: str, name: str) -> None:
    assert not is_named(folded_words(question), name)


@pytest.mark.parametrize(
    ("question", "name", "expected"),
    [
        ("page 7 of the handbook", "Handbook.pdf", True),
        ("Seite 7 der Reisekostenrichtlinie", "Reisekostenrichtlinie.pdf", True),
        ("就業規則の3ページ", "就業規則.pdf", True),
        ("page 7 of the handbook", "page.pdf", False),
        ("page 7 of the handbook", "hand.pdf", False),
        ("page 7 of the handbook", "7.pdf", False),
        ("page 7 of the handbook", "the.pdf", False),
    ],
)
def test_one_word_names_a_file_beside_a_page(question: str, name: str, expected: bool) -> None:
    assert is_named(folded_words(question), name, has_page=True) is expected
    assert not is_named(folded_words(question), name)


@given(st.text(), st.text())
def test_any_name_can_be_looked_for(question: str, name: str) -> None:
    assert not is_named([], name)
    is_named(folded_words(question), name)
