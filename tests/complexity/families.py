"""Texts that are expensive for a backtracking engine: general ones, and texts for a given pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any

from tests.complexity.machine import _REPEATS, _SINGLE, Node, repeats_in

_SIGNS = "a1 A_-.,;:/\\|!?#*<>[](){}\"'`~=+&@%\n\tz0éßあ。…“»–•\0\x1b\u200b"

GENERAL = (
    *'a1 A_.,:<[(|-*#\n"',
    "111 ",
    "1,111",
    "1 May 2024 ",
    "1/1/2024 ",
    "1 pm ",
    "e.g. ",
    "a. b ",
    "a.bb",
    "aA",
    "x-y-",
    "[1] ",
    "[1[9",
    "[1, ",
    "([9], ",
    "[a](http:x",
    "<http://a",
    "<https://a|",
    "<#C|",
    "<@U",
    "**a ",
    "- a\n",
    "\n\n- a\n",
    "a\n\n",
    "| - ",
    "|:-",
    "```\n",
    "\x1b[0;",
    "list of ",
    "chapter titles list ",
    "report was ",
    "figure 1.",
    "page 1 and ",
    "write e.g. ",
    "answer in a ",
    ". ",
    "Word Word ",
    ":a",
    "a:",
    "&lt;",
    "中1",
)
"""Pieces of text to repeat."""


def texts_for(pattern: re.Pattern[str]) -> list[tuple[str, str, str]]:
    """Return (beginning, piece to repeat, end) of the texts to try a pattern with."""
    tree = _parser.parse(pattern.pattern, pattern.flags)
    found: dict[tuple[str, str, str], None] = {("", piece, ""): None for piece in GENERAL}
    for before, inside, most in repeats_in(tree):
        if isinstance(most, int) and most is not _parser.MAXREPEAT and most <= 1:
            continue
        head = "".join(_sample(node, tree.state, pattern.flags, 0) for node in before)
        for choice in range(3):
            body = "".join(_sample(node, tree.state, pattern.flags, choice) for node in inside)
            if not body:
                continue
            for end in ("", "\0"):
                found |= {(head, body, end): None, ("", head + body, end): None}
    return list(found)


def _sample(node: Node, state: Any, flags: int, choice: int) -> str:
    """Return a short text that a node matches. `choice` selects among its alternatives."""
    kind, given = node
    if kind in _SINGLE:
        compiled = _compiler.compile(_parser.SubPattern(state, [node]), flags & ~re.DEBUG)
        signs = ([chr(given)] if kind is _parser.LITERAL else []) + [sign for sign in _SIGNS if compiled.match(sign)]
        signs += [chr(code) for code in _codes(given) if compiled.match(chr(code))]
        return signs[choice % len(signs)] if signs else ""
    inside: Iterator[Node] = iter(())
    times = 1
    if kind in _REPEATS:
        inside, times = iter(given[2]), max(1, min(given[0], 3))
    elif kind is _parser.BRANCH:
        inside = iter(given[1][choice % len(given[1])])
    elif kind is _parser.SUBPATTERN:
        inside = iter(given[3])
    elif kind is _parser.ATOMIC_GROUP:
        inside = iter(given)
    return "".join(_sample(each, state, flags, choice) for each in inside) * times


def _codes(given: Any) -> Iterator[int]:
    """Yield the code points that a character set lists."""
    for kind, value in given if isinstance(given, list) else ():
        if kind is _parser.LITERAL:
            yield value
        elif kind is _parser.RANGE:
            yield value[0]
