"""Signals and confidence of searches, on the real full-text index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag import Rag, Scope, Settings
from rag.analysis.question import question_terms
from tests.support.absent import NoEmbedder
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
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


# ---------------------------------------------------------------- twins, codes, corrections

INVOICE = (
    "Invoice number {number} for {customer}. Please transfer the amount within thirty days to the account below, and "
    "name the number of the invoice. Delivery of {goods} as ordered by telephone, free of charge to your door."
)
CUSTOMERS = ["Harbour Bakery", "Elm Nursery", "Quay Theatre", "Mill Stables", "Tarn Brewery", "Fell Dairy"]
GOODS = ["flour", "seed trays", "curtains", "saddle soap", "malt", "churns"]
OTHERS = {
    "holiday.pdf": "Holiday is asked for four weeks ahead. An invoice of a hotel is paid back in March.",
    "errors.pdf": "TDE-100 means that the door is open.\fTDE-200 means that the tank is empty.",
    "long.pdf": "\f".join(f"Page {number} of the log of the lighthouse on the outer quay." for number in range(120)),
}


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("invoices")
    texts = {
        f"invoice-{number}.pdf": INVOICE.format(number=4100 + number, customer=customer, goods=goods)
        for number, (customer, goods) in enumerate(zip(CUSTOMERS, GOODS, strict=True))
    }
    for name, text in (texts | OTHERS).items():
        (folder / name).write_text(text)
    made = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1}, search={"lanes": "words,place"})
    with open_rag(made, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder / name for name in texts | OTHERS])
        yield opened


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_twins_do_not_lower_the_confidence(invoices: Rag, customer: str) -> None:
    question = f"Which goods are on the invoice for {customer}?"
    with_twins = invoices.find(question, Scope.operator())
    own = with_twins.hits[0].document
    twins = {row.id for row in invoices.documents(Scope.operator()) if row.name.startswith("invoice")} - {own}
    alone = invoices.find(question, Scope(None, None, frozenset(twins)))
    assert customer in with_twins.hits[0].text
    assert with_twins.signals["lead"] == pytest.approx(alone.signals["lead"])
    assert with_twins.confidence == pytest.approx(alone.confidence)


def test_lead_is_left_out_without_another_document_that_was_found(invoices: Rag) -> None:
    ids = {row.name: row.id for row in invoices.documents(Scope.operator())}
    only = Scope(None, frozenset({ids["errors.pdf"]}), frozenset())
    assert "lead" not in invoices.find("Is the tank empty?", only).signals


@pytest.mark.parametrize(("place", "is_judged"), [("", False), (" on the last page", True)])
def test_few_words_in_one_document_are_declined_unless_a_page_is_named(
    invoices: Rag, place: str, is_judged: bool
) -> None:
    ids = {row.name: row.id for row in invoices.documents(Scope.operator())}
    scope = replace(Scope.operator(), documents=frozenset({ids["long.pdf"]}))
    found = invoices.find(f"How many sailors with scarves stand in the lighthouse{place}?", scope)
    assert (found.confidence > 0) is is_judged


def test_known_part_of_an_unknown_code_does_not_make_a_full_score(invoices: Rag) -> None:
    known, unknown = (invoices.find(code, Scope.operator()) for code in ("TDE-200", "TDE-999"))
    assert unknown.hits
    assert unknown.signals["score"] < 0.5 < known.signals["score"]
    assert unknown.confidence < known.confidence


def test_phrase_with_a_corrected_word_counts_half(invoices: Rag) -> None:
    right = invoices.find("the outer quay", Scope.operator())
    typo = invoices.find("the outter quay", Scope.operator())
    assert typo.corrections == {"outter": "outer"}
    assert right.signals["pairs"] == 1
    assert typo.signals["pairs"] == 0.5


# ---------------------------------------------------------------- text vectors


@pytest.fixture(scope="module")
def with_vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("vectors")
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    made = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1}, search={"lanes": "text-vectors"})
    with open_rag(
        made, extractor=TextExtractor, embedder=NoEmbedder(), text_embedder=FakeTextEmbedder(), store=FakeStore()
    ) as opened:
        opened.index([folder / name for name in TEXTS])
        yield opened


def test_confidence_follows_the_vectors_where_no_word_is_found(with_vectors: Rag) -> None:
    # The embedder goes by the first letters of "gatewayish"; full-text search finds none of these words.
    near = with_vectors.find("gatewayish gatewayish", Scope.operator())
    far = with_vectors.find("xylophone quartet", Scope.operator())
    assert near.hits[0].name == "gateway.pdf"
    assert near.signals["held"] == far.signals["held"] == 0
    assert 0 <= far.signals["nearer"] < near.signals["nearer"] <= 1
    assert far.confidence < near.confidence
