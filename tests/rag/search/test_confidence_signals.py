"""Signals and confidence of searches, on the real full-text index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag import Rag, Scope, Settings, open_rag
from rag.analysis.question import question_terms
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.extractor import TextExtractor
from tests.support.store import FakeStore

TEXTS = {
    "gateway.pdf": "The gateway listens on port 8443.\fThe relay in Harwich answers on port 9000.",
    "leave.pdf": "Holiday is asked for four weeks ahead.\fOvertime is paid in March.",
    "tides.pdf": "High water at the quay.\fThe pilot boards at the outer buoy.\fDues are paid by tonnage.",
}


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder: Path = tmp_path_factory.mktemp("shared")
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    made = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(made, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder / name for name in TEXTS])
        yield opened


def test_bigrams_are_adjacent_content_words() -> None:
    question = "What is the net sales growth of net sales in Europe?"
    assert [pair.text for pair in question_terms(question, ["en"]).pairs] == ["net sales", "sales growth"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    question=st.text(max_size=60)
    | st.lists(st.sampled_from(" ".join(TEXTS.values()).split()), min_size=1, max_size=8).map(" ".join),
    documents=st.none() | st.sets(st.integers(1, 3)),
)
def test_signals_and_confidence_are_between_0_and_1(rag: Rag, question: str, documents: set[int] | None) -> None:
    scope = Scope(None, None if documents is None else frozenset(documents), frozenset())
    found = rag.find(question, scope)
    assert all(0 <= value <= 1 for value in found.signals.values())
    assert 0 <= found.confidence <= 1
    assert bool(found.why) or found.found or not found.hits


def test_confidence_is_higher_with_the_file_that_answers(rag: Rag) -> None:
    ids = {row.name: row.id for row in rag.documents(Scope.operator())}
    without = Scope(None, None, frozenset({ids["gateway.pdf"]}))
    question = "On which port does the pilot's relay in Harwich answer?"
    with_file, without_file = rag.find(question, Scope.operator()), rag.find(question, without)
    assert with_file.found
    assert with_file.confidence > without_file.confidence
    assert with_file.signals["names"] == 1
    strict = rag.settings.model_copy(update={"search": rag.settings.search.model_copy(update={"min_confidence": 0.3})})
    with open_rag(strict, extractor=TextExtractor, embedder=NoEmbedder()) as other:
        without_file = other.find(question, without)
        assert not without_file.found
        assert "harwich" in without_file.why


def test_finds_nothing_when_no_word_of_the_question_occurs(rag: Rag) -> None:
    found = rag.find("xylophone quartet", Scope.operator())
    assert not found.found
    assert found.why == "None of its words occurs in the files I may use here."


def test_min_confidence_setting_overrides_the_threshold(rag: Rag) -> None:
    question = "On which port does the relay in Harwich answer?"
    confidence = rag.find(question, Scope.operator()).confidence
    for threshold, found in ((confidence - 0.01, True), (confidence + 0.01, False)):
        strict = rag.settings.model_copy(
            update={"search": rag.settings.search.model_copy(update={"min_confidence": threshold})}
        )
        with open_rag(strict, extractor=TextExtractor, embedder=NoEmbedder()) as other:
            assert other.find(question, Scope.operator()).found is found


@pytest.mark.parametrize("lanes", ["clip-text", "text-vectors", "clip-text,text-vectors,place"])
def test_every_combination_of_lanes_abstains_and_finds(tmp_path: Path, lanes: str) -> None:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    made = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1}, search={"lanes": lanes})
    with open_rag(
        made,
        extractor=TextExtractor,
        embedder=FakeEmbedder(),
        text_embedder=FakeTextEmbedder(),
        store=FakeStore(),
    ) as opened:
        opened.index([tmp_path / name for name in TEXTS])
        present = opened.find("On which port does the relay in Harwich answer?", Scope.operator())
        absent = opened.find("Who won the chess tournament in Reykjavik?", Scope.operator())
        empty = opened.find("What is it?", Scope.operator())
    assert present.found
    assert present.signals
    assert not absent.found
    assert absent.hits
    assert not empty.found
