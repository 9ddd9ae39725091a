"""Compare pages: near-duplicates, which are collapsed, and twins, which were made from one template."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection

from rag.catalog.chunks import page_texts
from rag.model.search import PageKey
from rag.text import tokens

MAX_COMPARED = 20
"""Pages at the top of a ranking that are compared."""

_MIN_WORDS = 25
"""A page with fewer words resembles many others and is never a duplicate."""

_SHINGLE = 3
_MIN_RESEMBLANCE = 0.9
"""Share of their three-word shingles that near-duplicates have in common (Broder, On the resemblance and containment of
documents, 1997)."""

_MIN_TWIN = 0.5
"""Share of their words, without numbers, that twins have in common."""

_WORD_WITH_DIGIT = re.compile(r"\b[^\W\d]*\d\w*")


def is_near_duplicate(one: str, other: str) -> bool:
    """Return whether two texts have nearly the same words and exactly the same numbers.

    Forms of two years often differ only in their numbers.
    """
    if extract_numbers(one) != extract_numbers(other):
        return False
    first, second = _shingles(one), _shingles(other)
    return bool(first and second) and len(first & second) >= _MIN_RESEMBLANCE * len(first | second)


def extract_numbers(text: str) -> tuple[str, ...]:
    """Return the words of a text that contain a digit, sorted."""
    return tuple(sorted(_WORD_WITH_DIGIT.findall(text.lower())))


def template_words(text: str) -> frozenset[str]:
    """Return the words of a text without those that contain a digit."""
    return frozenset(word for word in tokens(text) if word.isalpha() or not any(map(str.isdecimal, word)))


def is_twin(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether texts with these `template_words` were made from one template, such as two invoices."""
    return len(one & other) >= _MIN_TWIN * len(one | other)


def collapse_near_duplicates(connection: Connection, pages: Sequence[PageKey]) -> dict[PageKey, tuple[PageKey, ...]]:
    """Return the pages in their order, each with the lower-ranked near-duplicates that are left out.

    Pages of the same document are never collapsed: a reader may need both.
    """
    compared = pages[:MAX_COMPARED]
    texts = page_texts(connection, compared) if len({document for document, _ in compared}) > 1 else {}
    kept: dict[PageKey, tuple[PageKey, ...]] = {}
    with_numbers: dict[tuple[str, ...], list[PageKey]] = {}
    for page in pages:
        others: list[PageKey] = []
        if page in texts:  # comparing numbers is fast and rules out most pages
            others = with_numbers.setdefault(extract_numbers(texts[page]), [])
        first = next(
            (other for other in others if other[0] != page[0] and is_near_duplicate(texts[page], texts[other])), None
        )
        if first is None:
            kept[page] = ()
            others.append(page)
        else:
            kept[first] = (*kept[first], page)
    return kept


def _shingles(text: str) -> set[tuple[str, ...]]:
    """Return the runs of three words of a text; none for a text with too few words."""
    words = tokens(text)
    if len(words) < _MIN_WORDS:
        return set()
    return {tuple(words[start : start + _SHINGLE]) for start in range(len(words) - _SHINGLE + 1)}
