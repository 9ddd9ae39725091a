"""Recognize the names of files in a question: "What is the price in Offer Seagull Ltd.pdf?". Pure."""

from __future__ import annotations

from pathlib import PurePath

from rag.text import STOP_WORDS, fold, tokens

_MIN_WORDS = 2
"""Words of a name without its ending that name the file; "budget" alone may be a subject."""


def is_named(question: str, name: str) -> bool:
    """Return whether a question has the whole name of a file: with its ending, or at least two words of it.

    Words are compared without case and accents; what separates them does not matter.
    """
    asked, path = _words(question), PurePath(name)
    stem, ending = _words(path.stem), _words(path.suffix)
    if not stem:
        return False
    if ending and _has(asked, [*stem, *ending]):
        return True
    telling = [word for word in stem if word not in STOP_WORDS and not word.isdecimal()]
    return len(stem) >= _MIN_WORDS and bool(telling) and _has(asked, stem)


def is_name(text: str, name: str) -> bool:
    """Return whether a text is the name of a file and nothing else, with its ending or without."""
    path, words = PurePath(name), _words(text)
    return bool(words) and words in (_words(path.stem), _words(path.name))


def _words(text: str) -> list[str]:
    return tokens(fold(text))


def _has(words: list[str], run: list[str]) -> bool:
    return any(words[start : start + len(run)] == run for start in range(len(words) - len(run) + 1))
