"""The speed benchmark: spans, and a run with a generated document."""

from pathlib import Path

import pytest

from tests.bench.speed import STAGES, draw_long, growth, in_a_process, report
from tests.bench.stopwatch import merge_spans, overlap, total_length


def test_overlapping_time_is_counted_once() -> None:
    assert merge_spans([(0, 2), (5, 6), (1, 3)]) == [(0, 3), (5, 6)]
    assert total_length([(0, 2), (1, 3), (5, 6)]) == 4
    assert overlap([(0, 2), (4, 6)], [(1, 5)]) == pytest.approx(2)
    assert overlap([(0, 1)], [(2, 3)]) == 0


def test_run_reports_time_and_memory(tmp_path: Path) -> None:
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
