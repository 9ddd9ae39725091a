"""Break one access guard at a time in a copy of the code, and run the leak test, which must find a leak."""

from __future__ import annotations

from tests.leaks.guards import GUARDS, OFTEN
from tests.support.mutations import mutated_copy, run_module

CAUGHT_WITHIN = 500
"""Steps."""


def run_sabotaged(name: str, seed: int, processes: int) -> str | None:
    """Run the leak test with one guard broken. Return the leak and its step, or None."""
    with mutated_copy(GUARDS[name]) as copy:
        arguments = ["--steps", str(CAUGHT_WITHIN), "--seed", str(seed), "--plain", "--processes", str(processes)]
        arguments += [f"--often={kind}" for kind in OFTEN.get(name, ())]
        result = run_module(copy, "tests.leaks", arguments, {"SABOTAGE": ""}, capture=True)
    if result.returncode == 0:
        return None
    found = [line for line in result.stdout.splitlines() if line.startswith("LEAK")]
    if not found:
        raise RuntimeError(f"the run with {name} broken ended with {result.returncode}: {result.stderr[-2000:]}")
    return found[0].removeprefix("LEAK: ").removesuffix(". Steps to reproduce it:")
