"""Split a text into words, codes and runs of letters without spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from rag.analysis.letters import mark_ranges

_SPACELESS_SIGNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese, which put no spaces between words, and Korean, which puts them
between groups of words and particles."""

_JOINERS = r"[-./:_@+#&\\\u2010\u2011]{1,3}"

_MAX_PARTS, _MAX_LENGTH = 8, 64
"""Parts and characters of a code; of a longer run of words, only the words are used."""

_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")
_DIGIT_EDGE = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, or several that are joined without spaces (`parts`), at `start` to `end` of the text.

    `whole` is a code in one form for all its spellings: "Wi-Fi" is "WiFi", "10.20.4.7" stays. It is empty for a plain
    word, and for one too long to be a code.
    """

    text: str
    start: int
    parts: tuple[str, ...]
    whole: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@cache
def _run() -> re.Pattern[str]:
    letter = f"(?:[^\\W_]|[{mark_ranges()}])"
    word = f"[^\\W_]{letter}*"  # a mark alone does not make a word
    return re.compile(
        rf"(?:(?<![\w.])\.(?=[^\W\d_]{{2}}))?{word}(?:{_JOINERS}{word})*(?:(?<=[^\W\d_])(?:\+\+|\#)(?![\w+\#]))?"
    )


@cache
def _word() -> re.Pattern[str]:
    return re.compile(f"[^\\W_](?:[^\\W_]|[{mark_ranges()}])*")


@cache
def _spaceless() -> re.Pattern[str]:
    return re.compile(f"[{_SPACELESS_SIGNS}](?:[{_SPACELESS_SIGNS}]|[{mark_ranges()}])*")


@cache
def _unit() -> re.Pattern[str]:
    return re.compile(f".[{mark_ranges()}]*", re.DOTALL)


def split_pieces(text: str) -> Iterator[Piece]:
    """Yield the pieces of a normalized text, in order."""
    for match in _run().finditer(text):
        run = match[0]
        parts = tuple(_word().findall(run))
        yield Piece(run, match.start(), parts, "" if parts[0] == run else _whole(run, parts))


def _whole(run: str, parts: tuple[str, ...]) -> str:
    """Return a code in one form for all its spellings; an empty string for a run that is too long to be one.

    Hyphens, and dots and underscores next to a letter, are left out. Between digits they are kept: 1.12 is not 11.2.
    """
    if len(parts) > _MAX_PARTS or len(run) > _MAX_LENGTH:
        return ""
    whole, end = "", 0
    for match in _word().finditer(run):
        joiner = run[end : match.start()].replace("\u2010", "-").replace("\u2011", "-")
        is_between_digits = whole[-1:].isdigit() and match[0][0].isdigit()
        if not is_between_digits and end:
            joiner = joiner.strip("-._")
        whole += joiner + match[0]
        end = match.end()
    return whole + run[end:]


def camel_parts(word: str) -> list[str]:
    """Return the parts of a word such as "camelCase" or "HTTPServer" with three letters or more; [] for other words."""
    parts = _CAMEL.split(word) if not word.islower() and not word.isupper() else []
    return [part for part in parts if len(part) > 2] if len(parts) > 1 else []


def digit_parts(word: str) -> list[str]:
    """Return the parts of a word such as "KX200" at the edges of its digits; [] for a word without both."""
    parts = _DIGIT_EDGE.split(word)
    return parts if len(parts) > 1 else []


def split_spaceless(word: str) -> list[str | list[str]]:
    """Return the parts of a word: strings with spaces between words, and lists of letters of scripts without them.

    A letter has its marks: the two signs of Thai "ที่" are one.
    """
    if word.isascii() or _spaceless().search(word) is None:
        return [word]
    parts: list[str | list[str]] = []
    end = 0
    for run in _spaceless().finditer(word):
        if rest := word[end : run.start()]:
            parts.append(rest)
        parts.append(_unit().findall(run[0]))
        end = run.end()
    return [*parts, word[end:]] if word[end:] else parts
