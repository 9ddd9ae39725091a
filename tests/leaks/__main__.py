"""Take random steps in simulated workspaces and check that nothing leaks: `make leaks STEPS=10000 SEED=1`.

Exit code 1 if something leaks. SABOTAGE=GUARD breaks one guard in a copy of the code and expects a leak within 500
steps. SABOTAGE=all does so for each guard in turn.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

from tests.leaks.guards import GUARDS
from tests.leaks.runs import STEPS_PER_WORKSPACE, play, run
from tests.leaks.sabotage import CAUGHT_WITHIN, run_sabotaged
from tests.leaks.selection import Step

_EVERY = 300
"""Steps between two reports of progress."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", default=os.environ.get("SABOTAGE", ""), help=f"all, or {', '.join(GUARDS)}")
    parser.add_argument("--plain", action="store_true", help="do not minimize a counterexample")
    parser.add_argument("--processes", type=int, default=_cores(), help="workspaces at a time (default: one per core)")
    parser.add_argument("--play", type=Path, metavar="FILE", help="take the steps in this file, one a line")
    parser.add_argument(
        "--often", action="append", default=[], metavar="STEP", help="draw this step thirty times as often"
    )
    options = parser.parse_args()
    if options.play:
        return _play(options.play)
    if options.sabotage:
        return _sabotage(options.sabotage, options.seed, options.processes)
    began = time.monotonic()

    def report(taken: int) -> None:
        if taken // _EVERY > (taken - STEPS_PER_WORKSPACE) // _EVERY:
            print(f"{taken} steps, {_rate(taken, began)}", file=sys.stderr, flush=True)  # noqa: T201

    found = run(
        options.steps, options.seed, report, shrink=not options.plain, processes=options.processes, often=options.often
    )
    for example in found:
        print(f"LEAK: {example.leak}, at step {example.taken}. Steps to reproduce it:")  # noqa: T201
        print(f"  ({example.detail})")  # noqa: T201
        print("\n".join(f"  {step}" for step in example.steps))  # noqa: T201
    taken = found[0].taken if found else options.steps
    workspaces = -(-taken // STEPS_PER_WORKSPACE)
    print(f"{taken} steps, {workspaces} workspaces, {len(found)} leaks, {_rate(taken, began)}")  # noqa: T201
    return 1 if found else 0


def _play(file: Path) -> int:
    """Take steps as a counterexample lists them, and print them and the first leak."""
    steps = [Step.parse(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = play(steps, on_step=lambda step: print(f"- {step}", flush=True))  # noqa: T201
    print("no leak" if found is None else f"LEAK: {found.leak}, at step {found.taken}. {found.detail}")  # noqa: T201
    return 0 if found is None else 1


def _rate(taken: int, began: float) -> str:
    """Return the speed, and the CPU time of a step, which other work on the machine changes less."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(each.ru_utime + each.ru_stime for each in used)
    return f"{taken / (time.monotonic() - began):.1f} a second, {seconds / taken * 1000:.0f} ms of CPU time each"


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sabotage(name: str, seed: int, processes: int) -> int:
    missed = 0
    for guard in GUARDS if name == "all" else [name]:
        if guard not in GUARDS:
            print(f"Unknown guard {guard}. Choose one of: {', '.join(GUARDS)}", file=sys.stderr)  # noqa: T201
            return 2
        leak = run_sabotaged(guard, seed, processes)
        missed += leak is None
        print(f"{guard:<17}{leak or f'NOT CAUGHT within {CAUGHT_WITHIN} steps'}", flush=True)  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
