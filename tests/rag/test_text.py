"""Normalization of text: what is removed, what is kept, and in what time."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import normalize_for_comparison, normalize_unicode, with_broken_words, without_invisible


@pytest.mark.parametrize(
    "sign", ["\u202d", "\u2068", "\x08", "\x7f", "\x85", "\U000e0041", "\u034f", "\ufeff", "\u2060"]
)
def test_removes_invisible_characters(sign: str) -> None:
    assert without_invisible(f"a{sign}b") == "ab"


@pytest.mark.parametrize("text", ["a\tb\nc", "❤\ufe0f", "👩\u200d🚀", "می\u200cخواهم", "naïve", "cafe\u0301"])
def test_keeps_what_scripts_and_emoji_need(text: str) -> None:
    assert without_invisible(text) == text


@pytest.mark.parametrize(
    "text", ["8", "⑧", "❽", "Ⅷ", "八", "８", "8\ufe0f\u20e3", "*8*", "\u200b8", "8\u0301", "\\8", "ㅤ8"]
)
def test_reads_every_spelling_of_a_digit(text: str) -> None:
    assert normalize_for_comparison(text) == "8"


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_normalizes_as_unicode_says(text: str, form: str) -> None:
    assert normalize_unicode(form, text) == unicodedata.normalize(form, text)  # type: ignore[arg-type]


def test_keeps_at_most_30_marks_on_a_letter() -> None:
    text = "a" + "\u0301" * 5000 + "\u0316" * 5000 + "b"
    assert normalize_unicode("NFD", text) == "a" + "\u0301" * 30 + "b"


@pytest.mark.parametrize(
    ("printed", "searchable"),
    [
        ("the coun-\nterweight is", "the coun-\ncounterweight terweight is"),
        ("a well-\nknown fact", "a well-\nwellknown known fact"),
        ("Donau-\ndampf-\nschiff", "Donau-\nDonaudampf dampf-\nDonaudampfschiff schiff"),
        ("INFRA-\nSTRUCTURE", "INFRA-\nINFRASTRUCTURE STRUCTURE"),
        ("Über\u2010 gang", "Über\u2010 Übergang gang"),
        ("Bergner-\nMüller", "Bergner-\nMüller"),
        ("2019-\n2020", "2019-\n2020"),
        ("a well-known fact -\nthis", "a well-known fact -\nthis"),
    ],
)
def test_words_broken_at_line_ends_are_added_whole(printed: str, searchable: str) -> None:
    assert with_broken_words(printed) == searchable
