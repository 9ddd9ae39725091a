"""No regular expression of the product takes more than linear time on any text."""

from __future__ import annotations

import re

import pytest

from tests.complexity.families import texts_for
from tests.complexity.growth import ALLOWED, bend, deep_recursion
from tests.complexity.machine import Machine, TooManySteps
from tests.complexity.patterns import Used, all_patterns

PATTERNS = all_patterns()
LENGTH, LOWERED = 50, 5
"""Characters of the shortest of three texts, and the upper bound that replaces larger ones: texts go far beyond it."""

MOST = 3000
"""Steps a character that a pattern with large bounds may take."""


def steps(machine: Machine, text: str, way: str) -> int:
    """The steps of a text; -1 for more than the machine's limit."""
    machine.steps = 0
    try:
        machine.run(text, way)
    except TooManySteps:
        return -1
    return machine.steps


def bent(one: Used) -> list[tuple[float, tuple[str, str, str]]]:
    """The texts on which a pattern's steps do not grow in a straight line."""
    machine = Machine(one.pattern, LOWERED, limit=100_000)
    with deep_recursion():
        tried = [
            (bend(lambda text: steps(machine, text, one.way), *made, LENGTH), made) for made in texts_for(one.pattern)
        ]
    return [each for each in tried if each[0] > ALLOWED]


@pytest.mark.parametrize("one", PATTERNS, ids=lambda one: one.where)
def test_steps_of_a_pattern_grow_with_the_text_alone(one: Used) -> None:
    assert bent(one) == []


@pytest.mark.parametrize(
    ("pattern", "way"),
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
def test_a_pattern_that_takes_more_is_found(pattern: str, way: str) -> None:
    compiled = re.compile(pattern, re.MULTILINE if pattern.startswith("^") else 0)
    assert bent(Used("here", compiled, frozenset([way])))


@pytest.mark.parametrize("one", [one for one in PATTERNS if one.largest_bound > LOWERED], ids=lambda one: one.where)
def test_large_bounds_cost_a_bounded_number_of_steps(one: Used) -> None:
    with deep_recursion():
        for beginning, piece, end in texts_for(one.pattern)[::7]:
            text = f"{beginning}{piece * (400 // len(piece))}{end}"
            machine = Machine(one.pattern, limit=MOST * len(text))
            assert steps(machine, text, one.way) >= 0, (beginning, piece, end)


@pytest.mark.parametrize("one", PATTERNS, ids=lambda one: one.where)
def test_the_machine_finds_what_re_finds(one: Used) -> None:
    """Otherwise its steps would say nothing about `re`."""
    machine = Machine(one.pattern)
    with deep_recursion():
        for beginning, piece, end in texts_for(one.pattern)[::3]:
            text = f"{beginning}{piece * 3}{end} {piece}\n{beginning}"
            assert machine.spans(text) == [match.span() for match in one.pattern.finditer(text)], text
