"""Run the benchmarks of speed in turn, and write one table: `python -m tests.bench [--into FILE] [--data DIR]`.

Searches and screenshots are measured on the data folder DIR, which is only read, or else on a generated document.
Benchmarks of quality need files that are not part of the project, and are not run. Nothing else should run meanwhile:
the table has the load of the machine before and after.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import Settings, open_rag
from tests.bench.first_answer import draw
from tests.support.absent import NoEmbedder

_PAGES = 60
_LIMIT = 900
"""Seconds after which a benchmark is ended, so that the others are still run."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module of this package and its arguments."""

    what: str
    module: str
    arguments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a benchmark printed, the seconds that it took, and whether it ended well."""

    lines: tuple[str, ...]
    seconds: float
    is_complete: bool


def benchmarks(data: Path, chunks: int) -> list[Benchmark]:
    return [
        Benchmark("a shared file until its first answer", "tests.bench.first_answer", ["--wait", "0"]),
        Benchmark("screenshots", "tests.bench.screenshots", [str(data), "--count", "30"]),
        Benchmark(f"searches in {chunks:,} chunks", "tests.bench.search", [str(data), "--chunks", str(chunks)]),
        Benchmark("removing a file", "tests.bench.forgetting", ["--chunks", str(chunks)]),
        Benchmark("the bot at rest", "tests.bench.idle"),
    ]


def run(benchmark: Benchmark) -> Outcome:
    """Run a benchmark in its own process."""
    command, began = [sys.executable, "-m", benchmark.module, *benchmark.arguments], time.monotonic()
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Outcome((f"ended after {_LIMIT} s",), time.monotonic() - began, is_complete=False)
    lines = tuple(line.strip() for line in ended.stdout.splitlines() if line.strip())
    return Outcome(lines, time.monotonic() - began, is_complete=ended.returncode == 0)


def table(outcomes: Sequence[tuple[Benchmark, Outcome]], load: Sequence[float]) -> str:
    """Return the table, with the machine above it."""
    machine = f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    loads = f"load {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after"
    rows = [
        f"| {benchmark.what} | {'<br>'.join(outcome.lines)}{'' if outcome.is_complete else ' (**failed**)'} "
        f"| {outcome.seconds:.0f} s |"
        for benchmark, outcome in outcomes
    ]
    return "\n".join([f"{machine}; {loads}.", "", "| What | Result | Took |", "|---|---|---|", *rows, ""])


def index_generated(data: Path) -> None:
    """Index a generated document into a new data folder."""
    path = data.parent / "text.pdf"
    draw(path, _PAGES, scanned=False)
    settings = Settings(data=data, answer={"model": ""}, text={"model": ""}, read={"layout": False})
    with open_rag(settings, embedder=NoEmbedder()) as rag:
        rag.index([path])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=Path("bench.md"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--chunks", type=int, default=30_000)
    options = parser.parse_args()
    load, outcomes = os.getloadavg(), list[tuple[Benchmark, Outcome]]()
    with tempfile.TemporaryDirectory() as folder:
        data = options.data
        if data is None:
            data = Path(folder) / "data"
            index_generated(data)
        for benchmark in benchmarks(data, options.chunks):
            outcomes.append((benchmark, run(benchmark)))
            print(f"{benchmark.what}: {'; '.join(outcomes[-1][1].lines)}", flush=True)  # noqa: T201
    options.into.write_text(table(outcomes, load))
    print(f"The table is in {options.into}.")  # noqa: T201
    return 0 if all(outcome.is_complete for _, outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
