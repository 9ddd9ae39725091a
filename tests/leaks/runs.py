"""Runs over many workspaces, and the shortest list of steps that still leaks."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.leaks.choosing import Step
from tests.leaks.steps import begin, draw, take
from tests.leaks.town import Leak, open_town

A_WORKSPACE = 60
"""Steps in one workspace."""

_TRIES = 60
"""Lists tried while a counterexample is made shorter; each is a workspace of its own."""


@dataclass(frozen=True)
class Found:
    """A leak, the steps that lead to it, and how many steps of the whole run were taken until then."""

    leak: str
    steps: tuple[Step, ...]
    taken: int


def play(steps: Sequence[Step]) -> tuple[str, int] | None:
    """What leaks and at which step, or None."""
    folder = Path(tempfile.mkdtemp(prefix="leaks-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        with open_town(folder / "data") as town:
            taken = 0
            try:
                begin(town)
                for step in steps:
                    taken += 1
                    take(town, step)
                town.leftovers()
            except Leak as leak:
                return str(leak), taken
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


Judge = Callable[[Sequence[Step]], tuple[str, int] | None]


def shortest(steps: Sequence[Step], leak: str, tries: int = _TRIES, judge: Judge = play) -> list[Step]:
    """Delta debugging (Zeller and Hildebrandt, 2002): leave out as many steps as can be left out."""
    kept, part = list(steps), 2
    while len(kept) > 1 and tries > 0:
        size = max(1, len(kept) // part)
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            tries -= 1
            found = judge(fewer)
            if found is not None and found[0] == leak:
                kept, part = fewer[: found[1]] if found[1] else fewer, max(2, part - 1)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            part = min(len(kept), part * 2)
    return kept


def run(steps: int, seed: int, told: Callable[[int], None] = lambda _: None, shrink: bool = True) -> list[Found]:
    """Take this many steps in as many workspaces as that needs; ends at the first leak."""
    chance, taken = random.Random(seed), 0
    while taken < steps:
        drawn = draw(chance, min(A_WORKSPACE, steps - taken))
        found = play(drawn)
        if found is not None:
            leak, at = found
            short = shortest(drawn[:at], leak) if shrink else drawn[:at]
            return [Found(leak, tuple(short), taken + at)]
        taken += len(drawn)
        told(taken)
    return []
