"""`magpie eval` and `train-decision`: what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bot.conftest import Run
from tests.support.engine import FakeEngine, answer, hit


def test_eval_prints_and_writes_results(run: Run, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text(
        '{"id": "1", "query": "relay", "file": "handbook.pdf", "pages": [12], "kinds": ["Table"]}\n'
        '{"id": "2", "query": "relay", "file": "gone.pdf", "pages": [1]}\n'
    )
    engine = FakeEngine(hits=[hit(1, "handbook.pdf", 3), hit(2, "handbook.pdf", 12)])
    arguments = ["eval", "--questions", "q.jsonl", "--json", "out.json", "--report", "out.html"]
    code, out, err = run(engine, *arguments)
    assert code == 0
    shape = json.loads((tmp_path / "out.json").read_text())
    assert set(shape) == {"questions", "fused", "lanes", "kinds", "domains", "declined", "query_ms", "stage_ms"}
    assert shape["fused"]["recall@1"] == 0
    assert shape["fused"]["mrr"] == 0.5
    assert "fused" in out
    assert "Table" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "1 question about 1 file not indexed (gone.pdf)" in " ".join(err.split())
    assert "Nothing was missed" in (tmp_path / "out.html").read_text()
    for spelling in (["--json", *arguments[:3]], [*arguments[:3], "--json", "-"]):
        code, out, _ = run(engine, *spelling)
        assert code == 0
        assert json.loads(out)["questions"] == 1


def test_eval_of_answers_prints_and_writes_results(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(
        '{"id": "1", "query": "relay", "file": "handbook.pdf", "pages": [12], "answer": "It listens."}\n'
        '{"id": "2", "query": "gull", "pages": []}\n'
    )
    engine = FakeEngine(answered=answer("The relay listens [1].", hit(1, "handbook.pdf", 12)))
    code, out, _ = run(engine, "eval", "--answers", "--questions", "q.jsonl", "--json", "out.json")
    assert code == 0
    shape = json.loads((tmp_path / "out.json").read_text())
    assert shape["citations"]["right"] == 1
    assert shape["not_found"] == {"precision": None, "recall": 0.0}
    assert "Not found: precision – %, recall 0.0 %" in " ".join(out.split())
    assert max(len(line) for line in out.splitlines()) <= 80
    code, out, _ = run(engine, "--json", "eval", "--answers", "--questions", "q.jsonl")
    assert code == 0
    assert json.loads(out)["shown"]["absent"]["answer"] == 1


@pytest.mark.parametrize(
    "wrong", [["--judge", "m"], ["--answers", "--with-negatives"], ["--answers", "--report", "r.html"]]
)
def test_eval_refuses_options_that_do_not_belong_together(run: Run, tmp_path: Path, wrong: list[str]) -> None:
    assert run(FakeEngine(), "eval", "--questions", "q.jsonl", *wrong)[0] == 2


def test_eval_names_the_invalid_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text("{\n")
    code, _, err = run(FakeEngine(), "eval", "--questions", "q.jsonl")
    assert code == 1
    assert "Line 1 of q.jsonl" in err


def test_train_decision_prints_results_and_path(run: Run, tmp_path: Path) -> None:
    rows = [f'{{"id": {n}, "query": "relay {n}", "file": "{"ab"[n % 2]}.pdf", "pages": [1]}}\n' for n in range(12)]
    (tmp_path / "q.jsonl").write_text("".join(rows))
    engine = FakeEngine(names=("a.pdf", "b.pdf"))
    code, out, _ = run(engine, "train-decision", "--questions", "q.jsonl")
    assert code == 0
    assert "Questions: trained on" in out
    assert "decision.json" in out
    assert set(engine.decisions) == {"question", "few"}
    code, out, _ = run(engine, "train-decision", "--questions", "q.jsonl", "--wrongly", "0.1", "--json")
    assert json.loads(out)["question"]["declined"].keys() == {"absent", "present"}
