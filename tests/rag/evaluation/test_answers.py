"""The measurement of answers: citations by document and page, statements, right answers, and what is declined."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from rag.errors import NotFound
from rag.evaluation.answers import ask_judge, evaluate_answers
from rag.evaluation.datasets import EvalQuestion
from rag.model.search import Answer, Mode, Scope
from tests.support.engine import answer, hit
from tests.support.generator import FakeGenerator
from tests.support.searched import FakeDocument

REPORTS = (FakeDocument(1, "report.pdf", "a" * 64), FakeDocument(2, "report.pdf", "b" * 64))
QUAY = "The quay is 40 metres long, says Ada Lind."


@dataclass
class FakeAnswering:
    """Answers with given replies; `scopes` records what was asked."""

    replies: Mapping[str, Answer]
    pages: Mapping[tuple[int, int], str] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)

    def ask(self, question: str, scope: Scope, pictures: Sequence[Path] = ()) -> Answer:
        self.scopes.append(scope)
        return self.replies[question or pictures[0].name]

    def documents(self, scope: Scope) -> Sequence[FakeDocument]:
        return REPORTS

    def page_texts(self, pages: Collection[tuple[int, int]], scope: Scope) -> Mapping[tuple[int, int], str]:
        return {page: text for page, text in self.pages.items() if page in pages}


def said(text: str, document: int = 1, page: int = 4, mode: Mode = Mode.TEXT) -> Answer:
    return answer(text, replace(hit(1, "report.pdf", page, text="A heading."), document=document), mode=mode)


NOT_FOUND = answer("Nothing.", abstained=True, mode=Mode.PASSAGES)


def measured(tmp_path: Path, engine: FakeAnswering, *rows: Mapping[str, object], **options: Any) -> dict[str, Any]:
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    shape: dict[str, Any] = evaluate_answers(engine, path, **options).to_json()
    json.dumps(shape, allow_nan=False)
    return shape


def ask_for(query: str, **more: object) -> dict[str, object]:
    return {"query": query, "file": "report.pdf", "pages": [4], **more}


def test_citation_is_right_by_sha256_and_page(tmp_path: Path) -> None:
    engine = FakeAnswering(
        {"one": said("40 metres [1].", 1), "two": said("40 metres [1].", 2), "three": said("40 [1].", 2, 5)}
    )
    rows = [ask_for(query, sha256="b" * 12) for query in ("one", "two", "three")]
    shape = measured(tmp_path, engine, *rows)
    assert shape["citations"]["right"] == pytest.approx(1 / 3)
    assert shape["citations"]["pages_right"] == pytest.approx(1 / 3)
    assert measured(tmp_path, engine, ask_for("one"), ask_for("two"))["citations"]["right"] == 1


def test_statements_are_compared_with_the_words_of_the_cited_page(tmp_path: Path) -> None:
    engine = FakeAnswering(
        {"one": said("It is 40 metres long [1]. It is 50 metres long [1].")}, {(1, 4): QUAY, (2, 4): "50"}
    )
    assert measured(tmp_path, engine, ask_for("one"))["statements"] == {"shown": 2, "held": 0.5}


def test_right_answers_are_counted_where_the_file_has_them(tmp_path: Path) -> None:
    engine = FakeAnswering(
        {"one": said("It is 40 metres long [1]."), "two": said("50 metres [1]."), "three": said("60 [1].")}
    )
    rows = [ask_for("one", answer="40 m"), ask_for("two", answer="40 m"), ask_for("three")]
    assert measured(tmp_path, engine, *rows)["answered"] == 0.5


def test_precision_and_recall_of_not_found(tmp_path: Path) -> None:
    engine = FakeAnswering(
        {
            "one": NOT_FOUND,
            "two": said("[1] report.pdf", mode=Mode.PASSAGES),
            "three": NOT_FOUND,
            "four": said("It [1]."),
        }
    )
    absent: list[dict[str, object]] = [{"query": query, "pages": []} for query in ("three", "four")]
    shape = measured(tmp_path, engine, ask_for("one"), ask_for("two"), *absent)
    assert shape["not_found"] == {"precision": 0.5, "recall": 0.5}
    assert shape["shown"]["present"] == {"answer": 0, "passages": 1, "not_found": 1}
    assert shape["shown"]["absent"] == {"answer": 1, "passages": 0, "not_found": 1}
    assert shape["citations"]["passages_right"] == 1
    assert shape["citations"]["right"] is None


def test_within_asks_the_own_file_only(tmp_path: Path) -> None:
    engine = FakeAnswering({"one": NOT_FOUND})
    measured(tmp_path, engine, ask_for("one", sha256="b" * 8), within=True)
    assert engine.scopes[-1].documents == frozenset({2})


def test_questions_about_files_not_indexed_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="None of the 1 files"):
        measured(tmp_path, FakeAnswering({}), {"query": "one", "file": "gone.pdf", "pages": [1]})


def test_model_judges_written_answers_that_have_a_right_one(tmp_path: Path) -> None:
    engine = FakeAnswering({"one": said("40 metres [1]."), "two": said("50 metres [1].")})
    judge = FakeGenerator(text="Yes, it says the same.")
    shape = measured(tmp_path, engine, ask_for("one", answer="40 m"), ask_for("two"), judge=judge)
    assert shape["judged"] == {"questions": 1, "right": 1.0}
    assert "40 metres [1]." in judge.prompts[0].user


@pytest.mark.parametrize(("text", "verdict"), [("YES", True), ("no.", False), ("Nobody knows", None), ("", None)])
def test_verdict_is_the_first_word(text: str, verdict: bool | None) -> None:
    question = EvalQuestion("1", "How long?", None, "report.pdf", frozenset({4}), answer="40 m")
    assert ask_judge(FakeGenerator(text=text), question, "It is long.") is verdict


def test_judge_may_be_cut_after_its_verdict() -> None:
    question = EvalQuestion("1", "How long?", None, "report.pdf", frozenset({4}), answer="40 m")
    assert ask_judge(FakeGenerator(text="NO because of this", longest=2), question, "It is long.") is False
