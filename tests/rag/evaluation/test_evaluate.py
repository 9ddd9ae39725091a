"""The evaluation: metrics, the question file, and the scopes that are searched."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import NotFound, UserCanFix
from rag.evaluation.datasets import read_questions
from rag.evaluation.evaluate import evaluate_search
from rag.evaluation.metrics import CUTOFFS, mean, mean_metrics, ndcg_at, percentile, recall_at, reciprocal_rank
from tests.support.searched import FakeSearched

A1, A2, A3, A4, B1 = ("a.pdf", 1), ("a.pdf", 2), ("a.pdf", 3), ("a.pdf", 4), ("b.pdf", 1)

pages = st.tuples(st.sampled_from(["a.pdf", "b.pdf"]), st.integers(1, 12))
rankings = st.lists(pages, max_size=20, unique=True)
golds = st.sets(pages, min_size=1, max_size=6)


def write_questions(path: Path, *rows: Mapping[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# ---------------------------------------------------------------- metrics


def test_metrics_of_a_known_ranking() -> None:
    ranked, gold = [B1, A1, A4, A2], {A1, A2, A3}
    assert recall_at(ranked, gold, 1) == 0
    assert recall_at(ranked, gold, 3) == pytest.approx(1 / 3)
    assert recall_at(ranked, gold, 5) == pytest.approx(2 / 3)
    assert reciprocal_rank(ranked, gold) == 0.5
    # Gold at ranks 2 and 4, against three gold pages at ranks 1, 2 and 3.
    gain = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at(ranked, gold, 5) == pytest.approx(gain / ideal)


def test_metrics_are_averaged_over_questions() -> None:
    table = mean_metrics([([A1], {A1}), ([B1, A2], {A2}), ([], {A3})])
    assert table["recall@1"] == pytest.approx(1 / 3)
    assert table["recall@3"] == pytest.approx(2 / 3)
    assert table["mrr"] == pytest.approx((1 + 0.5 + 0) / 3)


def test_mean_of_nothing_is_none() -> None:
    assert mean([]) is None
    assert set(mean_metrics([]).values()) == {None}


@given(rankings, golds)
def test_metrics_are_between_0_and_1(ranked: list[tuple[str, int]], gold: set[tuple[str, int]]) -> None:
    values = [*(recall_at(ranked, gold, k) for k in CUTOFFS), reciprocal_rank(ranked, gold), ndcg_at(ranked, gold, 5)]
    assert all(0 <= value <= 1 + 1e-9 for value in values)


@given(rankings, golds)
def test_recall_never_falls_with_larger_k(ranked: list[tuple[str, int]], gold: set[tuple[str, int]]) -> None:
    values = [recall_at(ranked, gold, k) for k in range(1, 25)]
    assert values == sorted(values)
    assert values[-1] == len(gold & set(ranked)) / len(gold)


@given(golds, rankings)
def test_gold_pages_first_give_the_best_metrics(gold: set[tuple[str, int]], others: list[tuple[str, int]]) -> None:
    best = [*sorted(gold), *(page for page in others if page not in gold)]
    assert reciprocal_rank(best, gold) == 1
    assert ndcg_at(best, gold, 5) == pytest.approx(1)
    assert ndcg_at(others, gold, 5) <= ndcg_at(best, gold, 5) + 1e-9


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_percentile_is_a_value_that_the_share_does_not_exceed(values: list[float], share: float) -> None:
    value = percentile(values, share)
    assert value in values
    assert sum(other <= value for other in values) >= share * len(values) - 1e-6


def test_percentiles_of_known_values() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2
    assert percentile([4, 1, 3, 2], 0.95) == 4
    assert percentile([7], 0.5) == 7


# ---------------------------------------------------------------- the question file


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not JSON"),
        ("[1]", "not a JSON object"),
        ('{"id": "x", "file": "a.pdf", "pages": [1]}', "either a query or an image"),
        ('{"query": "q", "image": "i.png", "file": "a.pdf", "pages": [1]}', "either a query or an image"),
        ('{"query": "q", "file": "a.pdf"}', "needs pages"),
        ('{"query": "q", "file": "a.pdf", "pages": [0]}', "needs pages"),
        ('{"query": "q", "file": "a.pdf", "pages": [true]}', "needs pages"),
        ('{"query": "q", "pages": [1]}', "needs the file"),
        ('{"query": "q", "sha256": "xyz", "pages": [1]}', "hexadecimal digits"),
        ('{"query": "q", "file": "a.pdf", "pages": [1], "kinds": "Table"}', "kinds"),
        ('{"image": "none.png", "file": "a.pdf", "pages": [1]}', "picture that does not exist"),
    ],
)
def test_invalid_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"query": "fine", "file": "a.pdf", "pages": []}\n\n' + line + "\n")
    with pytest.raises(UserCanFix, match=r"Line 3 of q\.jsonl") as caught:
        read_questions(path)
    assert problem in str(caught.value)
    assert caught.value.hint


def test_missing_and_empty_question_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no question file"):
        read_questions(tmp_path / "none.jsonl")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    with pytest.raises(UserCanFix, match="has no questions"):
        read_questions(empty)
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserCanFix, match="cannot be read"):
        read_questions(binary)


# ---------------------------------------------------------------- the run


def corpus(rankings: Mapping[str, Mapping[str, Sequence[tuple[int, int]]]], **more: Any) -> FakeSearched:
    return FakeSearched({1: "a.pdf", 2: "b.pdf"}, rankings, **more)


def test_measures_the_fused_ranking_and_every_lane(tmp_path: Path) -> None:
    rag = corpus(
        {
            "one": {"words": [(1, 1)], "clip-text": [(2, 1), (1, 1)], "fused": [(1, 1), (2, 1)]},
            "two": {"words": [(2, 1)], "clip-text": [], "fused": [(2, 1), (1, 2)]},
        },
        off={"clip-picture": "off: no weights"},
    )
    questions = write_questions(
        tmp_path / "q.jsonl",
        {"id": "1", "query": "one", "file": "a.pdf", "pages": [1], "kinds": ["Table"]},
        {"id": "2", "query": "two", "file": "a.pdf", "pages": [2, 3], "kinds": ["Table", "Figure"]},
        {"id": "3", "query": "three", "file": "a.pdf", "pages": []},
    )
    seen: list[tuple[int, int]] = []
    shape: dict[str, Any] = evaluate_search(
        rag, questions, on_progress=lambda done, total: seen.append((done, total))
    ).to_json()
    assert shape["questions"] == 3
    assert shape["fused"]["recall@1"] == pytest.approx((1 + 0) / 2)
    assert shape["fused"]["recall@3"] == pytest.approx((1 + 0.5) / 2)
    assert shape["fused"]["mrr"] == pytest.approx((1 + 0.5) / 2)
    assert set(shape["lanes"]) == {"words", "clip-text"}
    assert shape["lanes"]["clip-text"]["recall@1"] == 0
    assert shape["lanes"]["clip-text"]["mrr"] == pytest.approx(0.25)
    assert shape["kinds"]["Figure"]["recall@3"] == 0.5
    assert shape["kinds"]["Table"]["recall@3"] == pytest.approx(0.75)
    assert shape["declined"] == {"absent": 1.0, "present": 0.0}
    assert "looks" not in shape
    assert shape["query_ms"]["p95"] >= shape["query_ms"]["p50"] > 0
    others = dict.fromkeys(("translate", "vectors", "pixels", "fuse", "rerank", "page-images"), 0.0)
    assert shape["stage_ms"] == {"embed": 4.0, "words": 2.0} | others
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    json.dumps(shape, allow_nan=False)


def test_within_searches_only_the_own_file(tmp_path: Path) -> None:
    rag = corpus({"one": {"fused": [(2, 5), (1, 1)]}})
    questions = write_questions(tmp_path / "q.jsonl", {"query": "one", "file": "a.pdf", "pages": [1]})
    assert evaluate_search(rag, questions).to_json()["fused"]["recall@1"] == 0  # type: ignore[index]
    assert evaluate_search(rag, questions, within=True).to_json()["fused"]["recall@1"] == 1  # type: ignore[index]
    assert [scope.documents for scope in rag.scopes] == [None, frozenset({1})]


def test_without_own_file_every_question_should_be_declined(tmp_path: Path) -> None:
    rag = corpus({"one": {"fused": [(1, 1)]}, "two": {"fused": [(1, 2), (2, 1)]}})
    questions = write_questions(
        tmp_path / "q.jsonl",
        {"query": "one", "file": "a.pdf", "pages": [1]},
        {"query": "two", "file": "a.pdf", "pages": [2]},
    )
    shape: dict[str, Any] = evaluate_search(rag, questions, without_own_file=True).to_json()
    assert shape["declined"] == {"absent": 0.5, "present": None}
    assert shape["fused"]["recall@1"] is None
    assert all(scope.without == frozenset({1}) for scope in rag.scopes)


def test_within_and_without_own_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserCanFix, match="exclude each other"):
        evaluate_search(corpus({}), tmp_path / "q.jsonl", within=True, without_own_file=True)


def test_questions_about_files_not_indexed_are_left_out_and_counted(tmp_path: Path) -> None:
    rag = corpus({"one": {"fused": [(1, 1)]}})
    rows: list[dict[str, object]] = [
        {"query": "one", "file": "a.pdf", "pages": [1]},
        {"query": "two", "file": "gone.pdf", "pages": [1]},
        {"query": "three", "file": "gone.pdf", "pages": [4]},
        {"query": "four", "file": "never-there.pdf", "pages": []},
    ]
    report = evaluate_search(rag, write_questions(tmp_path / "q.jsonl", *rows))
    assert report.left_out == {"gone.pdf": 2}
    assert [result.question.query for result in report.results] == ["one", "four"]
    with pytest.raises(NotFound, match="None of the 1 files"):
        evaluate_search(rag, write_questions(tmp_path / "gone.jsonl", *rows[1:3]))


def test_picture_questions_are_searched_as_pictures_and_measured_by_look(tmp_path: Path) -> None:
    (tmp_path / "crop.png").write_bytes(b"picture")
    rag = corpus({"crop.png": {"fused": [(1, 3)]}})
    questions = write_questions(
        tmp_path / "q.jsonl", {"image": "crop.png", "file": "a.pdf", "pages": [3], "look": "dark"}
    )
    shape: dict[str, Any] = evaluate_search(rag, questions).to_json()
    assert shape["looks"]["dark"]["recall@1"] == 1
    assert shape["kinds"] == {}


def test_documents_with_the_same_name_count_as_one(tmp_path: Path) -> None:
    rag = FakeSearched({1: "a.pdf", 2: "a.pdf"}, {"one": {"fused": [(1, 7), (2, 7), (2, 3)]}})
    questions = write_questions(tmp_path / "q.jsonl", {"query": "one", "file": "a.pdf", "pages": [3]})
    assert evaluate_search(rag, questions, within=True).to_json()["fused"]["mrr"] == 0.5  # type: ignore[index]
    assert rag.scopes[0].documents == frozenset({1, 2})


def test_sha256_tells_two_documents_of_the_same_name_apart(tmp_path: Path) -> None:
    rag = FakeSearched({1: "a.pdf", 2: "a.pdf"}, {"one": {"fused": [(1, 7), (2, 7)]}})
    questions = write_questions(tmp_path / "q.jsonl", {"query": "one", "sha256": "2" * 8, "pages": [7]})
    report = evaluate_search(rag, questions)
    assert report.to_json()["fused"]["mrr"] == 0.5  # type: ignore[index]
    assert evaluate_search(rag, questions, within=True).to_json()["fused"]["mrr"] == 1  # type: ignore[index]
    assert rag.scopes[-1].documents == frozenset({2})


def test_sha256_of_a_file_that_is_not_indexed_is_left_out(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"query": "one", "sha256": "f" * 8, "pages": [7]}, {"query": "none", "pages": []}]
    report = evaluate_search(corpus({}), write_questions(tmp_path / "q.jsonl", *rows))
    assert report.left_out == {"f" * 8: 1}
