"""Take random steps in simulated workspaces and check that nothing leaks: `make leaks STEPS=10000 SEED=1`.

Exit code 1 if something leaks. SABOTAGE=GUARD breaks one guard in a copy of the code and expects a leak within 500
steps. SABOTAGE=all does so for each guard in turn.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.leaks.runs import STEPS_PER_WORKSPACE, run
from tests.leaks.sabotage import CAUGHT_WITHIN, GUARDS, run_sabotaged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", default=os.environ.get("SABOTAGE", ""), help=f"all, or {', '.join(GUARDS)}")
    parser.add_argument("--plain", action="store_true", help="do not minimize a counterexample")
    options = parser.parse_args()
    if options.sabotage:
        return _sabotage(options.sabotage, options.seed)
    began = time.monotonic()

    def report(taken: int) -> None:
        if taken % (STEPS_PER_WORKSPACE * 10) == 0:
            rate = taken / (time.monotonic() - began)
            print(f"{taken} steps, {rate:.1f} a second", file=sys.stderr, flush=True)  # noqa: T201

    found = run(options.steps, options.seed, report, shrink=not options.plain)
    for example in found:
        print(f"LEAK: {example.leak}, at step {example.taken}. Steps to reproduce it:")  # noqa: T201
        print("\n".join(f"  {step}" for step in example.steps))  # noqa: T201
    taken = found[0].taken if found else options.steps
    workspaces = -(-taken // STEPS_PER_WORKSPACE)
    print(f"{taken} steps, {workspaces} workspaces, {len(found)} leaks")  # noqa: T201
    return 1 if found else 0


def _sabotage(name: str, seed: int) -> int:
    missed = 0
    for guard in GUARDS if name == "all" else [name]:
        if guard not in GUARDS:
            print(f"Unknown guard {guard}. Choose one of: {', '.join(GUARDS)}", file=sys.stderr)  # noqa: T201
            return 2
        leak = run_sabotaged(guard, seed)
        missed += leak is None
        print(f"{guard:<14}{leak or f'NOT CAUGHT within {CAUGHT_WITHIN} steps'}", flush=True)  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
