"""`make leaks STEPS=10000 SEED=1`: random workspaces, and whether anything gets where it must not.

Exit code 1 when something leaks. SABOTAGE=SURFACE breaks one guard in a copy of the code, which must be caught within
500 steps; SABOTAGE=all breaks each in turn.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.leaks.runs import A_WORKSPACE, run
from tests.leaks.sabotage import CAUGHT_WITHIN, GUARDS, run_sabotaged


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", default=os.environ.get("SABOTAGE", ""), help=f"all, or {', '.join(GUARDS)}")
    parser.add_argument("--plain", action="store_true", help="do not make a counterexample shorter")
    options = parser.parse_args()
    if options.sabotage:
        return _sabotage(options.sabotage, options.seed)
    began = time.monotonic()

    def told(taken: int) -> None:
        if taken % (A_WORKSPACE * 10) == 0:
            rate = taken / (time.monotonic() - began)
            print(f"{taken} steps, {rate:.1f} a second", file=sys.stderr, flush=True)  # noqa: T201

    found = run(options.steps, options.seed, told, shrink=not options.plain)
    for one in found:
        print(f"LEAK: {one.leak}, at step {one.taken}. The shortest way there:")  # noqa: T201
        print("\n".join(f"  {step}" for step in one.steps))  # noqa: T201
    taken = found[0].taken if found else options.steps
    workspaces = -(-taken // A_WORKSPACE)
    print(f"{taken} steps, {workspaces} workspaces, {len(found)} leaks")  # noqa: T201
    return 1 if found else 0


def _sabotage(surface: str, seed: int) -> int:
    missed = 0
    for guard in GUARDS if surface == "all" else [surface]:
        if guard not in GUARDS:
            print(f"There is no guard {guard}. There are: {', '.join(GUARDS)}", file=sys.stderr)  # noqa: T201
            return 2
        said = run_sabotaged(guard, seed)
        missed += said is None
        print(f"{guard:<14}{said or f'NOT CAUGHT within {CAUGHT_WITHIN} steps'}", flush=True)  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
