"""Versions of a document: the newest is ranked first, and named beside the older ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings
from rag.search.versions import version_family
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

PRICES = "The prices of the chandlery are valid for all members of the harbor club. A coil of rope costs {} crowns."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Price list 2025.pdf", "Price list 2026.pdf"),
        ("handbook_v1.pdf", "Handbook v2.1.docx"),
        ("Plan (1).pdf", "Plan.pdf"),
        ("Report-2026-03-01.pdf", "Report-2026-04-01.pdf"),
        ("Report_20260301.pdf", "Report_20260401.pdf"),
        ("Budget Q1 2026.xlsx", "Budget Q2 2026.xlsx"),
        ("Vertrag_final.pdf", "Vertrag Entwurf.pdf"),
        ("Minutes March.pdf", "Minutes April.pdf"),
    ],
)
def test_names_of_versions_are_of_one_family(one: str, other: str) -> None:
    assert version_family(one) == version_family(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Offer Kestrel Ltd.pdf", "Offer Seagull Ltd.pdf"),
        ("invoice_0815.pdf", "invoice_0816.pdf"),
        ("Chapter 3.pdf", "Chapter 4.pdf"),
        ("B-12.pdf", "B-13.pdf"),
    ],
)
def test_names_of_different_documents_are_not(one: str, other: str) -> None:
    assert version_family(one) != version_family(other)


def share(folder: Path, *prices: tuple[str, int]) -> None:
    for day, (name, price) in enumerate(prices):
        (folder / name).write_text(PRICES.format(price))
        os.utime(folder / name, (day * 86400, day * 86400))


def opened(folder: Path) -> Rag:
    settings = Settings(data=folder.parent / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("what does a coil of rope cost", "Prices 2026.pdf"),
        ("what is the current price of a coil of rope", "Prices 2026.pdf"),
        ("what did a coil of rope cost in 2024", "Prices 2024.pdf"),
        ("what did a coil of rope cost in 2025", "Prices 2025.pdf"),
        ("what does a coil of rope cost in the old prices", "Prices 2025.pdf"),
        ("previous price of a coil of rope", "Prices 2025.pdf"),
    ],
)
def test_newest_version_is_first_unless_the_question_names_another(folder: Path, question: str, first: str) -> None:
    share(folder, ("Prices 2026.pdf", 70), ("Prices 2024.pdf", 50), ("Prices 2025.pdf", 60))
    with opened(folder) as rag:
        rag.index([folder])
        hits = rag.find(question, Scope.operator()).hits
        assert hits[0].name == first
        newer = {hit.name: hit.newer.partition(",")[0] for hit in hits}
        assert newer == {
            "Prices 2024.pdf": "Prices 2026.pdf",
            "Prices 2025.pdf": "Prices 2026.pdf",
            "Prices 2026.pdf": "",
        }


def test_answer_says_that_an_older_version_differs(folder: Path) -> None:
    share(folder, ("Prices v1.pdf", 60), ("Prices v2.pdf", 70))
    with opened(folder) as rag:
        rag.index([folder])
        answer = rag.ask("what does a coil of rope cost", Scope.operator())
        assert answer.cited[0].hit.name == "Prices v2.pdf"
        assert "An older version differs: Prices v1.pdf, p. 1" in answer.notice


def test_version_that_fits_the_question_better_stays_first(folder: Path) -> None:
    share(folder, ("Prices v1.pdf", 60), ("Prices v2.pdf", 70))
    with (folder / "Prices v1.pdf").open("a") as file:
        file.write(" Tar from the kiln of Whelk Point.")
    with opened(folder) as rag:
        rag.index([folder])
        assert rag.find("tar from the kiln of Whelk Point", Scope.operator()).hits[0].name == "Prices v1.pdf"


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("tar from the kiln: the current price", "Prices 2026.pdf"),
        ("latest price of tar from the kiln", "Prices 2026.pdf"),
        ("aktuell: price of tar from the kiln", "Prices 2026.pdf"),
        ("price of tar from the kiln in 2025", "Prices 2025.pdf"),
        ("price of tar from the kiln", "Prices 2024.pdf"),
    ],
)
def test_words_for_the_newest_and_years_decide_between_versions(folder: Path, question: str, first: str) -> None:
    share(folder, ("Prices 2024.pdf", 50), ("Prices 2025.pdf", 60), ("Prices 2026.pdf", 70))
    with (folder / "Prices 2024.pdf").open("a") as file:
        file.write(" Tar from the kiln: ask for its price.")
    with opened(folder) as rag:
        rag.index([folder])
        assert rag.find(question, Scope.operator()).hits[0].name == first


def test_formats_of_one_file_that_are_shared_together_have_no_order(folder: Path) -> None:
    share(folder, ("Prices.pdf", 60), ("Prices.txt", 61))
    with opened(folder) as rag:
        rag.index([folder])
        assert not any(hit.newer for hit in rag.find("what does a coil of rope cost", Scope.operator()).hits)


def test_version_outside_the_scope_is_not_named(folder: Path) -> None:
    share(folder, ("Prices v1.pdf", 60), ("Prices v2.pdf", 70))
    with opened(folder) as rag:
        rag.index([folder])
        ids = {row.name: row.id for row in rag.documents(Scope.operator())}
        found = rag.find("what does a coil of rope cost", Scope(None, frozenset({ids["Prices v1.pdf"]}), frozenset()))
        assert [(hit.name, hit.newer) for hit in found.hits] == [("Prices v1.pdf", "")]


def test_files_of_one_family_with_other_words_are_not_versions(folder: Path) -> None:
    share(folder, ("Minutes March.pdf", 60))
    (folder / "Minutes April.pdf").write_text("The crane of the eastern quay was sold. Rope is cheap.")
    with opened(folder) as rag:
        rag.index([folder])
        assert not any(hit.newer for hit in rag.find("what does a coil of rope cost", Scope.operator()).hits)
