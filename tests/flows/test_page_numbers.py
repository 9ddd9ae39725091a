"""Page numbers count all pages: blank, rotated, repeated, failed and inserted ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from rag import Scope, Settings
from rag.extract.guarded import GuardedExtractor
from tests.rag.extract import papers
from tests.support.migrated import open_rag

WORDS = "alder birch cedar elder fir ginkgo hazel ivy juniper larch".split()


def corpus(path: Path, inserted: int | None = None) -> dict[str, list[int]]:
    """Write a PDF with unusual pages and return the page numbers of each word. Insert a page at `inserted`."""
    document = papers.new()
    found: dict[str, list[int]] = {}

    def add(word: str) -> Any:
        page = papers.text_page(document, f"The {word} grows by the harbor wall, as it did last year.")
        found.setdefault(word, []).append(document.page_count)
        return page

    add(WORDS[0])
    document.new_page(width=600, height=800)  # blank
    add(WORDS[1]).set_rotation(90)
    add(WORDS[2])
    add(WORDS[2])  # a repeated page
    # Red stops the reading process, so this page fails twice.
    papers.picture_page(document, Image.new("RGB", (600, 800), "red"))
    add(WORDS[3]).set_cropbox((20, 20, 560, 700))
    document.new_page(width=800, height=600)  # blank, landscape
    add(WORDS[4]).set_rotation(180)
    for word in WORDS[5:]:
        add(word)
    if inserted is not None:
        document.insert_pdf(one_page("quince"), start_at=inserted - 1)
        found = {word: [n + (n >= inserted) for n in pages] for word, pages in found.items()} | {"quince": [inserted]}
    papers.save(document, path)
    return found


def one_page(word: str) -> Any:
    document = papers.new()
    papers.text_page(document, f"The {word} was put in later.")
    return document


@pytest.mark.timeout(120)
@pytest.mark.parametrize("inserted", [None, 1, 6, 9])
def test_words_are_found_on_the_page_that_a_reader_counts(inserted: int | None, tmp_path: Path) -> None:
    expected = corpus(tmp_path / "odd.pdf", inserted)
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1, "render_px": 400})
    with open_rag(
        settings, extractor=lambda: GuardedExtractor(settings.read, "tests.support.ocr:open_aborting")
    ) as rag:
        [outcome] = rag.index([tmp_path / "odd.pdf"])
        with pymupdf.open(tmp_path / "odd.pdf") as document:
            assert (outcome.state, outcome.pages) == ("new", document.page_count)
        for word, pages in expected.items():
            hits = rag.find(word, Scope.operator()).hits
            # Of repeated pages, only the first is returned.
            assert {hit.page for hit in hits} <= set(pages)
            assert hits[0].page == pages[0]
            for hit in hits:
                assert hit.page_image is not None
                assert hit.page_image.name == f"p{hit.page:04d}.jpg"
