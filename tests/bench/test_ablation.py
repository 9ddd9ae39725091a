"""The ablation: search with everything, then without one lane or query feature."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag import Settings
from rag.setting_groups import QUERY_FEATURES
from tests.bench.ablation import harmed_kinds, interval, main, variants
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


def test_each_variant_leaves_one_out(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, search={"lanes": ("words", "place")})
    made = dict(variants(settings))
    assert made["everything"] == settings
    assert made["without lane place"].search.lanes == ("words",)
    assert made["lane place alone"].search.lanes == ("place",)
    for feature in QUERY_FEATURES:
        assert set(QUERY_FEATURES) - set(made[f"without {feature}"].search.query_features) == {feature}
    assert made["without any of these"].search.query_features == ()
    assert not any("lane" in name for name, _ in variants(settings, lanes=False))


def test_interval_is_that_of_the_sum() -> None:
    assert interval([1.0] * 8) == (8.0, 8.0)
    low, high = interval([1.0, -1.0] * 20)
    assert low < 0 < high


def test_kinds_that_gain_two_questions_are_harmed() -> None:
    gains = {"a": 1.0, "b": 1.0, "c": 1.0, "d": -1.0}
    assert harmed_kinds(gains, {"a": "report", "b": "report", "c": "slides", "d": "slides"}) == {"report": 2.0}


def test_report_has_a_line_with_recall_for_each_variant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pdf").write_text("The gateway listens on port 8443.\fHerons nest here.")
    (tmp_path / "q.jsonl").write_text(
        json.dumps({"id": 1, "query": "Which port does the gateway use?", "file": "a.pdf", "pages": [1]})
    )
    data = tmp_path / "data"
    with open_rag(Settings(data=data, read={"workers": 1}), extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        rag.index([tmp_path / "a.pdf"])
    assert main([str(data), "--questions", str(tmp_path / "q.jsonl")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["everything", *["100.0"] * 8]
    without = next(line for line in lines if line.startswith("without lane words"))
    assert without.split()[-6:] == ["-1.0", "[-1.0,", "-1.0]"] * 2
    assert main([str(data), "--questions", str(tmp_path / "none.jsonl")]) == 1
