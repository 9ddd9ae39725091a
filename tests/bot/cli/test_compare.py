"""`magpie compare`: its options, the questions from feedback, and one comparison in real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.answers.feedback import put_feedback
from bot.cli.compare import show_comparison
from bot.cli.terminal import Screen
from rag.evaluation.compare import METRICS, ComparedVariant, Comparison, Difference
from tests.bot.answers.test_feedback import answer, page, rag_on
from tests.bot.conftest import Magpie, Run
from tests.support.engine import FakeEngine


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lanes"], "--questions FILE or --from-feedback"),
        (["--questions", "q.jsonl", "--from-feedback", "--lanes"], "--questions FILE or --from-feedback"),
        (["--questions", "q.jsonl"], "--lanes, --reranker MODEL or --embedder MODEL"),
    ],
)
def test_options_that_say_too_little_are_refused(run: Run, arguments: list[str], said: str) -> None:
    code, _, err = run(FakeEngine(), "compare", *arguments)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


def test_questions_of_good_answers_are_compared_in_processes_of_their_own(magpie: Magpie, folder: Path) -> None:
    assert magpie("index", str(folder), "--space", "C1")[0] == 0
    with rag_on(Path("data")) as rag, rag.write_transaction() as connection:
        good = answer(connection, [page(rag, "handbook.pdf", 2), page(rag, "report.pdf", 1, cited=False)])
        put_feedback(connection, good, "U1", "good", "Port 8443.")
        both = answer(connection, [page(rag, "handbook.pdf", 2), page(rag, "report.pdf", 1)], "5.2")
        put_feedback(connection, both, "U1", "good", "Port 8443.")
    code, found, err = magpie("compare", "--from-feedback", "--reranker", "answer", "--report", "out.html")
    assert code == 0, err
    assert (found["questions"], found["documents"]) == (1, 1)
    now, reranked = found["variants"]
    assert now["metrics"]["recall@1"] == reranked["metrics"]["recall@1"] == 1.0
    assert reranked["differences"]["mrr"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert "MAGPIE_ANSWER__MODEL" in reranked["off"]["reranker"]
    assert now["memory_mb"] > 50
    assert "reranker answer" in Path("out.html").read_text()


def test_nothing_is_compared_without_good_answers(magpie: Magpie, folder: Path) -> None:
    assert magpie("index", str(folder), "--space", "C1")[0] == 0
    code, _, err = magpie("compare", "--from-feedback", "--lanes")
    assert code == 1
    assert "rated good" in err


def test_table_has_each_variant_and_its_differences(capsys: pytest.CaptureFixture[str]) -> None:
    means = dict.fromkeys(METRICS, 0.5)
    first = ComparedVariant("as set", means, {}, 20, 30, 400, 0, {})
    other = ComparedVariant(
        "without words", means, dict.fromkeys(METRICS, Difference(-0.1, -0.2, 0.05)), 20, 30, 400, 0, {"pixels": "no"}
    )
    show_comparison(Screen(), Comparison(2, 1, 0, (first, other)))
    out, err = capsys.readouterr()
    assert "2 questions about 1 document." in out
    assert "without words: R@1 -10.0 [-20.0, +5.0]; R@5 -10.0" in " ".join(out.split())
    assert "without words: pixels is off: no" in " ".join(err.split())
    assert json.dumps(Comparison(2, 1, 0, (first, other)).to_json())
