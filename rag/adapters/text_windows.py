"""Texts cut into windows that a model reads whole, and the prefixes that text embedders were trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


def windows(text: str, room: int, count: Callable[[str], int]) -> list[str]:
    """Every word in one window, in order; `count` says how many of the `room` tokens a text takes."""
    found: list[str] = []
    words: list[str] = []
    size = 0
    for word, tokens in _pieces(text, room, count):
        if size + tokens > room and words:
            found += _fitting(words, room, count)
            words, size = [], 0
        words.append(word)
        size += tokens
    return [*found, *_fitting(words, room, count)] if words else found


def _fitting(words: list[str], room: int, count: Callable[[str], int]) -> list[str]:
    """The words as one window, or as several: now and then cleaning makes more of a text than of its words."""
    joined = " ".join(words)
    if len(words) == 1 or count(joined) <= room:
        return [joined]
    half = len(words) // 2
    return [*_fitting(words[:half], room, count), *_fitting(words[half:], room, count)]


def _pieces(text: str, room: int, count: Callable[[str], int]) -> Iterator[tuple[str, int]]:
    """Words with their number of tokens; one that alone is too long for a window comes in parts."""
    waiting = text.split()[::-1]
    while waiting:
        word = waiting.pop()
        tokens = count(word)
        if tokens <= room or len(word) < 2:
            yield word, min(tokens, room)
        else:
            half = len(word) // 2
            waiting += [word[half:], word[:half]]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What a model wants before a question and before a document. `version` is part of the identity."""

    query: str = ""
    document: str = ""
    version: str = "n1"


# By the beginning of the model's name, as the models' cards give them.
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
    """By family; none for a model that is not known to want any. Any registry or folder before the name is passed."""
    name = model.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((prefixes for family, prefixes in _FAMILIES.items() if name.startswith(family)), Prefixes())
