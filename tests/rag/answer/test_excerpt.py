"""Excerpts around the words of a question, and the estimate of tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.excerpt import excerpt
from rag.text import max_tokens


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("2023 4.5%", 9), ("温度計", 3), ("The quick brown fox jumps over the dog", 13)]
)
def test_token_count_is_an_upper_estimate(text: str, tokens: int) -> None:
    assert max_tokens(text) == tokens


@given(st.text(), st.lists(st.sampled_from(["pier", "crane", "a"])), st.integers(10, 80))
def test_excerpt_is_never_longer_than_the_limit(text: str, query_words: list[str], limit: int) -> None:
    assert len(excerpt(text, query_words, limit)) <= max(limit, 8)


def test_excerpt_has_the_most_query_words() -> None:
    text = "pier one. " + "x " * 200 + "pier and crane and gauges. " + "y " * 200 + "crane."
    assert "pier and crane and gauges" in excerpt(text, ["pier", "crane", "gauge"], 60)
    assert excerpt(text, [], 60).startswith("pier one.")
    assert excerpt("short", ["pier"], 60) == "short"
