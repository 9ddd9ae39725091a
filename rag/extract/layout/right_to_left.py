"""The order of words in Arabic, Hebrew and other scripts that are written from right to left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from rag.model.extraction import Box

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_DIGITS = re.compile("[\u0660-\u0669\u06f0-\u06f9]")
_LEFT_TO_RIGHT = re.compile(r"[^\W\d_]")


class _Placed(Protocol):
    @property
    def text(self) -> str: ...
    @property
    def box(self) -> Box: ...


PlacedT = TypeVar("PlacedT", bound=_Placed)


def is_right_to_left(text: str) -> bool:
    """Return whether a word has a letter of a script that is written from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(_DIGITS.sub("", text)) is not None


def is_mainly_right_to_left(texts: Iterable[str]) -> bool:
    """Return whether more words are written from right to left than from left to right; numbers don't count."""
    balance = 0
    for text in texts:
        balance += 1 if is_right_to_left(text) else -1 if _LEFT_TO_RIGHT.search(text) else 0
    return balance > 0


def order_row(words: Sequence[PlacedT], *, in_right_to_left_text: bool) -> list[PlacedT]:
    """Return the words of one row in reading order, unchanged in a row that is written from left to right.

    In other rows, words are read from the right; Latin words side by side, with numbers between them, from the left.
    """
    texts = [word.text for word in words]
    if not any(is_right_to_left(text) for text in texts):
        return list(words)
    if not (in_right_to_left_text or is_mainly_right_to_left(texts)):
        return list(words)
    ordered: list[PlacedT] = []
    foreign: list[PlacedT] = []
    for word in sorted(words, key=lambda word: -(word.box.x0 + word.box.x1)):
        if is_right_to_left(word.text):
            ordered += _from_the_left(foreign)
            foreign = []
            ordered.append(word)
        else:
            foreign.append(word)
    return ordered + _from_the_left(foreign)


def _from_the_left(words: list[PlacedT]) -> list[PlacedT]:
    """Return words given from right to left with those between the first and last Latin word in their own order."""
    latin = [index for index, word in enumerate(words) if _LEFT_TO_RIGHT.search(word.text)]
    if not latin:
        return words
    first, last = latin[0], latin[-1] + 1
    return [*words[:first], *reversed(words[first:last]), *words[last:]]
