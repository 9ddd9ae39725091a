"""Text as a reader sees it: without invisible characters, and with one character for each look-alike."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u034f\u061c\u180b-\u180f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Control characters other than tab and line feed, marks that change the direction of text, and letters that are not
displayed. Joiners, soft hyphens and variation selectors are not among them: scripts and emoji need those."""

_ZERO_WIDTH = frozenset("\u00ad\u115f\u1160\u200b\u200c\u200d\u200e\u200f\u3164\uffa0")
_MARK_CATEGORIES = ("Mn", "Me", "Cf")

_MAX_MARKS = 30
"""Combining marks on one letter, as in the Stream-Safe Text Format of Unicode (UAX #15)."""

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


def without_invisible(text: str) -> str:
    """Return the text without the characters that no reader sees and no script needs.

    Whatever checks a text that is later displayed has to call this first: a character that is removed after the check
    can hide what the check looks for.
    """
    return _INVISIBLE.sub("", text)


def bare(text: str) -> str:
    """Return the letters, digits and punctuation of a short text in their plain forms, and nothing else.

    Invisible characters, accents and Markdown emphasis are removed and every numeral is written in digits: "⑧", "Ⅷ"
    and "*8*" all become "8". Only for comparing; the result is not meant to be displayed.
    """
    kept = "".join(
        _digit(sign)
        for sign in text
        if sign not in _ZERO_WIDTH and unicodedata.category(sign) not in _MARK_CATEGORIES and sign not in "*_~`\\"
    )
    return normalized("NFKC", kept)


def _digit(sign: str) -> str:
    """A numeral such as ⑧, ❽, Ⅷ or 八 as digits; any other character as it is."""
    value = unicodedata.numeric(sign, -1.0)
    return str(int(value)) if value >= 0 and value == int(value) and not sign.isascii() else sign


@cache
def _too_many_marks() -> re.Pattern[str]:
    """A run of more than _MAX_MARKS characters that normalization may reorder."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0x20000):  # the first two planes hold all scripts
        if unicodedata.combining(chr(code)):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    marks = "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
    return re.compile(f"([{marks}]{{{_MAX_MARKS}}})[{marks}]+")


def normalized(form: Form, text: str) -> str:
    """Return the text in a Unicode normal form, with at most 30 combining marks on a letter.

    Normalization sorts the marks of a letter in quadratic time, so a letter with 20,000 of them takes seconds.
    """
    return unicodedata.normalize(form, text if text.isascii() else _too_many_marks().sub(r"\1", text))
