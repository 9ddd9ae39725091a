"""The comparison of databases runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.words_in_databases import main
from tests.rag.catalog.indexed_texts import catalog_of


def test_compares_both_databases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog_of(tmp_path / "data", {"a": "The gateway listens on port 8443.", "b": "Holidays are asked for."}).close()
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"query": "gateway port"}))
    command = [str(tmp_path / "data"), "--questions", str(questions), "--chunks", "8", "--rounds", "1"]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert told.count("the first ten differ for 0 questions") == 2
    assert "sqlite p50" in told
    assert "postgresql p50" in told
