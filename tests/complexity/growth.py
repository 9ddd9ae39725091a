"""Whether steps grow linearly, measured at three sizes of a text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ALLOWED = 0.2
"""The largest nonlinearity that passes. It is about 0.5 for quadratic growth, and small for a linear engine."""


def nonlinearity(steps: Callable[[str], int], beginning: str, piece: str, end: str, length: int) -> float:
    """Return the second difference of the steps for one, two and three times a length, relative to the middle one.

    0 means linear. Infinity means that a limit was reached, for which `steps` returns -1.
    """
    times = max(16, length // len(piece))
    first, second, third = (steps(f"{beginning}{piece * (times * size)}{end}") for size in (1, 2, 3))
    if -1 in (first, second, third):
        return float("inf")
    return (third - 2 * second + first) / max(second, 1)


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Raise the recursion limit, because the regex engine here recurses for each character."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 50_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
