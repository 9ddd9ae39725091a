"""What measures is measured: spans, and a run of its own over a drawn document."""

from pathlib import Path

import pytest

from tests.bench.speed import STAGES, draw_long, growth, in_a_process, report
from tests.bench.stopwatch import at_once, covered, length


def test_time_that_overlaps_counts_once() -> None:
    assert covered([(0, 2), (5, 6), (1, 3)]) == [(0, 3), (5, 6)]
    assert length([(0, 2), (1, 3), (5, 6)]) == 4
    assert at_once([(0, 2), (4, 6)], [(1, 5)]) == pytest.approx(2)
    assert at_once([(0, 1)], [(2, 3)]) == 0


def test_a_run_says_where_time_and_memory_went(tmp_path: Path) -> None:
    draw_long(tmp_path / "long.pdf", 20)
    run = in_a_process(tmp_path, 1, 1, ocr=False)
    assert (run.files, run.pages, run.failed, run.workers) == (1, 20, 0, 1)
    assert set(run.stages) == set(STAGES)
    assert all(run.stages[stage] > 0 for stage in STAGES if stage != "ocr")
    assert run.stages["parse"] + run.stages["layout"] + run.stages["render"] < run.reading < run.wall
    assert 0 < run.both <= min(run.reading, run.embedding)
    assert run.wall < run.reading + run.embedding + run.stages["store"] + 10
    assert len(run.child_peaks) == 1
    assert [who for who, at in growth(run, (2, 10, 20)) if min(at) > 50] == ["main", "reading"]
    assert "20 pages of 1 files" in next(report(run))
