"""Expand questions by a glossary: related words and kinds of pages. For the files, see rag.search.glossary_file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rag.text import STOP_WORDS, tokens


@dataclass(frozen=True, slots=True)
class PageKind:
    """A kind of page, recognized by the lines that it prints.

    A page that has at least `min_share` (above 0, at most 1) of these lines is of this kind.
    """

    name: str
    lines: tuple[str, ...]
    min_share: float


@dataclass(frozen=True, slots=True)
class GlossaryEntry:
    """The words and page kinds (by name) to search for when all patterns occur in a question.

    `word` is set if the entry stands for a single word, such as an abbreviation that `search` spells out.
    """

    patterns: tuple[re.Pattern[str], ...]
    search: str
    pages: tuple[str, ...] = ()
    word: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The words and page kinds that a glossary adds to one question.

    `words` are searched for, and pages of these `kinds`. `equivalents` maps a word of the question to words with the
    same meaning.
    """

    words: tuple[str, ...] = ()
    kinds: tuple[PageKind, ...] = ()
    equivalents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Glossary:
    """Entries in the order of their files, and the page kinds that they name."""

    entries: tuple[GlossaryEntry, ...] = ()
    kinds: Mapping[str, PageKind] = field(default_factory=dict)

    def expand(self, question: str) -> Expansion:
        """Return what the matching entries add to the question."""
        line = " ".join(question.split())
        found = [entry for entry in self.entries if all(pattern.search(line) for pattern in entry.patterns)]
        if not found:
            return Expansion()
        words = _content_words(" ".join(entry.search for entry in found))
        named = {name for entry in found for name in entry.pages}
        kinds = tuple(kind for name, kind in self.kinds.items() if name in named)
        equivalents = {entry.word: tuple(_content_words(entry.search)) for entry in found if entry.word}
        return Expansion(tuple(words), kinds, equivalents)


def _content_words(text: str) -> list[str]:
    words = list(dict.fromkeys(tokens(text)))
    return [word for word in words if word not in STOP_WORDS] or words
