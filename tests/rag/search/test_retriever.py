"""The order of a search: lanes, candidates, fusion, reranking, confidence, hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from rag import Rag, Scope, Settings
from rag.catalog import Catalog
from rag.catalog.fulltext import Fts5Index
from rag.errors import EmbedderBusy
from rag.model.extraction import ExtractedPage, TextSource
from rag.model.search import PageKey
from rag.ports import Reranker, Vector
from rag.search import confidence
from rag.search.abstention import Abstention
from rag.search.glossary import Glossary
from rag.search.lanes.lane import ON, Lane, LaneStatus, LaneUnavailable
from rag.search.lanes.words import WordsLane
from rag.search.query import Query, QueryKind, QueryVectors
from rag.search.ranking import Ranking, rank_pages
from rag.search.reranking import Reranking
from rag.search.retriever import Retriever
from rag.setting_groups import RerankSettings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag
from tests.support.reranker import FakeReranker

EVERYTHING = Scope.operator()
PAGES = "The gateway listens on port 8443.\fThe relay answers on port 9000.\fHerons nest at the gateway."


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("shared")
    (folder / "gateway.pdf").write_text(PAGES)
    settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder / "gateway.pdf"])
        yield opened


@dataclass
class FirstLane:
    """Satisfies Lane: finds these pages, each by its text, or fails."""

    name: ClassVar[str] = "clip-text"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False
    pages: Sequence[PageKey] = ()
    state: LaneStatus = ON
    failure: LaneUnavailable | None = None
    queries: list[Query] = field(default_factory=list)

    def status(self) -> LaneStatus:
        return self.state

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        self.queries.append(query)
        if self.failure is not None:
            raise self.failure
        chunks = [(2 * number - 1, (document, number)) for document, number in self.pages]
        return rank_pages(self.name, chunks, 50) if chunks else None


class SecondLane(FirstLane):
    """Satisfies Lane: runs after the others, for pictures too."""

    name: ClassVar[str] = "pixels"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset(QueryKind)
    needs_candidates: ClassVar[bool] = True


def retriever(rag: Rag, *lanes: Lane, reranker: Reranker | None = None, enabled: str = "") -> Iterator[Retriever]:
    settings = rag.settings.model_copy(
        update={"search": rag.settings.search.model_copy(update={"lanes": tuple(enabled.split())} if enabled else {})}
    )
    catalog = Catalog(migrated(settings.data))
    reranking = (
        None if reranker is None else Reranking(catalog, settings.data, reranker, RerankSettings(budget_ms=30_000))
    )
    try:
        words = Fts5Index()
        abstention = Abstention(settings, catalog, words, confidence.load(settings.data))
        yield Retriever(
            settings, catalog, words, (WordsLane(catalog, words, 50), *lanes), Glossary(), abstention, reranking
        )
    finally:
        if reranking is not None:
            reranking.close()
        catalog.close()


def test_lanes_that_need_candidates_get_the_pages_of_all_others(rag: Rag) -> None:
    first, second = FirstLane(pages=[(1, 2)]), SecondLane(pages=[(1, 3)])
    for searching in retriever(rag, second, first):
        found = searching.find("gateway", EVERYTHING, 10)
        assert first.queries[0].candidates == ()
        assert set(second.queries[0].candidates) == {(1, 1), (1, 2), (1, 3)}
        assert second.queries[0].candidate_chunks[1, 2] == 3
        assert found.hits[0].page == 3
        assert found.rankings == {"words": ((1, 3), (1, 1)), "clip-text": ((1, 2),), "pixels": ((1, 3),)}
        assert list(found.lanes.items()) == [("words", "on"), ("clip-text", "on"), ("pixels", "on")]


def test_lane_that_is_off_or_fails_is_left_out_and_says_why(rag: Rag) -> None:
    off = FirstLane(pages=[(1, 2)], state=LaneStatus("no weights", "magpie models pull"))
    failing = SecondLane(failure=LaneUnavailable("busy"))
    for searching in retriever(rag, off, failing):
        found = searching.find("gateway", EVERYTHING, 10)
        assert found.lanes == {
            "words": "on",
            "clip-text": "off: no weights (fix: magpie models pull)",
            "pixels": "off: busy",
        }
        assert not off.queries
        assert set(found.rankings) == {"words"}
        assert searching.lanes()["pixels"] == "on"  # it failed once


def test_lane_that_is_not_set_is_off(rag: Rag) -> None:
    first = FirstLane(pages=[(1, 2)])
    for searching in retriever(rag, first, enabled="words"):
        assert searching.find("gateway", EVERYTHING, 10).lanes["clip-text"] == "off: not in search.lanes"
        assert not first.queries


def test_picture_is_ranked_by_lanes_that_accept_pictures(rag: Rag, tmp_path: Path) -> None:
    first, second = FirstLane(pages=[(1, 2)]), SecondLane()
    reading = ExtractedPage(1, None, 100, 100, TextSource.NONE, (), None)
    for searching in retriever(rag, first, second):
        found = searching.find_picture(tmp_path / "shot.png", reading, EVERYTHING, 10)
        assert found.lanes == {"words": "on", "pixels": "on"}
        assert not first.queries
        assert second.queries[0].kind is QueryKind.PICTURE
        assert not found.found
        assert found.rankings == {}


def test_reranker_reorders_the_fused_pages_before_the_verdict(rag: Rag) -> None:
    reranker = FakeReranker(lambda _, passages: [float(number) for number in range(len(passages))])
    plain = rag.find("gateway port", EVERYTHING)
    for searching in retriever(rag, reranker=reranker):
        found = searching.find("gateway port", EVERYTHING, 10)
        assert [question for question, _ in reranker.calls] == ["gateway port"]
        assert [hit.page for hit in found.hits] == [hit.page for hit in reversed(plain.hits)]
        assert [hit.rank for hit in found.hits] == [1, 2, 3]
        assert found.signals["held"] < plain.signals["held"]


def test_query_is_embedded_once_for_all_lanes_even_if_that_fails() -> None:
    vectors, calls = QueryVectors(), []

    def embed() -> list[Vector]:
        calls.append(1)
        raise EmbedderBusy("The embedder is busy.", "again")

    for _ in range(2):
        with pytest.raises(EmbedderBusy):
            vectors.get("clip", embed)
    assert len(calls) == 1
    assert vectors.get("text", list) == []


def test_pages_that_are_read_again_during_a_search_are_searched_again(tmp_path: Path) -> None:
    (tmp_path / "gateway.pdf").write_text(PAGES)
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    searches = 0

    def reindex_once(question: str, passages: Sequence[str]) -> list[float]:
        nonlocal searches
        searches += 1
        if searches == 1:
            opened.reindex()
        return [0.0] * len(passages)

    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        opened.index([tmp_path / "gateway.pdf"])
        for searching in retriever(opened, reranker=FakeReranker(reindex_once)):
            found = searching.find("gateway", EVERYTHING, 10)
            assert {hit.page for hit in found.hits} == {1, 3}
    assert searches == 2
