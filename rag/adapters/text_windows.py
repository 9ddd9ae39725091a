"""Split texts into windows that fit a model's context."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rag.adapters.text_model_cards import ModelCard

DEFAULT_CONTEXT = 512
"""Tokens that a model reads if its server and its card do not say."""

_MAX_WINDOW = 2048
"""Tokens of a window, even if the model reads more: one vector cannot represent ten pages."""

_CHARS_PER_TOKEN = 3
"""Fewer than in prose, so that most windows fit; servers refuse one that does not, and it is halved."""


def windows_by_letters(text: str, card: ModelCard, context: int) -> list[str]:
    """Return windows for a model whose tokens cannot be counted here; `context` is what it reads, in tokens."""
    prefix = max(len(card.query), len(card.document))
    tokens = min(context, card.tokens or _MAX_WINDOW, _MAX_WINDOW)
    return windows(text, max(_CHARS_PER_TOKEN, tokens * _CHARS_PER_TOKEN - prefix), lambda piece: len(piece) + 1)


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
