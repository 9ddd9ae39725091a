"""The scope benchmark, with small data."""

from __future__ import annotations

from pathlib import Path

from rag import Scope, Settings
from rag.catalog import Catalog
from tests.bench.multiplied import SMALL, build, fill_catalog
from tests.bench.scope import decisions, searches
from tests.bench.search import CountingStore, InstantEmbedder
from tests.bench.test_search import corpus
from tests.support.migrated import migrated, open_rag
from tests.support.slack_workspace import without_proxies


def test_access_decisions_are_timed() -> None:
    with without_proxies():
        spreads = decisions(channels=5, people=4, runs=3)
    assert spreads.keys() == {"first", "remembered", "direct message"}
    assert spreads["remembered"].p50 < spreads["first"].p50


def test_search_is_timed_with_and_without_a_scope(tmp_path: Path) -> None:
    chunks = corpus(60)
    catalog = Catalog(migrated(tmp_path / "data"))
    fill_catalog(catalog, (chunks[n % 60 : n % 60 + 1] for n in range(60)), chunks[1:3], 1, lambda _: None)
    catalog.close()
    build(tmp_path / "data", tmp_path / "made", 300, 1, lambda _: None)
    settings, store = (
        Settings(data=tmp_path / "made", answer={"model": ""}),
        CountingStore(tmp_path / "made" / "chroma"),
    )
    with open_rag(settings, embedder=InstantEmbedder(), store=store) as rag:
        times = searches(rag, ["word1 word2 word3"], Scope.of(SMALL))
    assert {name: len(values) for name, values in times.items()} == {"scope": 1, "none": 1, "check": 1}
