"""Pages are found by their printed number, and financial statements by their line items."""

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

EVERYTHING = Scope.operator()

SHEET = """Consolidated balance sheets
Cash and cash equivalents 9,889
Accounts receivable, net 4,463
Inventories 6,854
Prepaid expenses 1,498
Total current assets 26,291
Property, plant and equipment 4,904
Goodwill 242
Total assets 37,740
Accounts payable 2,836
Accrued liabilities 6,063
Total current liabilities 9,674
Long-term debt 9,413
Retained earnings 3,179
Total stockholders' equity 12,767"""

LETTER = """The current ratio and the quick ratio
Our current ratio, the ratio of current assets to current liabilities, is the ratio that we watch.
Liquidity is current assets over current liabilities; the current ratio in 2021 was the best ratio yet."""


class UnlabeledExtractor(TextExtractor):
    """Returns no page labels, as for most PDFs."""

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        return replace(super()._page(number, text, into), label=None)


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    folder = tmp_path / "shared"
    folder.mkdir()
    spreads = [f"{2 * page} {2 * page + 1}\n\nPier of programme {'abcdefghij'[page]}" for page in range(10)]
    (folder / "brochure.pdf").write_text("\f".join(["The brochure of the pier", *spreads[1:]]))
    report = [
        LETTER,
        "Chairman's letter",
        SHEET,
        "Our current assets grew",
        "The ratio of ships to current liabilities",
    ]
    (folder / "harbor 2021.pdf").write_text("\f".join(report))
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=UnlabeledExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder])
        yield opened


def test_spread_is_found_by_either_printed_number(rag: Rag) -> None:
    for number, page in ((12, 7), (13, 7), (18, 10)):
        hits = rag.find(f"Which pier is on page {number} of the brochure?", EVERYTHING).hits
        assert (hits[0].name, hits[0].page) == ("brochure.pdf", page)
    assert hits[0].place == "brochure.pdf, p. 10 (printed 18–19)"


def test_counted_page_is_found_as_well(rag: Rag) -> None:
    hits = rag.find("Which pier is on page 4 of the brochure?", EVERYTHING).hits
    assert {hit.page for hit in hits[:2]} == {3, 4}


def test_ratio_is_found_on_the_statement_not_in_the_letter(rag: Rag) -> None:
    hits = rag.find("What was the current ratio of the harbor in 2021?", EVERYTHING).hits
    assert (hits[0].name, hits[0].page) == ("harbor 2021.pdf", 3)
    assert "place" in hits[0].lanes


def test_statement_outside_the_scope_is_not_found(rag: Rag) -> None:
    assert rag.find("What was the current ratio of the harbor in 2021?", Scope.of("C1")).hits == ()
    [brochure] = [row.id for row in rag.documents(EVERYTHING) if row.name == "brochure.pdf"]
    only_brochure = replace(EVERYTHING, documents=frozenset({brochure}))
    assert not rag.find("What was the current ratio of the harbor in 2021?", only_brochure).rankings["place"]
