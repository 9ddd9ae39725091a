"""The search benchmark: the multiplied catalog, and a run with a small one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rag import Settings
from rag.catalog import Catalog
from rag.model.extraction import Box, Kind, NewChunk
from rag.model.search import Scope
from tests.bench.multiplied import (
    EXCHANGED,
    PER_DOCUMENT,
    SMALL,
    SMALL_CHUNKS,
    build,
    chunks_of,
    fill_catalog,
    multiplied,
)
from tests.bench.search import (
    STAGES,
    CountingStore,
    InstantEmbedder,
    Spread,
    Timed,
    measure,
    read_questions,
    report,
    timed,
)
from tests.support.migrated import migrated, open_rag

BOX = Box(0.1, 0.1, 0.9, 0.5)


def corpus(count: int) -> list[NewChunk]:
    rng = random.Random(7)
    words = [f"word{number}" for number in range(300)]
    return [
        NewChunk(n // 3 + 1, Kind.PAGE, "", "", "", BOX, ())
        if n % 3 == 0
        else NewChunk(n // 3 + 1, Kind.TEXT, " ".join(rng.choices(words, k=40)), "Quay", "", BOX, (BOX,))
        for n in range(count)
    ]


def test_copies_have_the_same_number_of_words_with_some_exchanged() -> None:
    chunks = corpus(60)
    made = list(multiplied(chunks, 130, seed=3))
    assert sum(map(len, made)) == 130
    assert {len(each) for each in made} == {PER_DOCUMENT, 10}
    assert all(each[0].page == 1 for each in made)
    before = [word for each in chunks for word in each.text.split()]
    after = [word for each in [chunk for part in made for chunk in part][:60] for word in each.text.split()]
    assert len(after) == len(before)
    changed = sum(a != b for a, b in zip(before, after, strict=True)) / len(before)
    assert changed == pytest.approx(EXCHANGED, abs=0.05)
    assert made == list(multiplied(chunks, 130, seed=3))


def test_run_with_a_small_catalog(tmp_path: Path) -> None:
    chunks = corpus(60)
    data, made = tmp_path / "data", tmp_path / "made"
    catalog = Catalog(migrated(data))
    fill_catalog(catalog, (chunks[n % 60 : n % 60 + 1] for n in range(250)), chunks[1:3], 1, lambda _: None)
    catalog.close()
    assert len(chunks_of(data)) == 252, "no chunk is lost between two transactions"
    build(data, made, 300, 1, lambda _: None)
    build(data, made, 300, 1, lambda _: None)  # reuses the catalog
    assert len(chunks_of(made)) == 300
    questions = read_questions(None, data, 1, 8)
    assert len(questions) == 8
    store = CountingStore(made / "chroma")
    with open_rag(Settings(data=made, answer={"model": ""}), embedder=InstantEmbedder(), store=store) as rag:
        assert sum(row.pages for row in rag.documents(Scope.of(SMALL))) == SMALL_CHUNKS
        run = timed(rag, store, questions, Scope.of(SMALL))
        found = rag.find(questions[0], Scope.operator())
    off = ("text-vectors", "translations")  # without models
    assert {state for lane, state in found.lanes.items() if lane not in off} == {"on"}
    assert 0 < run.clock.p50 <= run.clock.p95
    assert run.stages["vectors"].p50 > 0
    with pytest.raises(SystemExit, match="not empty"):
        build(data, data, 300, 1, lambda _: None)


def test_run_with_page_images_and_a_reranker(tmp_path: Path) -> None:
    chunks = corpus(60)
    data, made = tmp_path / "data", tmp_path / "made"
    catalog = Catalog(migrated(data))
    fill_catalog(catalog, iter([chunks]), chunks[1:3], 1, lambda _: None)
    catalog.close()
    build(data, made, 80, 1, lambda _: None, page_images=True)
    measured = measure(made, read_questions(None, data, 1, 6), 1, 1, learned=True)
    for [run] in measured.values():
        assert run.stages["page-images"].p50 > 0
        assert run.stages["rerank"].p50 > 0


def test_report_has_the_spread_of_the_runs() -> None:
    fast, slow = dict.fromkeys(STAGES, Spread(1, 2)), {"words": Spread(5, 6)}
    runs = [
        Timed(Spread(10, 20), Spread(9, 15), fast, 0.25),
        Timed(Spread(12, 31), Spread(9, 16), fast | slow, 0.5),
        Timed(Spread(11, 30), Spread(9, 16), fast, 0.5),
    ]
    text = "\n".join(report("10 chunks", runs))
    assert "p50 11 ms (10 to 12), p95 30 ms (20 to 31)" in text
    assert "words:         p50 1 ms (1 to 5)" in text
    assert "50%" in text
