"""Tests of turned pages, and of turned text and tables on upright pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from rag.extract.guarded import GuardedExtractor
from rag.ingest.chunking import chunk_pages
from rag.model.extraction import ExtractedPage, Kind
from tests.rag.extract import papers

ROWS = [("Port", "Berths", "Depth m"), ("Akerhamn", "14", "3.2"), ("Brissund", "22", "4.1"), ("Ekvik", "9", "2.6")]
MARKDOWN = [
    "| Port | Berths | Depth m |",
    "| --- | --- | --- |",
    "| Akerhamn | 14 | 3.2 |",
    "| Brissund | 22 | 4.1 |",
    "| Ekvik | 9 | 2.6 |",
]


def table(font: int = 14) -> Any:
    """Return a document with a ruled table on a page of 480 x 220 points."""
    document = papers.new()
    page = document.new_page(width=480, height=220)
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            page.draw_rect((20 + 140 * column, 20 + 40 * row, 160 + 140 * column, 60 + 40 * row))
            page.insert_text((30 + 140 * column, 46 + 40 * row), cell, fontsize=font)
    return document


def picture(document: Any) -> Image.Image:
    pixmap = document[0].get_pixmap(dpi=150)
    return Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def table_text(page: ExtractedPage) -> list[str]:
    [chunk] = [chunk for chunk in chunk_pages([page])[0] if chunk.kind is Kind.TABLE]
    return chunk.text.splitlines()


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_page_with_a_turned_text_layer_becomes_upright(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path, turn: int
) -> None:
    document = papers.new()
    page = document.new_page(width=220 if turn != 180 else 480, height=480 if turn != 180 else 220)
    page.show_pdf_page(page.rect, table(), 0, rotate=turn)
    [read] = ink_extractor.extract(papers.save(document, tmp_path / "turned.pdf"), 1, 1, into)
    assert (read.width, read.height) == (480, 220)
    assert table_text(read) == MARKDOWN
    word = next(word for block in read.blocks for line in block.lines for word in line.words if word.text == "Brissund")
    assert abs(word.box.x0 * 480 - 30) < 4
    assert abs(word.box.y1 * 220 - 128) < 8
    with Image.open(into / (read.render or "")) as render:
        assert render.width > render.height


@pytest.mark.parametrize("turn", [90, 270])
def test_sideways_table_on_an_upright_page_keeps_rows_and_columns(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path, turn: int
) -> None:
    document = papers.new()
    page = papers.text_page(document)
    area = pymupdf.Rect(100, 300, 320, 780)
    page.show_pdf_page(area, table(), 0, rotate=turn)
    [read] = ink_extractor.extract(papers.save(document, tmp_path / "mixed.pdf"), 1, 1, into)
    assert (read.width, read.height) == (600, 800)
    assert table_text(read) == MARKDOWN
    [chunk] = [chunk for chunk in chunk_pages([read])[0] if chunk.kind is Kind.TABLE]
    assert all(area.x0 / 600 <= box.x0 < box.x1 <= area.x1 / 600 for box in chunk.line_boxes)
    with Image.open(into / (chunk.picture or "")) as crop:
        assert crop.width > crop.height
    text = " ".join(block.text for block in read.blocks)
    assert "committee met in the spring" in text


def test_turned_paragraph_on_an_upright_page_is_read_line_by_line(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = papers.text_page(document)
    lines = ("The warden opens the gate", "at six in the morning and", "closes it after the last ferry")
    for row, line in enumerate(lines):
        page.insert_text((300 + 20 * row, 700), line, fontsize=12, rotate=90)
    [read] = ink_extractor.extract(papers.save(document, tmp_path / "margin.pdf"), 1, 1, into)
    [block] = [block for block in read.blocks if "warden" in block.text]
    assert [line.text for line in block.lines] == list(lines)
    assert block.turn == 90


def test_scan_of_a_sideways_table_keeps_rows_and_columns(
    extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    scan = picture(table(18)).rotate(90, expand=True)
    page = document.new_page(width=220, height=480)
    page.insert_image(page.rect, stream=papers.png(scan))
    [read] = extractor.extract(papers.save(document, tmp_path / "scan.pdf"), 1, 1, into)
    assert (read.width, read.height) == (480, 220)
    assert table_text(read) == MARKDOWN
