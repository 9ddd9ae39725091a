"""Normalize and fold letters, so that different spellings of a word become equal."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from rag.text import normalize_unicode

_REMOVED = re.compile(
    "[\u00ad\u034f\u0640\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
"""Soft hyphens, joiners, marks of text direction, variation selectors and the Arabic tatweel: all without a sound."""

_RAISED = re.compile("(?<=[^\\W\\d_]{3})(?=[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089])")
"""The place between a word and a raised or lowered digit. After three letters, it marks a footnote; in "m²" and "H₂O",
it is a part of the word."""

_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff\u093c\u09bc"
    "\u0a3c\u0abc\u0b3c\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
"""Combining marks that people leave out: accents, the vowel points of Arabic and Hebrew, and the nukta. The vowel signs
of Indic scripts and the marks of Thai and of kana are letters."""

_LETTERS = str.maketrans(
    {
        "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ŋ": "n", "ŧ": "t",
        "ĸ": "k", "ə": "e", "ß": "ss", "ſ": "s", "ς": "σ", "ґ": "г",
        "ٱ": "ا", "ة": "ه", "ى": "ي", "ک": "ك", "ی": "ي", "ې": "ي", "ۀ": "ه", "ہ": "ه", "ھ": "ه",
        "ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ",
    }
)  # fmt: skip

_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


_OTHER_DIGIT = re.compile(r"(?![0-9])\d")


def normalize(text: str) -> str:
    """Return a text in NFKC, without signs that have no sound, and with ASCII digits. Case and accents are kept."""
    if text.isascii():
        return text
    text = normalize_unicode("NFKC", _RAISED.sub(" ", text))
    text = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), _REMOVED.sub("", text))
    return normalize_unicode("NFC", text)


def fold(word: str) -> str:
    """Return a word without case, accents, and other differences that people do not type."""
    if word.isascii():
        return word.lower()
    plain = _ACCENTS.sub("", normalize_unicode("NFKD", word.casefold()))
    return normalize_unicode("NFC", plain.translate(_LETTERS))


def with_digraphs(word: str) -> str:
    """Return a word in lower case with "ae" for "ä", "oe" for "ö" and "ø", "ue" for "ü" and "aa" for "å"."""
    return word.translate(_DIGRAPHS)


@cache
def mark_ranges() -> str:
    """Return the combining marks of all scripts, for a character class of a regular expression."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0x20000):  # the first two planes hold all scripts
        if unicodedata.category(chr(code)).startswith("M"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
