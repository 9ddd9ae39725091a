"""Run steps in many workspaces, and minimize a list of steps that leaks."""

from __future__ import annotations

import gc
import multiprocessing
import random
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.leaks.selection import Step
from tests.leaks.simulation import open_simulation
from tests.leaks.steps import draw_steps, set_up, take_step
from tests.leaks.watched import Leak

STEPS_PER_WORKSPACE = 60

_MAX_TRIES = 60
"""Lists that are tried to minimize a counterexample. Each needs its own workspace."""


@dataclass(frozen=True)
class Counterexample:
    """A leak, the steps that lead to it, and the number of steps that the run had taken."""

    leak: str
    steps: tuple[Step, ...]
    taken: int
    detail: str = ""


class Found(NamedTuple):
    """A leak, the number of steps taken, and what distinguishes this run."""

    leak: str
    taken: int
    detail: str = ""


def play(steps: Sequence[Step], on_step: Callable[[Step], None] = lambda _: None) -> Found | None:
    """Take steps in a new workspace. Return the first leak, or None."""
    folder = Path(tempfile.mkdtemp(prefix="leaks-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        with open_simulation(folder / "data") as simulation:
            taken = 0
            try:
                set_up(simulation)
                for step in steps:
                    taken += 1
                    on_step(step)
                    take_step(simulation, step)
                simulation.check_end()
            except Leak as leak:
                return Found(str(leak), taken, str(leak.detail))
            except Exception as error:
                error.add_note("Steps: " + ", ".join(map(str, steps[:taken])))
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _freeze_modules()
    return None


@cache
def _freeze_modules() -> None:
    """Leave out the modules loaded by now from garbage collections, which take a twentieth of the time otherwise."""
    gc.collect()
    gc.freeze()


Judge = Callable[[Sequence[Step]], Found | None]
"""Returns what `play` returns."""


def minimize(steps: Sequence[Step], leak: str, tries: int = _MAX_TRIES, judge: Judge = play) -> list[Step]:
    """Return fewer steps that give the same leak, by delta debugging (Zeller and Hildebrandt, 2002)."""
    kept, part = list(steps), 2
    while len(kept) > 1 and tries > 0:
        size = max(1, len(kept) // part)
        for start in range(0, len(kept), size):
            fewer = kept[:start] + kept[start + size :]
            tries -= 1
            found = judge(fewer)
            if found is not None and found.leak == leak:
                kept, part = fewer[: found.taken] if found.taken else fewer, max(2, part - 1)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            part = min(len(kept), part * 2)
    return kept


def run(
    steps: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda _: None,
    *,
    shrink: bool = True,
    processes: int = 1,
    often: Collection[str] = (),
) -> list[Counterexample]:
    """Take this many steps in as many workspaces as needed, each in one of `processes` processes.

    The steps of a workspace depend on the seed, its number and `often` alone; see `draw_steps`. Return the first leak
    that was noticed, or an empty list.
    """
    taken = 0
    with ExitStack() as closing:
        for drawn, found in closing.enter_context(_played(_draw(steps, seed, often), processes)):
            if found is not None:
                leak, at = found.leak, found.taken
                short = minimize(drawn[:at], leak) if shrink else drawn[:at]
                return [Counterexample(leak, tuple(short), taken + at, found.detail)]
            taken += len(drawn)
            on_progress(taken)
    return []


Played = Iterator[tuple[Sequence[Step], Found | None]]
"""Lists of steps, each with what `play` returns."""


def _draw(steps: int, seed: int, often: Collection[str]) -> list[list[Step]]:
    """Return the steps of each workspace."""
    chance = random.Random(seed)
    counts = [min(STEPS_PER_WORKSPACE, steps - at) for at in range(0, steps, STEPS_PER_WORKSPACE)]
    return [draw_steps(chance, count, often) for count in counts]


@contextmanager
def _played(drawn: Sequence[Sequence[Step]], processes: int) -> Iterator[Played]:
    """Yield the lists of steps as they are played. The processes end with the block."""
    if processes == 1:
        yield ((steps, play(steps)) for steps in drawn)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield _play_in(pool, list(drawn), processes)


def _play_in(pool: ProcessPoolExecutor, drawn: list[Sequence[Step]], processes: int) -> Played:
    """Yield the lists of steps as they are played. Only `processes` of them are given to the pool at a time, so that
    it can end soon."""
    waiting = drawn[::-1]
    running: dict[Future[Found | None], Sequence[Step]] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            steps = waiting.pop()
            running[pool.submit(play, steps)] = steps
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), future.result()
