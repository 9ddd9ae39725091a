"""Skimmed pages have words that people can see on them, and never hidden ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.extract.guarded import GuardedExtractor
from tests.rag.extract.test_visibility import (
    HIDDEN,
    SEEN,
    VISIBLE,
    Draw,
    cropped,
    paper,
    text_of,
    turned,
    upright,
)


def words_of(
    extractor: GuardedExtractor, path: Path, draws: Sequence[Draw], turn: Callable[[Any], None], slots: int
) -> dict[str, str]:
    """Return for each of `draws` the words of it that are skimmed."""
    written = paper(path, draws, turn, slots)
    pages = list(extractor.skim(written, "application/pdf", 1, -(-len(draws) // slots)))
    assert all(SEEN in text_of(page) for page in pages)
    return {
        draw.__name__: " ".join(re.findall(rf"\b[A-Za-z]+{number}\b", text_of(pages[number // slots])))
        for number, draw in enumerate(draws)
    }


@pytest.mark.parametrize("slots", [1, 8])
@pytest.mark.parametrize("turn", [upright, turned, cropped])
def test_hidden_words_are_left_out(
    reader: GuardedExtractor, tmp_path: Path, turn: Callable[[Any], None], slots: int
) -> None:
    found = words_of(reader, tmp_path / "hidden.pdf", HIDDEN, turn, slots)
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("slots", [1, 8])
def test_visible_words_are_found(reader: GuardedExtractor, tmp_path: Path, slots: int) -> None:
    found = words_of(reader, tmp_path / "seen.pdf", VISIBLE, upright, slots)
    assert {name for name, words in found.items() if len(words.split()) < 3} == set()
