"""Questions that name a file, or are about the whole of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings, ShareFilter
from rag.model.search import LOCAL
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor, attached
from tests.support.migrated import open_rag

OFFER = "We offer the wall paint for {} crowns a bucket."
MANUAL = "\f".join(f"Chapter {number}. How to {what} the lamp." for number, what in enumerate(("light", "trim"), 1))


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """Return an engine that is only searched."""
    with indexed(tmp_path_factory.mktemp("files")) as opened:
        yield opened


@pytest.fixture
def own_rag(tmp_path: Path) -> Iterator[Rag]:
    """Return an engine with the same files, to which the test adds others."""
    with indexed(tmp_path) as opened:
        yield opened


@contextmanager
def indexed(parent: Path) -> Iterator[Rag]:
    folder = parent / "shared"
    folder.mkdir()
    (folder / "Offer Kestrel Ltd.pdf").write_text(OFFER.format(64))
    (folder / "Offer Seagull Ltd.pdf").write_text(OFFER.format(70) + "\fSigned at the pier.")
    (folder / "Rechnungen 2026.txt").write_text("Die Summe ist neun.")
    (folder / "lamp_manual.pdf").write_text(MANUAL)
    (folder / "Ordnung.txt").write_text("Erstens.\fZweitens.\fDrittens.")
    (folder / "Haus.txt").write_text("Die Ordnung.\fOrdnung und Ruhe.\fOrdnung, Ordnung!")
    (folder / "letter.pdf").write_text(
        attached("Dear guest.", mooring_plan_txt="Berth four is free.\fBerth six is not.")
    )
    settings = Settings(data=parent / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder])
        yield opened


def first(rag: Rag, question: str, scope: Scope | None = None) -> tuple[str, int] | None:
    found = rag.find(question, scope or Scope.operator())
    return (found.hits[0].title, found.hits[0].page) if found.found else None


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("Seagull", ("Offer Seagull Ltd.pdf", 1)),
        ("What is the price in Offer Seagull Ltd.pdf?", ("Offer Seagull Ltd.pdf", 1)),
        ("What does a bucket cost in Offer Kestrel Ltd.pdf?", ("Offer Kestrel Ltd.pdf", 1)),
        ("What is on page 2 of Offer Seagull Ltd.pdf?", ("Offer Seagull Ltd.pdf", 2)),
        ("Was steht auf Seite 2 von offer-seagull-ltd.pdf?", ("Offer Seagull Ltd.pdf", 2)),
        ("Show page 1 of Rechnungen 2026.txt", ("Rechnungen 2026.txt", 1)),
        ("page 3 of Ordnung", ("Ordnung.txt", 3)),
        ("Rechnung 2026", ("Rechnungen 2026.txt", 1)),
        ("lamp manual", ("lamp_manual.pdf", 1)),
        ("mooring plan", ("mooring.plan.txt, attached to letter.pdf", 1)),
        ("What is on page 2 of mooring.plan.txt?", ("mooring.plan.txt, attached to letter.pdf", 2)),
        ("Summarize mooring.plan.txt", ("mooring.plan.txt, attached to letter.pdf", 1)),
    ],
)
def test_file_is_found_by_its_name(rag: Rag, question: str, place: tuple[str, int]) -> None:
    assert first(rag, question) == place


@pytest.mark.parametrize("question", ["Seagull", "mooring plan"])
def test_name_of_another_space_finds_nothing(rag: Rag, question: str) -> None:
    assert first(rag, question, Scope.of("elsewhere")) is None


def test_name_of_an_attachment_is_found_in_its_type_only(rag: Rag) -> None:
    of_type = [
        replace(Scope.operator(), shares=ShareFilter(extensions=frozenset({ending}))) for ending in ("txt", "pdf")
    ]
    assert [first(rag, "mooring plan", scope) for scope in of_type] == [
        ("mooring.plan.txt, attached to letter.pdf", 1),
        None,
    ]


def test_same_attachment_is_found_by_its_name_in_each_space(own_rag: Rag, tmp_path: Path) -> None:
    other = tmp_path / "notice.pdf"
    other.write_text(attached("Notice.", crane_txt="Berth four is free.\fBerth six is not."))
    own_rag.index([other], "C2")
    assert first(own_rag, "crane", Scope.of("C2")) == ("crane.txt, attached to notice.pdf", 1)
    assert first(own_rag, "mooring plan", Scope.of("C2")) is None
    assert first(own_rag, "mooring plan") == ("mooring.plan.txt, attached to letter.pdf", 1)
    assert first(own_rag, "crane", Scope.of(LOCAL)) is None


@pytest.mark.parametrize(
    "question", ["Summarize lamp_manual.pdf", "What is lamp manual about?", "tl;dr of lamp_manual.pdf"]
)
def test_overview_of_a_named_file_has_its_sections(rag: Rag, question: str) -> None:
    found = rag.find(question, Scope.operator())
    assert found.found
    assert [(hit.name, hit.page) for hit in found.hits[:2]] == [("lamp_manual.pdf", 1), ("lamp_manual.pdf", 2)]


def test_overview_of_the_documents_of_the_scope(rag: Rag) -> None:
    ids = {row.name: row.id for row in rag.documents(Scope.operator())}
    scope = replace(Scope.operator(), documents=frozenset({ids["Offer Seagull Ltd.pdf"]}))
    assert first(rag, "What is this document about?", scope) == ("Offer Seagull Ltd.pdf", 1)
    assert rag.ask("Summarize this", scope).cited[0].hit.name == "Offer Seagull Ltd.pdf"


@pytest.mark.parametrize("question", ["What is this about?", "tl;dr", "Summarize this document", "wat is tihs about"])
def test_overview_of_everything_is_not_made_up(rag: Rag, question: str) -> None:
    found = rag.find(question, Scope.operator())
    assert not found.rankings.get("overview")
    assert (found.found, found.hits) == (False, ())
    assert "Say which file you mean" in found.notice
    assert "Say which file you mean" in rag.ask(question, Scope.operator()).notice


def test_overview_of_the_only_document(own_rag: Rag, tmp_path: Path) -> None:
    only = tmp_path / "only.pdf"
    only.write_text("# Rope lengths\nEach rope has a length.")
    own_rag.index([only], "C3")
    assert first(own_rag, "What is this about?", Scope.of("C3")) == ("only.pdf", 1)


def test_one_word_that_pages_have_is_looked_for(own_rag: Rag, tmp_path: Path) -> None:
    texts = {"ada.pdf": "Resume of Ada, a rope maker.", "a.pdf": "Rope.", "b.pdf": "Twine.", "c.pdf": "Cord."}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    own_rag.index([tmp_path / name for name in texts], "C4")
    assert first(own_rag, "resume", Scope.of("C4")) == ("ada.pdf", 1)
    assert not own_rag.find("resume esto", Scope.of("C4")).found


def test_page_found_by_its_words_and_its_name_shows_the_words(rag: Rag) -> None:
    hit = rag.find("Seagull paint", Scope.operator()).hits[0]
    assert hit.name == "Offer Seagull Ltd.pdf"
    assert set(hit.lanes) == {"words", "file-names"}
    assert "wall paint" in hit.text
