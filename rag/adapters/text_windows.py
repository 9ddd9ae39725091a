"""Split texts into windows that fit a model's context, and the prefixes that text embedders were trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


def windows(text: str, limit: int, count: Callable[[str], int]) -> list[str]:
    """Return windows of at most `limit` tokens, in order; every word is in one. `count` returns a text's tokens."""
    found: list[str] = []
    words: list[str] = []
    size = 0
    for word, tokens in _pieces(text, limit, count):
        if size + tokens > limit and words:
            found += _join(words, limit, count)
            words, size = [], 0
        words.append(word)
        size += tokens
    return [*found, *_join(words, limit, count)] if words else found


def _join(words: list[str], limit: int, count: Callable[[str], int]) -> list[str]:
    """Return the words as one window, or as several if the joined text has more tokens than its words."""
    joined = " ".join(words)
    if len(words) == 1 or count(joined) <= limit:
        return [joined]
    half = len(words) // 2
    return [*_join(words[:half], limit, count), *_join(words[half:], limit, count)]


def _pieces(text: str, limit: int, count: Callable[[str], int]) -> Iterator[tuple[str, int]]:
    """Yield the words with their numbers of tokens; a word that is too long for a window is yielded in parts."""
    remaining = text.split()[::-1]
    while remaining:
        word = remaining.pop()
        tokens = count(word)
        if tokens <= limit or len(word) < 2:
            yield word, min(tokens, limit)
        else:
            half = len(word) // 2
            remaining += [word[half:], word[:half]]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Texts that a model expects before a query and a document. `version` is part of the embedder's identity."""

    query: str = ""
    document: str = ""
    version: str = "n1"


# By the start of the model's name, from the model cards.
_FAMILIES: dict[str, Prefixes] = {
    "nomic-embed-text": Prefixes("search_query: ", "search_document: ", "p1"),
    "mxbai-embed-large": Prefixes("Represent this sentence for searching relevant passages: ", "", "p1"),
    "embeddinggemma": Prefixes("task: search result | query: ", "title: none | text: ", "p1"),
    "qwen3-embedding": Prefixes(
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:", "", "p1"
    ),
    "multilingual-e5": Prefixes("query: ", "passage: ", "p1"),
    "e5-": Prefixes("query: ", "passage: ", "p1"),
}


def prefixes_of(model: str) -> Prefixes:
    """Return the prefixes of a model's family, or empty ones. A registry or folder before the name is ignored."""
    name = model.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((prefixes for family, prefixes in _FAMILIES.items() if name.startswith(family)), Prefixes())
