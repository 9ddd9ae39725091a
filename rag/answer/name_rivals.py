"""Names of a statement that stand beside other words on the page: the subject was exchanged for another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.answer.nearness import nearness, words_near
from rag.answer.page_text import Layout, Name, PageText
from rag.text import fold, split_words

_RIVAL, _MIN_RIVAL = 1.8, 0.15
"""How many times better another name has to fit the words around a name, and by how much at least. Names are followed
by sentences about "she" and "it", so this is much more than for a value."""

_MAX_NAMES = 8
"""Names of a statement that are compared with those of the page."""


def exchanged_names(
    names: Sequence[tuple[int, int, str]], pages: Sequence[PageText], layouts: Mapping[str, Layout]
) -> list[str]:
    """Return the names, given with start and end, whose words around them belong to another name on the pages."""
    claimed = frozenset(word for _, _, name in names for word in map(fold, split_words(name)))
    people = [one for one in names if _is_full(frozenset(split_words(one[2])))][:_MAX_NAMES]
    return [name for start, end, name in people if _is_exchanged(start, end, name, claimed, pages, layouts)]


def _is_full(words: frozenset[str]) -> bool:
    """Return whether a name is that of a person or a place, in two words: other names often stand for a part of it."""
    return len(words) > 1 and all(word.isalpha() and len(word) > 1 for word in words)


def _is_exchanged(
    start: int, end: int, name: str, claimed: frozenset[str], pages: Sequence[PageText], layouts: Mapping[str, Layout]
) -> bool:
    words = frozenset(map(fold, split_words(name)))
    own, other = 0.0, 0.0
    for page in pages:
        context = words_near(start, end, layouts[page.analyzed_in], page)
        own = max([own, *(_fit(context, page, known) for known in page.names if words & known.words)])
        rivals = [known for known in page.names if _is_full(known.words) and not known.words & claimed]
        other = max([other, *(_fit(context, page, rival) for rival in rivals)])
    return own > 0 and other > max(own * _RIVAL, own + _MIN_RIVAL)


def _fit(context: Sequence[tuple[str, float]], page: PageText, name: Name) -> float:
    """Return how much of a context stands near a name. What another sentence says of it counts half."""
    inside = [(word, weight) for word, weight in context if name.sentence in page.sentences_of(word)]
    return (nearness(context, page, name.place) + nearness(inside, page, name.place)) / 2
