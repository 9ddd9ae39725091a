"""Linear or not: three sizes of a text, and how the steps grow between them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ALLOWED = 0.2
"""How far growth may be from a straight line, as a share of the steps at the middle size. Quadratic growth is about 0.5
from it; a linear engine differs by what happens at the two ends of a text."""


def bend(steps: Callable[[str], int], beginning: str, piece: str, end: str, length: int) -> float:
    """Return how far the steps over texts of one, two and three times a length are from a straight line.

    0 means linear; infinity means that a limit was reached, for which `steps` returns -1.
    """
    times = max(16, length // len(piece))
    first, second, third = (steps(f"{beginning}{piece * (times * size)}{end}") for size in (1, 2, 3))
    if -1 in (first, second, third):
        return float("inf")
    return (third - 2 * second + first) / max(second, 1)


@contextmanager
def deep_recursion() -> Iterator[None]:
    """The machine calls itself once a character."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 50_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
