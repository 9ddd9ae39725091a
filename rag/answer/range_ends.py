"""Which end of a range a statement means: "begins on" and "from" its first, "ends on" and "until" its last."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer.page_text import Fact

_FIRST = re.compile(
    r"\b(?:beg[aiu]n{1,2}\w{0,4}|start\w{0,3}|from|since|ab|seit|commenc\w{1,5}|débute\w{0,2}|dès|à partir|depuis|"
    r"desde|empieza\w?|comienza\w?|inizia\w?|dal|начина\w{1,4})\b[^,.;:\d]{0,24}$",
    re.IGNORECASE,
)
_LAST = re.compile(
    r"\b(?:end|ends|ended|until|till|up to|endet|enden|bis|finit|finissent|se terminent?|jusqu['’]\w{1,2}|hasta|"
    r"terminan?|fino|termina|заканчива\w{1,4}|до)\b[^,.;:\d]{0,24}$",
    re.IGNORECASE,
)


def is_other_end(lead: str, own: Sequence[Fact], facts: Sequence[Fact]) -> bool:
    """Return whether a statement's value is always the other end of a range than the words before it, `lead`, say.

    `own` are those of the page's `facts` that have the value.
    """
    first, last = _FIRST.search(lead) is not None, _LAST.search(lead) is not None
    if first == last or not own:
        return False
    ends: dict[int, Fact] = {}  # the first or last value of each range
    for fact in facts:
        end = ends.setdefault(fact.range, fact)
        if fact.place != end.place and (fact.place < end.place) == first:
            ends[fact.range] = fact
    return all(ends[fact.range].values != fact.values for fact in own)
