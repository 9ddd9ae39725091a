"""The part of a hit's text that `magpie find` shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.cli.find import SNIPPET, snippet


def test_snippet_is_cut_around_the_query_words() -> None:
    text = "nothing here " * 30 + "the square key opens the lid " + "nothing there " * 30
    cut = snippet(text, "Where is the square key?")
    assert cut.startswith("… ")
    assert "square key opens" in cut
    assert len(cut) <= SNIPPET + 4
    assert snippet("short text", "else") == "short text"
    assert snippet("", "else") == ""
    assert snippet("字" * 500, "字字字字") == "字" * SNIPPET


@given(st.text(max_size=600), st.text(max_size=60))
def test_snippet_is_part_of_the_text(text: str, query: str) -> None:
    cut = snippet(text, query)
    assert len(cut) <= SNIPPET + 4
    assert cut.removeprefix("… ").removesuffix(" …") in " ".join(text.split()) or "…" in text
