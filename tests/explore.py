"""Run the property tests with new random examples, again and again: `make explore MINUTES=60`.

What fails is kept in .hypothesis/examples and tried first by the next run. Exit code 1 if something failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

_HARDEST = 3600
"""Seconds that one test may take, instead of the 120 of a usual run."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("paths", nargs="*", default=["tests"], help="folders or files (default: tests)")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    rounds = 0
    while (left := end - time.monotonic()) > 0:
        # One process: what it keeps of failures is not written by several at once.
        command = [sys.executable, "-m", "pytest", "-n", "0", "-m", "hypothesis", "--hypothesis-profile=explore"]
        command += ["-o", f"timeout={_HARDEST}", *options.paths]
        try:
            done = subprocess.run(command, timeout=left, check=False, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            break
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n")  # noqa: T201
            return 1
        rounds += 1
        print(f"Round {rounds}: {done.stdout.strip().splitlines()[-1]}", flush=True)  # noqa: T201
    print(f"No failure in {options.minutes:g} minutes, {rounds} complete rounds.")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
