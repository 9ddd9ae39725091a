"""Comparisons in several languages: "more than the technician", but not "more than 30 days"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.answer.numbers import find_numerals

_COMPARISON = re.compile(
    r"\bthan\b|\b(?:mehr|weniger|anders|[^\W\d_]{2,20}er) als\b"
    r"|\b(?:plus|moins|mieux|pire) (?:\w+ ){0,3}(?:que\b|qu['’])"
    r"|\b(?:más|menos|mejor|peor) (?:\w+ ){0,3}que\b|\b(?:più|meno|meglio|peggio) (?:\w+ ){0,3}(?:di|del|della|che)\b"
    r"|\b(?:meer|minder|[^\W\d_]{2,20}er) dan\b|(?<!\w)чем\b|より|比",
    re.IGNORECASE,
)
_FOLLOWING = 24
"""Characters behind a comparison in which a number makes it a limit."""


def find_comparisons(text: str) -> Iterator[int]:
    """Yield the index of each comparison of two things; the text is normalized."""
    for match in _COMPARISON.finditer(text):
        if not find_numerals(text[match.end() : match.end() + _FOLLOWING]):
            yield match.start()
