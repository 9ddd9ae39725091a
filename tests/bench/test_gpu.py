"""The benchmark of large models, with tiny ones on the CPU."""

from __future__ import annotations

from pathlib import Path

from rag.setting_groups import EmbedSettings, PageImageSettings
from tests.bench.gpu import measure_pages, report
from tests.support.tiny_clip import TINY as TINY_CLIP
from tests.support.tiny_page_model.build import TINY

PAGES = PageImageSettings(device="cpu", batch=2)


def test_pages_are_measured_from_files_to_store(tmp_path: Path) -> None:
    found = measure_pages(TINY, PAGES, 4, 1, tmp_path)
    assert found.device == "cpu"
    assert found.peak is None
    assert found.per_second > 0
    assert found.share == found.per_second / found.alone
    assert 0.5e6 < found.weights < 2e6
    assert found.page == 7 * 5 * (TINY.dim + 4), "a page is taller than wide"


def test_report_goes_on_without_a_model_that_cannot_be_measured() -> None:
    unknown = EmbedSettings(device="cpu", model="no-such-model", weights="none")
    lines = list(report([unknown, TINY_CLIP], 2, TINY, PAGES, 2, 1))
    assert lines[0].startswith("no-such-model: not measured: ")
    assert any(line.startswith("magpie-tiny on CPU") for line in lines)
    assert any("pages: " in line and "of the model alone" in line for line in lines)
