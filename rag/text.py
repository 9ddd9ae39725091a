"""Split texts into words, estimate tokens, and normalize characters."""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from itertools import islice
from typing import Literal

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u034f\u061c\u180b-\u180f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Control characters except tab and line feed, marks of text direction, and characters without a glyph. Joiners, soft
hyphens and variation selectors are kept: scripts and emoji need them."""

_ZERO_WIDTH = frozenset("\u00ad\u115f\u1160\u200b\u200c\u200d\u200e\u200f\u3164\uffa0")
_MARK_CATEGORIES = ("Mn", "Me", "Cf")

_MAX_MARKS = 30
"""Combining marks on one letter, as in the Stream-Safe Text Format of Unicode (UAX #15)."""

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


def without_invisible(text: str) -> str:
    """Return the text without characters that are not displayed and that no script needs.

    Call this before any check of a text that is displayed later: a character removed after the check could hide what
    the check looks for.
    """
    return _INVISIBLE.sub("", text)


def printable_line(text: str) -> str:
    """Return the text on one line, with single spaces for white space and for characters that are not printed."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def normalize_for_comparison(text: str) -> str:
    """Return the letters, digits and punctuation of a short text in their plain forms, for comparisons only.

    Invisible characters, accents and Markdown emphasis are removed, and every numeral is written in digits: "⑧", "Ⅷ"
    and "*8*" all become "8".
    """
    kept = "".join(
        _digit(sign)
        for sign in text
        if sign not in _ZERO_WIDTH and unicodedata.category(sign) not in _MARK_CATEGORIES and sign not in "*_~`\\"
    )
    return normalize_unicode("NFKC", kept)


def _digit(sign: str) -> str:
    """Return a numeral such as ⑧, ❽, Ⅷ or 八 as digits; any other character unchanged."""
    value = unicodedata.numeric(sign, -1.0)
    return str(int(value)) if value >= 0 and value == int(value) and not sign.isascii() else sign


@cache
def _too_many_marks() -> re.Pattern[str]:
    """Return a pattern for a run of more than _MAX_MARKS characters that normalization may reorder."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0x20000):  # the first two planes hold all scripts
        if unicodedata.combining(chr(code)):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    marks = "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
    return re.compile(f"([{marks}]{{{_MAX_MARKS}}})[{marks}]+")


def normalize_unicode(form: Form, text: str) -> str:
    """Return the text in a Unicode normal form, with at most 30 combining marks on a letter.

    Normalization sorts the marks of a letter in quadratic time, so a letter with 20,000 of them takes seconds.
    """
    return unicodedata.normalize(form, text if text.isascii() else _too_many_marks().sub(r"\1", text))


STOP_WORDS = frozenset(
    """a about according after all also am an and any are as at be been before being below between both but by can
    could did do does doing down during each few for from further give had has have having he her here hers him his
    how i if in into is it its itself just me more most much my no nor not of off on once only or other our out over
    own page please same she should show shown so some such tell than that the their them then there these they this
    those through to too under until up us very was we were what when where which while who whom whose why will with
    would you your""".split()
)
"""Left out of a query unless no other word remains: with them, an OR query is 3.6 times slower and ranks no better."""

WORD = re.compile(r"[^\W_]+")
"""A run of letters and digits; punctuation and underscores separate words."""

_BROKEN = re.compile(r"(?<![^\W_])([^\W_]+)[-\u00ad\u2010\u2011\u00ac]\s+(?=([^\W\d_]+))")
"""The part of a word before a hyphen at the end of a line, and the part after it."""

_MAX_BROKEN = 60
"""Letters of a word up to which its next line is added."""

_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
"""A run of letters of a script that puts no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""

_MAX_LETTERS = 20
"""Characters per word including the separator: three times the English average."""


_SUBWORD = re.compile(r"\w+|[^\w\s]", re.UNICODE)
_SUBWORD_LETTERS = 6
"""Letters that a subword token of a long word has on average."""

_SINGLE_TOKEN = re.compile(r"[0-9!-/:-@\[-`{-~]")


def split_words(text: str) -> list[str]:
    """Return the words of a text as they are written, in order; punctuation and underscores separate words."""
    return WORD.findall(text)


def broken_words(text: str) -> list[tuple[int, str]]:
    """Return the words that are broken at line ends, whole, and where the last line of each of them begins.

    A hyphen can also be part of the word ("well-" before "known"), so these words are an addition to those as printed.
    """
    words: list[tuple[int, str]] = []
    start, end = "", -1
    for match in _BROKEN.finditer(text):
        first, second = match[1], match[2]
        if second[0].islower() or first.isupper():
            is_next = end == match.start() and len(start) < _MAX_BROKEN  # a word can be broken more than once
            start = start + first if is_next else first
            end = match.end()
            words.append((end, start + second))
    return words


def with_broken_words(text: str) -> str:
    """Return the text as printed, with each word that is broken at a line end also whole after it."""
    parts: list[str] = []
    done = 0
    for start, word in broken_words(text):
        parts += [text[done:start], word, " "]
        done = start
    return "".join([*parts, text[done:]])


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case, in order."""
    return [word.lower() for word in split_words(text)]


def with_spaced_letters(text: str) -> str:
    """Return the text with spaces around each letter of scripts without spaces between words.

    In an index of such a text, any part of a sentence is a phrase of letters that can be found.
    """
    return text if text.isascii() else _SPACELESS.sub(lambda run: f" {' '.join(run[0])} ", text)


def has_spaceless(text: str) -> bool:
    """Return whether a text has letters of a script that puts no spaces between words."""
    return not text.isascii() and _SPACELESS.search(text) is not None


def fold(word: str) -> str:
    """Return a word without case and accents: "Zürich" becomes "zurich"."""
    if word.isascii():
        return word.lower()
    return "".join(sign for sign in normalize_unicode("NFKD", word.casefold()) if not unicodedata.combining(sign))


def stem(word: str, length: int) -> str:
    """Return the first letters of a word, by which its inflections are compared."""
    return word[:length]


def estimate_tokens(text: str) -> int:
    """Return about as many tokens as a subword tokenizer makes: words, punctuation, and long words by their parts."""
    return sum(-(-len(piece) // _SUBWORD_LETTERS) for piece in _SUBWORD.findall(text))


def max_tokens(text: str) -> int:
    """Return an upper estimate of a text's tokens for any model's tokenizer; for English prose 40 % too many."""
    return math.ceil(token_weight(text))


def token_weight(text: str) -> float:
    """Return the estimate of `max_tokens` before rounding, so that the weights of parts of a text can be added.

    A digit or a punctuation mark counts as one token, three bytes of anything else as one.
    """
    single = len(_SINGLE_TOKEN.findall(text))
    return single + (len(text.encode("utf-8", "replace")) - single) / 3


def part_label(kinds: str) -> str:
    """Return a regular expression for labels of document parts, such as "Figure 3", "Table 2.1" or "Table IV".

    `kinds` is an expression for the first word. The groups are the kind and the number. Compile it with IGNORECASE.
    """
    return rf"\b({kinds})\.?\s{{0,2}}(\d{{1,3}}(?:[.-]\d{{1,3}})*[a-z]?|[ivx]{{1,6}})\b"


def first_words(text: str, max_words: int) -> str:
    """Return the text up to the end of its first `max_words` words, at most 20 characters per word."""
    start = text[: max_words * _MAX_LETTERS]
    ends = (match.end() for match in WORD.finditer(start))
    last = next(islice(ends, max_words - 1, None), None)
    if len(start) == len(text) and (last is None or WORD.search(text, last) is None):
        return text
    return start[:last]
