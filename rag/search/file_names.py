"""Recognize the names of files in a question: "What is the price in Offer Seagull Ltd.pdf?". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from rag.search.page_words import LANGUAGES
from rag.text import STOP_WORDS, fold, has_spaceless, tokens

_MIN_WORDS = 2
"""Words of a name without its ending that name the file; "budget" alone may be a subject."""


_NOT_TELLING = STOP_WORDS | {fold(word) for language in LANGUAGES for word in language.pages.split()}
"""Words that do not name a file: "page 7" is not about page.pdf."""


def is_named(asked: Sequence[str], name: str, *, has_page: bool = False) -> bool:
    """Return whether a question has the whole name of a file: with its ending, or at least two words of it.

    `asked` are the words of the question, see `folded_words`: case, accents and what separates words do not matter. One
    word is enough for a question that also names a page (`has_page`): "page 7 of the handbook".
    """
    path = PurePath(name)
    stem, ending = folded_words(path.stem), folded_words(path.suffix)
    if not stem:
        return False
    if ending and _has(asked, [*stem, *ending]):
        return True
    telling = [word for word in stem if word not in _NOT_TELLING and not word.isdecimal()]
    if not telling or len(stem) < (1 if has_page else _MIN_WORDS):
        return False
    # Scripts without spaces put the name and the page into one word.
    return _has(asked, stem) or (has_page and has_spaceless(path.stem) and " ".join(stem) in " ".join(asked))


def is_name(text: str, name: str) -> bool:
    """Return whether a text is the name of a file and nothing else, with its ending or without."""
    path, words = PurePath(name), folded_words(text)
    return bool(words) and words in (folded_words(path.stem), folded_words(path.name))


def folded_words(text: str) -> list[str]:
    """Return the words of a text, without case and accents."""
    return tokens(fold(text))


def _has(words: Sequence[str], run: Sequence[str]) -> bool:
    return any(words[start : start + len(run)] == run for start in range(len(words) - len(run) + 1))
