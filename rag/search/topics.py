"""Headings near what an answer cites, as questions that can be asked next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from rag.catalog.headings import Heading
from rag.model.search import Scope, SearchResult
from rag.text import fold, split_words

_TRIED = 6
"""Headings that are searched for. Each search takes tens of milliseconds."""

_FIRST = 3
"""Pages of a search among which that of the heading must be."""

_LENGTH = range(4, 71)
"""Characters of a heading that fits on a button."""


def answerable(
    headings: Iterable[Heading], question: str, scope: Scope, find: Callable[[str, Scope], SearchResult], limit: int
) -> list[Heading]:
    """Return the first headings that find their own page within their document, at most `limit`.

    A heading whose words are all in the question says nothing new.
    """
    asked = {fold(word) for word in split_words(question)}
    chosen: list[Heading] = []
    for heading in list(_sayable(headings, asked))[:_TRIED]:
        within = replace(scope, documents=frozenset([heading.document]))
        found = find(heading.text, within)
        if found.found and any(hit.page == heading.page for hit in found.hits[:_FIRST]):
            chosen.append(heading)
        if len(chosen) == limit:
            break
    return chosen


def _sayable(headings: Iterable[Heading], asked: set[str]) -> Iterator[Heading]:
    seen: set[str] = set()
    for heading in headings:
        words = {fold(word) for word in split_words(heading.text)}
        has_letters = any(character.isalpha() for character in heading.text)
        key = " ".join(sorted(words))
        if len(heading.text) in _LENGTH and has_letters and not words <= asked and key not in seen:
            seen.add(key)
            yield heading
