"""Tests of scanned pages with real OCR and real layout analysis."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from rag.extract.guarded import GuardedExtractor
from rag.extract.ocr import is_garbled
from rag.ingest.chunking import chunk_pages
from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, Kind, TextSource
from tests.rag.extract import papers

ROWS = [("Hall", "Visitors", "Cost"), ("North", "1204", "310"), ("South", "998", "275"), ("West", "640", "120")]


def of_kind(page: ExtractedPage, kind: BlockKind) -> list[Block]:
    return [block for block in page.blocks if block.kind is kind]


def slide() -> tuple[Image.Image, Box, Box]:
    """Return a picture of a slide with title, text, bar chart and ruled table, and the boxes of chart and table."""
    image = Image.new("RGB", (1600, 1200), "white")
    pen = ImageDraw.Draw(image)
    font, bold = ImageFont.load_default(size=30), ImageFont.load_default(size=64)
    pen.text((80, 50), "Visitors and costs", fill="black", font=bold)
    for row, text in enumerate(("More people came to the", "northern hall this spring", "than in any year before")):
        pen.text((80, 220 + 45 * row), text, fill="black", font=font)
    for number, height in enumerate((90, 210, 300, 160)):
        pen.rectangle((900 + 140 * number, 560 - height, 990 + 140 * number, 560), fill=(30, 80, 160))
    pen.line((860, 562, 1460, 562), fill="black", width=4)
    for row in range(len(ROWS) + 1):
        pen.line((100, 700 + 80 * row, 1000, 700 + 80 * row), fill="black", width=3)
    for column in range(4):
        pen.line((100 + 300 * column, 700, 100 + 300 * column, 1020), fill="black", width=3)
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            pen.text((130 + 300 * column, 720 + 80 * row), cell, fill="black", font=font)
    return image, Box(860 / 1600, 260 / 1200, 1460 / 1600, 562 / 1200), Box(0.0625, 700 / 1200, 0.625, 0.85)


def overlap_ratio(a: Box, b: Box) -> float:
    return a.intersection(b) / (a.area + b.area - a.intersection(b))


def check(page: ExtractedPage, chart: Box, table: Box, into: Path) -> None:
    figures, tables = of_kind(page, BlockKind.FIGURE), of_kind(page, BlockKind.TABLE)
    assert len(figures) == len(tables) == 1
    assert overlap_ratio(figures[0].box, chart) > 0.8
    assert overlap_ratio(tables[0].box, table) > 0.8
    assert all((into / (block.picture or "")).is_file() for block in (*figures, *tables))
    assert page.text_source is TextSource.OCR
    assert "northern hall" in " ".join(block.text for block in page.blocks if block.kind is BlockKind.TEXT)
    [chunk] = [chunk for chunk in chunk_pages([page])[0] if chunk.kind is Kind.TABLE]
    assert chunk.text.splitlines() == [
        "| Hall | Visitors | Cost |",
        "| --- | --- | --- |",
        "| North | 1204 | 310 |",
        "| South | 998 | 275 |",
        "| West | 640 | 120 |",
    ]
    assert len(chunk.line_boxes) == 4


def test_scanned_slide_has_text_chart_and_table(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    image, chart, table = slide()
    document = papers.new()
    page = document.new_page(width=800, height=600)
    page.insert_image(page.rect, stream=papers.png(image))
    [read] = extractor.extract(papers.save(document, tmp_path / "slide.pdf"), 1, 1, into)
    check(read, chart, table, into)


def test_picture_file_has_the_same_layout_as_a_scan(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    image, chart, table = slide()
    image.save(tmp_path / "slide.png")
    [read] = extractor.extract(tmp_path / "slide.png", 1, 1, into)
    check(read, chart, table, into)


def test_garbled_text_layer_is_replaced_by_ocr(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.picture_page(document, papers.lettering("Harbour dues rise", (1200, 1600)))
    garbled = " ".join(["Kduerxu gxhv ulvh wklv vsulqj dqg qrw qhaw"] * 8)
    page.insert_textbox((60, 60, 540, 760), garbled, fontsize=11, render_mode=3)
    [read] = extractor.extract(papers.save(document, tmp_path / "shifted.pdf"), 1, 1, into)
    text = " ".join(block.text for block in read.blocks)
    assert "Harbour dues rise" in text
    assert "wklv" not in text


def test_is_garbled_detects_wrong_glyph_mappings_only() -> None:
    assert is_garbled(["\ufffd\ufffd\ufffd", "\ue001\ue002", "the"])
    assert is_garbled("wklv lv qrw dq hqjolvk whaw dw doo, exw vkliwhg eb wkuhh".split() * 8)
    assert not is_garbled(papers.PARAGRAPH.split())
    assert not is_garbled(["Chapter", "\ufffd" * 40, "4"] * 5)
    assert not is_garbled(["GDP", "KPN", "CFO", "1,204", "§"])
    assert not is_garbled("Příliš žluťoučký kůň úpěl ďábelské ódy o zmrzlém vlku".split() * 6)
    assert not is_garbled(["порт", "шлюза", "8443"] * 20)
    assert not is_garbled([])
