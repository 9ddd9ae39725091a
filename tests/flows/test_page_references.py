"""Questions that name a page, a figure or a financial ratio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings
from rag.model.extraction import ExtractedPage
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

LABELS = {1: "i", 2: "ii", 3: "1", 4: "2", 5: "3"}


class LabeledExtractor(TextExtractor):
    """Labels the first two pages with roman numerals."""

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        return replace(super()._page(number, text, into), label=LABELS.get(number))


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    folder = tmp_path / "shared"
    folder.mkdir()
    pages = ["Harbor report", "Harbor harbor map", "Harbor cranes", "Pilots", "Harbor harbor harbor dues"]
    (folder / "harbor.pdf").write_text("\f".join(pages))
    notes = ["Tides", "Figure 2 shows 3 buoys", "Figure 3 shows buoys", "Assets current, liabilities current", "Buoys"]
    (folder / "notes.pdf").write_text("\f".join(notes))
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=LabeledExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder])
        yield opened


def first_hit(rag: Rag, question: str) -> tuple[str, int]:
    hit = rag.find(question, Scope.operator()).hits[0]
    return hit.name, hit.page


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("What does page 4 of the harbor report say?", 4),
        ("What is on the last page of the harbor report?", 5),
        ("What is on the second-to-last page of the harbor report?", 4),
        ("What is on the first page of the harbor report?", 1),
        ("What is on page ii of the harbor report?", 2),
    ],
)
def test_page_is_found_by_its_number(rag: Rag, question: str, page: int) -> None:
    assert first_hit(rag, question) == ("harbor.pdf", page)


def test_page_number_matches_both_counted_and_printed_numbers(rag: Rag) -> None:
    hits = rag.find("What does page 2 of the harbor report say?", Scope.operator()).hits
    assert {("harbor.pdf", 2), ("harbor.pdf", 4)} <= {(hit.name, hit.page) for hit in hits[:3]}
    assert rag.find("cranes", Scope.operator()).rankings.get("place") is None


def test_figure_is_found_by_its_number(rag: Rag) -> None:
    assert first_hit(rag, "What are the buoys in figure 3?") == ("notes.pdf", 3)


def test_ratio_is_found_by_its_operands(rag: Rag) -> None:
    assert first_hit(rag, "What is the quick ratio of the harbor?")[0] in ("harbor.pdf", "notes.pdf")
    found = rag.find("What is the harbor's quick ratio?", Scope.operator())
    assert ("notes.pdf", 4) in {(hit.name, hit.page) for hit in found.hits}


def test_question_about_the_document_itself_finds_the_first_page(rag: Rag) -> None:
    assert first_hit(rag, "Who is the author of the harbor report?") == ("harbor.pdf", 1)


def test_referenced_page_outside_the_scope_is_not_found(rag: Rag) -> None:
    assert rag.find("What does page 4 of the harbor report say?", Scope.of("C1")).hits == ()
