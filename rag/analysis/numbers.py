"""Find numbers, account numbers and telephone numbers that are written in groups of digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

_GROUPED = re.compile(r"(?<![\w.,'’])\d{1,3}(?:([ .,'’])\d{3})(?:\1\d{3})*(?:[.,]\d{1,2})?(?![\w'’]|[.,]\d)")
"""1,250,000 · 1.250.000 · 1 250 000 · 1'250'000, also with decimals."""

_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"\b(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}|\d{4}[ -]\d{6}[ -]\d{5})\b")
_PHONE = re.compile(r"(?<![\w.])(?:\+\d|\(0?\d|0\d)(?:[ ()/-]{0,2}\d){6,14}(?!\w)")


_PATTERNS = (_IBAN, _CARD, _GROUPED, _PHONE)
_DECIMALS = re.compile(r"[.,]\d{1,2}$")


def grouped_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, the number without its separators) of each grouped number of a normalized text.

    The decimals of a number are left out. An international telephone number has no "+".
    """
    end = 0
    for match in sorted(chain.from_iterable(pattern.finditer(text) for pattern in _PATTERNS), key=re.Match.start):
        number = _DECIMALS.sub("", match[0]) if match.re is _GROUPED else match[0]
        joined = re.sub(r"[\W_]", "", number).lower()
        if match.start() >= end and joined != match[0]:
            yield match.start(), match.end(), joined
            end = match.end()
