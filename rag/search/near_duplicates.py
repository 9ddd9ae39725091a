"""Pages that say the same: a file that was shared twice, or again with another date inside its bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection

from rag.catalog.chunks import page_texts
from rag.search.fusion import Page
from rag.text import tokens

LOOKED_AT = 20
"""Pages at the head of a ranking that are compared; further down nobody looks."""

_LEAST_WORDS = 20
"""A page of fewer words is like many others."""

_SHINGLE = 3
_SAME = 0.9
"""Share of runs of three words that two pages have in common (Broder, On the resemblance and containment of documents,
1997), from which they say the same."""


_WORD = re.compile(r"\w+")


def same(a: str, b: str) -> bool:
    """Whether two texts say the same, numbers to the last: last year's form differs in nothing else."""
    if numbers(a) != numbers(b):
        return False
    ours, theirs = _shingles(a), _shingles(b)
    return bool(ours and theirs) and len(ours & theirs) >= _SAME * len(ours | theirs)


def numbers(text: str) -> tuple[str, ...]:
    """Every number of a text, and whatever else has a digit, sorted."""
    return tuple(sorted(word for word in _WORD.findall(text.lower()) if any(map(str.isdecimal, word))))


def collapsed(connection: Connection, pages: Sequence[Page]) -> dict[Page, tuple[Page, ...]]:
    """The pages in their order, without those that say the same as one before them: {page: those that say the same}.

    A page of the same document is never left out: there, two alike pages are two places.
    """
    compared = pages[:LOOKED_AT]
    texts = page_texts(connection, compared) if len({document for document, _ in compared}) > 1 else {}
    kept: dict[Page, tuple[Page, ...]] = {}
    with_numbers: dict[tuple[str, ...], list[Page]] = {}
    for page in pages:
        others: list[Page] = []
        if page in texts:  # numbers differ soonest and are compared fastest
            others = with_numbers.setdefault(numbers(texts[page]), [])
        first = next((other for other in others if other[0] != page[0] and same(texts[page], texts[other])), None)
        if first is None:
            kept[page] = ()
            others.append(page)
        else:
            kept[first] = (*kept[first], page)
    return kept


def _shingles(text: str) -> set[tuple[str, ...]]:
    """Empty for a text of too few words to be compared by them."""
    words = tokens(text)
    if len(words) < _LEAST_WORDS:
        return set()
    return {tuple(words[start : start + _SHINGLE]) for start in range(len(words) - _SHINGLE + 1)}
