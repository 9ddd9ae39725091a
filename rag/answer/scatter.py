"""Whether what a statement says stands together on a page, or is put together from all over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rag.answer.page_text import Layout, PageText

_MIN_KNOWN = 3
"""Words and values of a statement that a page must have, so that their places say something."""

_MIN_TOGETHER = 0.75
"""Share of them that one sentence and the next one must have, with the beginnings of the sentences before."""

_BEFORE = 4
"""Sentences before, whose beginning may name what a sentence is about."""


def is_scattered(
    pages: Sequence[PageText],
    layouts: Mapping[str, Layout],
    values: Sequence[Sequence[Iterable[int]]],
    in_values: frozenset[int],
) -> bool:
    """Return whether the words and values of a statement that the pages have stand far from each other.

    `layouts` are those of the statement in the languages of the pages. `values`: for each page, the sentences of each
    of the statement's numbers, dates and codes, which stand at the indices `in_values` of the statement.
    """
    known, together = set[object](), set[object]()
    if any(_is_spaceless(layout) for layout in layouts.values()):
        return False
    for page, of_values in zip(pages, values, strict=True):
        words = {token.stem for token in layouts[page.analyzed_in].tokens if token.start not in in_values}
        places: dict[object, frozenset[int]] = {word: page.sentences_of(word) for word in words if word in page.places}
        places |= {number: frozenset(sentences) for number, sentences in enumerate(of_values) if sentences}
        known |= places.keys()
        together |= _best_place(places, page)
    return len(known) >= _MIN_KNOWN and len(together) < _MIN_TOGETHER * len(known)


def _best_place(places: Mapping[object, frozenset[int]], page: PageText) -> set[object]:
    """Return the words and values that stand at the place which has most of them."""
    best = set[object]()
    for sentence in frozenset[int]().union(*places.values()):
        found = {one for one, sentences in places.items() if sentences & {sentence, sentence + 1}}
        before = range(sentence - _BEFORE, sentence)
        found |= {one for one in places.keys() - found if any(one in page.heads.get(at, ()) for at in before)}
        best = max(best, found, key=len)
    return best


def _is_spaceless(layout: Layout) -> bool:
    """Return whether most of a statement is in a script without spaces, whose pairs of letters stand anywhere."""
    pairs = sum(len(token.stem) == 2 and token.stem[0] > "\u3040" for token in layout.tokens)
    return pairs > len(layout.tokens) / 2
