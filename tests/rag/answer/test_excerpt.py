"""Excerpts around the words of a question, and the estimate of tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.excerpt import excerpt, quote
from rag.text import max_tokens


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("2023 4.5%", 9), ("温度計", 3), ("The quick brown fox jumps over the dog", 13)]
)
def test_token_count_is_an_upper_estimate(text: str, tokens: int) -> None:
    assert max_tokens(text) == tokens


@given(st.text(), st.sampled_from(["", "the pier", "a crane"]), st.integers(10, 80))
def test_excerpt_is_never_longer_than_the_limit(text: str, question: str, limit: int) -> None:
    assert len(excerpt(text, question, limit)) <= max(limit, 8)


def test_excerpt_has_the_most_query_words() -> None:
    text = "pier one. " + "x " * 200 + "pier and crane and gauges. " + "y " * 200 + "crane."
    assert "pier and crane and gauges" in excerpt(text, "which pier has a crane with a gauge?", 60)
    assert excerpt(text, "", 60).startswith("pier one.")
    assert excerpt("short", "pier", 60) == "short"


def test_excerpt_has_inflected_words_and_words_without_spaces() -> None:
    german = "Hier steht etwas anderes. " * 20 + "Die Häuser wurden geändert. " + "Hier steht etwas anderes. " * 20
    assert "Häuser" in excerpt(german, "Wer ändert das Haus?", 60)
    japanese = "何もない。 " * 40 + "倉庫は毎朝開けられる。 " + "何もない。 " * 40
    assert "倉庫" in excerpt(japanese, "倉庫はいつ開く", 40)


TABLE = """| Place | Calm (cm) | Longest gap (min) |
| --- | --- | --- |
| Lock wall | 1.4 | 10 |
| North mole | 2.0 | 410 |
Table 1. Four places."""


def test_quote_of_a_table_has_the_matching_row_with_the_names_of_its_columns() -> None:
    asked = "What was the longest gap on the north mole?"
    assert quote(TABLE, asked, 200) == "Place: North mole · Calm (cm): 2.0 · Longest gap (min): 410"
    both = "Place: Lock wall · Calm (cm): 1.4 · Longest gap (min): 10; " + quote(TABLE, asked, 200)
    assert quote(TABLE, "the mole and the wall", 200) == both
    assert len(quote(TABLE, asked, 40)) <= 40


def test_quote_of_a_table_without_a_matching_row_is_the_whole_in_one_line() -> None:
    rows = "Place | Calm (cm) | Longest gap (min) · Lock wall | 1.4 | 10 · North mole | 2.0 | 410"
    assert quote(TABLE, "which is the longest gap?", 200) == f"{rows} · Table 1. Four places."
    assert quote("Not | a\ntable", "", 200) == "Not | a table"
