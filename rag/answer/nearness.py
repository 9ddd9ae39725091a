"""How near the words around a value of a statement stand to a place of a page."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from rag.answer.page_text import Layout, PageText

_REACH = 6.0
"""Distance in words at which a word beside a value counts half as much as one next to it."""

_CONTEXT = 16
"""Words of the statement, those nearest to a value, that are looked for beside it on the page."""

_RARITY = 0.5
"""Words that the page has often say less: the weight of one that it has n times is n to the power of minus this."""


def words_near(start: int, end: int, layout: Layout, page: PageText) -> list[tuple[str, float]]:
    """Return the words of a statement nearest to a value of it that are on the page, each with its weight."""
    tokens, place = layout.tokens, layout.place(start)
    at = bisect_left(tokens, start, key=lambda token: token.start)
    near = sorted(
        (token for token in tokens[max(0, at - _CONTEXT) : at + _CONTEXT + 8] if not start <= token.start < end),
        key=lambda token: abs(token.place - place),
    )
    weights: dict[str, float] = {}
    for token in near[:_CONTEXT]:
        count = len(page.places.get(token.stem, ()))
        if count:
            weights.setdefault(token.stem, 1 / count**_RARITY)
    return list(weights.items())


def nearness(context: Sequence[tuple[str, float]], page: PageText, place: float) -> float:
    """Return how much of a context stands near a place of a page."""
    total = 0.0
    for word, weight in context:
        places = page.places[word]
        at = bisect_left(places, place)
        distance = min(abs(places[near] - place) for near in (at - 1, at) if 0 <= near < len(places))
        total += weight / (1 + distance / _REACH)
    return total
