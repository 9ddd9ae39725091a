"""The table of all benchmarks has what each printed, and those that failed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.bench.__main__ import Benchmark, benchmarks, run, table


def test_table_has_what_each_benchmark_printed(capfd: pytest.CaptureFixture[str]) -> None:
    works, fails = Benchmark("a platform", "platform"), Benchmark("nothing", "tests.bench.missing")
    done = [(one, run(one)) for one in (works, fails)]
    assert [outcome.is_complete for _, outcome in done] == [True, False]
    text = table(done, (1.5, 0, 0))
    assert "load 1.5 before" in text
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    assert rows[1].startswith(f"| a platform | {done[0][1].lines[0]} |")
    assert "(**failed**)" in rows[2]
    assert "missing" in capfd.readouterr().err


def test_every_benchmark_is_a_module_with_a_main(tmp_path: Path) -> None:
    for benchmark in benchmarks(tmp_path, 100):
        assert callable(importlib.import_module(benchmark.module).main)
