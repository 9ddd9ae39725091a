"""The reranker between fusion and confidence: what it is given, and what happens if it is off, slow or fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from rag import Rag, Scope, SearchResult, Settings, Share, put_share
from rag.catalog import Catalog
from rag.errors import MagpieError, RerankerBusy, RerankerFailed
from rag.operations.reranker_check import check_reranker
from rag.ports import MAX_PASSAGES, PASSAGE_CHARS
from rag.search.reranking import RERANKER, Reranking
from rag.setting_groups import RerankSettings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.reranker import FakeReranker

EVERYTHING = Scope.operator()
BUDGET_MS = 150
PAGES = "The relay of the gateway listens.\fThe gateway port is 8443.\fHerons nest at the gateway."
QUESTION = "gateway port 8443"
OTHER = "The secret gateway port is 9999."


def last_first(question: str, passages: Sequence[str]) -> list[float]:
    return [number / len(passages) for number in range(len(passages))]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with two files, one in each of two spaces."""
    folder = tmp_path_factory.mktemp("reranked")
    for name, text, space in (("gateway.pdf", PAGES, "C1"), ("other.pdf", OTHER, "C2")):
        (folder / name).write_text(text)
        with opened(folder / "data") as rag:
            rag.index([folder / name], space)
    return folder / "data"


@contextmanager
def opened(data: Path, reranker: FakeReranker | None = None, **rerank: object) -> Iterator[Rag]:
    settings = Settings(data=data, answer={"model": ""}, read={"workers": 1}, rerank={"budget_ms": BUDGET_MS} | rerank)
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), reranker=reranker) as rag:
        yield rag


def pages(found: SearchResult) -> list[tuple[int, int]]:
    return [(hit.document, hit.page) for hit in found.hits]


def without_times(found: SearchResult) -> SearchResult:
    lanes = {name: state for name, state in found.lanes.items() if name != RERANKER}
    return replace(found, stage_ms={}, lanes=lanes)


def test_first_pages_are_ordered_by_their_scores_and_the_others_follow(data: Path) -> None:
    with opened(data) as rag:
        plain = rag.find(QUESTION, EVERYTHING)
    with opened(data, FakeReranker(last_first), pages=2) as rag:
        found = rag.find(QUESTION, EVERYTHING)
    assert len(plain.hits) == 4
    assert pages(found) == [pages(plain)[1], pages(plain)[0], *pages(plain)[2:]]
    assert found.lanes[RERANKER] == "on"
    assert set(found.rankings[RERANKER]) == set(pages(plain)[:2])
    assert RERANKER not in found.hits[0].lanes


def test_result_without_a_reranker_has_no_trace_of_one(data: Path) -> None:
    with opened(data) as rag:
        found = rag.find(QUESTION, EVERYTHING)
        assert RERANKER not in rag.lanes()
    assert RERANKER not in found.lanes
    assert RERANKER not in found.rankings
    assert "reranked" not in found.signals


@pytest.mark.parametrize(
    ("reranker", "reason"),
    [
        (FakeReranker(failure=RerankerFailed("it stopped", "restart it")), "off: it stopped (fix: restart it)"),
        (FakeReranker(failure=RerankerBusy("it is busy.")), "off: it is busy"),
        (FakeReranker(cannot_open=RerankerFailed("no weights", "pull it")), "off: no weights (fix: pull it)"),
        (FakeReranker(lambda _, passages: [0.5]), "off: it returned too few scores"),
        (FakeReranker(lambda _, passages: [float("nan")] * len(passages)), "off: it returned too few scores"),
    ],
)
def test_reranker_that_fails_changes_nothing_but_the_status(data: Path, reranker: FakeReranker, reason: str) -> None:
    with opened(data) as rag:
        plain = rag.find(QUESTION, EVERYTHING)
    with opened(data, reranker, budget_ms=30_000) as rag:
        found = rag.find(QUESTION, EVERYTHING)
        assert found.lanes[RERANKER].startswith(reason)
        assert without_times(found) == without_times(plain)
        assert rag.status().lanes[RERANKER].startswith(("off: ", "on") if reranker.cannot_open is None else reason)


def test_reranker_that_stalls_costs_its_budget_once_and_then_nothing(data: Path) -> None:
    with opened(data) as rag:
        plain = rag.find(QUESTION, EVERYTHING)
    waited: list[float] = []
    while not waited or (min(waited) >= BUDGET_MS + 50 and len(waited) < 10):  # a busy machine only adds time
        stalling = FakeReranker(gate=Event())
        with opened(data, stalling) as rag:
            rag.load_reranker()
            first = rag.find(QUESTION, EVERYTHING)
            second = rag.find(QUESTION, EVERYTHING)
        waited.append(first.stage_ms["rerank"])
        assert "it took more than 150 ms" in first.lanes[RERANKER]
        assert "MAGPIE_RERANK__BUDGET_MS" in first.lanes[RERANKER]
        assert "still busy with an earlier question" in second.lanes[RERANKER]
        assert second.stage_ms["rerank"] < first.stage_ms["rerank"]
        assert len(stalling.calls) == 1
        for found in (first, second):
            assert without_times(found) == without_times(plain)
    assert BUDGET_MS <= min(waited) < BUDGET_MS + 50


def test_reranker_that_is_being_loaded_is_not_waited_for_beyond_the_budget(data: Path) -> None:
    class Loading(FakeReranker):
        loaded = Event()

        def open(self) -> None:
            self.loaded.wait(30)

    with opened(data, Loading()) as rag:
        found = rag.find(QUESTION, EVERYTHING)
        assert found.lanes[RERANKER] == "off: it is being loaded"
        Loading.loaded.set()
        rag.load_reranker()
        assert rag.find(QUESTION, EVERYTHING).lanes[RERANKER] == "on"


def test_reranker_that_failed_is_left_alone_for_a_while(data: Path) -> None:
    failing = FakeReranker(failure=RerankerFailed("it stopped"))
    with opened(data, failing, budget_ms=30_000) as rag:
        for _ in range(3):
            assert rag.find(QUESTION, EVERYTHING).lanes[RERANKER] == "off: it stopped"
        assert len(failing.calls) == 1


def test_reranker_that_is_slow_three_times_is_left_alone_for_a_while(data: Path) -> None:
    slow = FakeReranker(failure=RerankerBusy("it is busy"))
    with opened(data, slow, budget_ms=30_000) as rag:
        for _ in range(5):
            assert rag.find(QUESTION, EVERYTHING).lanes[RERANKER] == "off: it is busy"
    assert len(slow.calls) == 3


def test_reranker_that_was_busy_is_asked_again(data: Path) -> None:
    reranker = FakeReranker(failure=RerankerBusy("it is busy"))
    with opened(data, reranker, budget_ms=30_000) as rag:
        assert rag.find(QUESTION, EVERYTHING).lanes[RERANKER] == "off: it is busy"
        reranker.failure = None
        assert rag.find(QUESTION, EVERYTHING).lanes[RERANKER] == "on"
        assert rag.lanes()[RERANKER] == "on"


def test_only_passages_in_scope_are_sent(data: Path) -> None:
    reranker = FakeReranker()
    with opened(data, reranker) as rag:
        rag.load_reranker()
        found = rag.find(QUESTION, Scope.of("C1"))
        assert found.lanes[RERANKER] == "on"
        rag.find(QUESTION, Scope.of("C2"))
    (_, passages), *others = reranker.calls
    assert len(passages) == 3
    assert not others, "one page needs no reranker"
    assert all("9999" not in passage for passage in passages)
    assert all(passage.startswith("gateway.pdf\n") for passage in passages)


def test_passage_is_cut_and_has_the_message_that_matched(tmp_path: Path) -> None:
    (tmp_path / "long.pdf").write_text("\f".join("anchors chain " * 600 for _ in range(12)))
    (tmp_path / "scan.pdf").write_text("A drawing of anchors.")
    reranker = FakeReranker()
    with opened(tmp_path / "data", reranker, pages=32, budget_ms=30_000) as rag:
        rag.index([tmp_path / "long.pdf", tmp_path / "scan.pdf"], "C1")
        with rag.write_transaction() as connection:
            ref = str((tmp_path / "scan.pdf").resolve())
            put_share(connection, Share("path", ref, "C1", "scan.pdf", message="2.0", words="moorings"))
        rag.find("anchors moorings", Scope.of("C1"))
    passages = reranker.calls[0][1]
    assert len(passages) <= MAX_PASSAGES
    assert max(map(len, passages)) <= PASSAGE_CHARS
    assert any(passage.startswith("scan.pdf\nmoorings\n") for passage in passages)


@pytest.mark.parametrize("question", ["gateway port on page 3", "what is gateway.pdf about?"])
def test_question_about_pages_that_it_names_is_not_reranked(data: Path, question: str) -> None:
    reranker = FakeReranker(last_first)
    with opened(data, reranker) as rag:
        assert rag.find(question, Scope.of("C1")).hits
    assert not reranker.calls


def test_score_is_a_signal_of_confidence_only_if_it_can_be_compared(data: Path) -> None:
    for gives_probabilities in (True, False):
        with opened(data, FakeReranker(gives_probabilities=gives_probabilities)) as rag:
            rag.load_reranker()
            signals = rag.find(QUESTION, EVERYTHING).signals
        assert signals.get("reranked") == (1.0 if gives_probabilities else None)


@pytest.mark.parametrize(
    ("reranker", "status", "words"),
    [
        (None, "off", "MAGPIE_RERANK__MODEL"),
        (FakeReranker(), "ok", "prefers the passage with the answer"),
        (FakeReranker(lambda _, passages: [0.2, 0.9]), "warn", "does not answer the question"),
        (FakeReranker(cannot_open=RerankerFailed("no weights", "pull it")), "warn", "off: no weights"),
        (FakeReranker(failure=RerankerBusy("it is busy", "wait")), "warn", "off: it is busy"),
    ],
)
def test_doctor_reranks_two_passages(data: Path, reranker: FakeReranker | None, status: str, words: str) -> None:
    catalog = Catalog(data)
    reranking = None if reranker is None else Reranking(catalog, data, reranker, RerankSettings())
    check = check_reranker(reranking)
    if reranking is not None:
        reranking.close()
    catalog.close()
    assert check.status == status
    assert words in check.detail
    assert bool(check.fix) == (status == "warn")


def test_unknown_reranker_is_a_bad_setting(data: Path) -> None:
    with pytest.raises(MagpieError) as caught, opened(data, model="bge"):
        pass
    assert "MAGPIE_RERANK__MODEL" in caught.value.hint
