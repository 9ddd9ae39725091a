"""Comparisons of searches: variants, the paired bootstrap, and the report."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Settings
from rag.errors import UserCanFix
from rag.evaluation.compare import (
    LONGEST_MS,
    METRICS,
    Measured,
    Variant,
    compare_searches,
    compared_variants,
    paired_differences,
    write_comparison,
)
from rag.setting_groups import LANES

SETTINGS = Settings(data=Path("data"))


def measured(ranks: list[int], files: list[str] | None = None, **more: object) -> Measured:
    """Return what a search did that has the only gold page of each question at these ranks, from 1."""
    gold = ("a.pdf", 0)
    ranked = [[*[("b.pdf", n) for n in range(rank - 1)], gold] for rank in ranks]
    return Measured(
        ids=tuple(f"q{number}" for number in range(len(ranks))),
        files=tuple(files or [f"{number}.pdf" for number in range(len(ranks))]),
        scores={name: tuple(metric(one, {gold}) for one in ranked) for name, metric in METRICS.items()},
        query_ms=tuple(float(rank) for rank in ranks),
        memory_mb=100.0,
        **more,  # type: ignore[arg-type]
    )


def test_each_variant_changes_one_thing() -> None:
    variants = compared_variants(SETTINGS, lanes=True, rerankers=["st:one"], embedders=["st:two"])
    first, *without, reranker, embedder = variants
    assert first.settings == SETTINGS
    assert [variant.name for variant in without] == [f"without {lane}" for lane in LANES if lane != "page-images"]
    assert all(len(variant.settings.search.lanes) == len(SETTINGS.search.lanes) - 1 for variant in without)
    assert (reranker.settings.rerank.model, reranker.settings.rerank.budget_ms) == ("st:one", LONGEST_MS)
    assert (embedder.embedder, embedder.settings.rerank.model) == ("st:two", "")
    assert all(variant.settings.text == SETTINGS.text for variant in variants)


def test_search_without_page_images_is_compared_if_a_model_of_them_is_set() -> None:
    pages = SETTINGS.page_images.model_copy(update={"model": "st:one"})
    variants = compared_variants(SETTINGS.model_copy(update={"page_images": pages}), lanes=True)
    assert "without page-images" in [variant.name for variant in variants]


def test_first_variant_is_what_the_others_differ_from() -> None:
    results = {"now": measured([2, 2, 1]), "better": measured([1, 1, 1], off={"clip-text": "no weights"})}
    variants = [Variant(name, SETTINGS) for name in results]
    seen: list[tuple[int, int]] = []
    found = compare_searches(variants, lambda variant: results[variant.name], lambda *done: seen.append(done))
    now, better = found.variants
    assert now.differences == {}
    assert better.differences["recall@1"].mean == pytest.approx(2 / 3)
    assert better.metrics["recall@1"] == 1.0
    assert (better.p50_ms, better.off) == (1.0, {"clip-text": "no weights"})
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert json.loads(json.dumps(found.to_json()))["variants"][1]["differences"]["mrr"]["mean"] > 0


def test_equal_searches_differ_by_nothing_and_a_better_one_clearly() -> None:
    ranks = [1, 2, 3, 1, 5, 2, 8, 1] * 5
    same = paired_differences(measured(ranks), measured(ranks))
    assert all((one.mean, one.low, one.high) == (0, 0, 0) and not one.is_clear for one in same.values())
    better = paired_differences(measured([1] * len(ranks)), measured(ranks))
    assert better["mrr"].is_clear
    assert better["mrr"].low > 0


def test_interval_is_wider_if_questions_share_their_document() -> None:
    rng = random.Random(1)
    by_document = [rng.choice((1, 3)) for _ in range(10)]
    ranks = [rank for rank in by_document for _ in range(10)]
    first, found = measured([3] * 100), measured(ranks)
    alone = paired_differences(found, first)["mrr"]
    files = [f"{number // 10}.pdf" for number in range(100)]
    shared = paired_differences(replace(found, files=tuple(files)), replace(first, files=tuple(files)))["mrr"]
    assert alone.mean == pytest.approx(shared.mean)
    assert shared.high - shared.low > 2 * (alone.high - alone.low)


def test_questions_without_gold_pages_cannot_be_compared() -> None:
    with pytest.raises(UserCanFix, match="None of the questions"):
        compare_searches([Variant("now", SETTINGS)], lambda _: measured([]))


def test_report_escapes_names_and_loads_nothing(tmp_path: Path) -> None:
    variants = [Variant("now", SETTINGS), Variant("<script>st:one", SETTINGS)]
    found = compare_searches(variants, lambda _: measured([1, 2], off={"pixels": "<b>no</b>"}))
    write_comparison(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "&lt;script&gt;st:one" in page
    assert "<b>" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "2 questions about 2 documents" in page
