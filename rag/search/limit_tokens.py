"""Split a question into words for the limits in it, in any script."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = "\u0300-\u036f\u0610-\u061a\u064b-\u065f"
_TOKEN = re.compile(
    r"<[@#][^<>\s]{1,200}>"
    rf"|\#(?:(?![{_CJK}])[\w-])+"
    r"|\d{4}-\d{2}-\d{2}(?![\w-])|\d{1,2}\.\d{1,2}\.\d{4}(?!\w)"
    rf"|[{_CJK}]|\d+"
    rf"|(?![{_CJK}])[\w{_MARKS}](?:(?![{_CJK}])[\w{_MARKS}])*"
    r"|\S"
)
_SINGLE = re.compile(f"[{_CJK}]")


class Token(NamedTuple):
    """A word, a number, one character of a script without spaces, a mention, or a punctuation mark.

    `start` and `end` are its place in the question, `text` its folded form.
    """

    start: int
    end: int
    text: str

    @property
    def is_word(self) -> bool:
        return self.text[:1].isalnum()

    @property
    def is_number(self) -> bool:
        return self.text.isdecimal()

    @property
    def is_cjk(self) -> bool:
        return bool(_SINGLE.fullmatch(self.text))


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a text. Chinese and Japanese have one for each character."""
    return [Token(match.start(), match.end(), fold(match.group())) for match in _TOKEN.finditer(text)]


def fold(word: str) -> str:
    """Return a word without case and accents, in plain forms of its letters. Mentions are kept as they are."""
    if word.startswith("<"):
        return word
    if word.isascii():
        return word.lower()
    if _SINGLE.fullmatch(word):
        return unicodedata.normalize("NFKC", word)
    letters = unicodedata.normalize("NFKD", word)
    return "".join(sign for sign in letters if not unicodedata.combining(sign)).casefold() or word
