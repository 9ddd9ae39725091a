"""No regular expression of the product takes more than linear time on any text."""

from __future__ import annotations

import re

import pytest

from tests.complexity.families import texts_for
from tests.complexity.growth import ALLOWED, deep_recursion, nonlinearity
from tests.complexity.machine import Machine, TooManySteps
from tests.complexity.patterns import UsedPattern, all_patterns

PATTERNS = all_patterns()
LENGTH, LOWERED = 50, 5
"""Characters of the shortest text, and the upper bound that replaces larger bounds of repeats."""

MAX_STEPS = 3000
"""Steps per character that a pattern with large bounds may take."""


def steps(machine: Machine, text: str, method: str) -> int:
    """Return the steps for a text, or -1 for more than the machine's limit."""
    machine.steps = 0
    try:
        machine.run(text, method)
    except TooManySteps:
        return -1
    return machine.steps


def nonlinear_texts(used: UsedPattern) -> list[tuple[float, tuple[str, str, str]]]:
    """Return the texts for which a pattern's steps do not grow linearly."""
    machine = Machine(used.pattern, LOWERED, limit=100_000)
    with deep_recursion():
        results = [
            (nonlinearity(lambda text: steps(machine, text, used.method), *made, LENGTH), made)
            for made in texts_for(used.pattern)
        ]
    return [each for each in results if each[0] > ALLOWED]


@pytest.mark.parametrize("used", PATTERNS, ids=lambda used: used.where)
def test_steps_of_a_pattern_grow_linearly(used: UsedPattern) -> None:
    assert nonlinear_texts(used) == []


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\w*\d\w*", "all"),
        (r"<[^|>]+\|([^>]+)>", "all"),
        (r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", "all"),
        (r"(?:list|name)s?\b[^.?!]*\bchapter", "search"),
        (r"[.!?]+[\"')]*[ \t]+(?=\S)", "all"),
        (r"(?:^|[\s_*])[\s_*]*$", "search"),
        (r"[ \t]*\|?[ \t]*:?-+", "fullmatch"),
        (r"(a+)+b", "match"),
        (r"(?:a|a)*c", "match"),
    ],
)
def test_superlinear_pattern_is_detected(pattern: str, method: str) -> None:
    compiled = re.compile(pattern, re.MULTILINE if pattern.startswith("^") else 0)
    assert nonlinear_texts(UsedPattern("here", compiled, frozenset([method])))


@pytest.mark.parametrize(
    "used", [used for used in PATTERNS if used.largest_bound > LOWERED], ids=lambda used: used.where
)
def test_large_bounds_take_a_limited_number_of_steps(used: UsedPattern) -> None:
    with deep_recursion():
        for beginning, piece, end in texts_for(used.pattern)[::7]:
            text = f"{beginning}{piece * (400 // len(piece))}{end}"
            machine = Machine(used.pattern, limit=MAX_STEPS * len(text))
            assert steps(machine, text, used.method) >= 0, (beginning, piece, end)


@pytest.mark.parametrize("used", PATTERNS, ids=lambda used: used.where)
def test_machine_finds_what_re_finds(used: UsedPattern) -> None:
    """Check that the machine matches like `re`, so that its steps are comparable."""
    machine = Machine(used.pattern)
    with deep_recursion():
        for beginning, piece, end in texts_for(used.pattern)[::3]:
            text = f"{beginning}{piece * 3}{end} {piece}\n{beginning}"
            assert machine.spans(text) == [match.span() for match in used.pattern.finditer(text)], text
