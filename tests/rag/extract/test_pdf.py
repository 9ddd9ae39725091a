"""Tests of PDF extraction: words, labels, figures, tables and pictures of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pymupdf as pymupdf
import pytest
from PIL import Image

from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, TextSource
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers


def words_of(page: ExtractedPage) -> dict[str, Box]:
    return {word.text: word.box for block in page.blocks for line in block.lines for word in line.words}


def text_of(page: ExtractedPage) -> str:
    return " ".join(" ".join(block.text for block in page.blocks).split())


def of_kind(page: ExtractedPage, kind: BlockKind) -> list[Block]:
    return [block for block in page.blocks if block.kind is kind]


def ink_box(path: Path) -> Box:
    """Return the box phrase all dark pixels of a picture."""
    with Image.open(path) as image:
        box = image.convert("L").point(lambda value: 255 if value < 128 else 0).getbbox()
        assert box is not None
        return Box(box[0] / image.width, box[1] / image.height, box[2] / image.width, box[3] / image.height)


def test_text_page_keeps_every_word_in_order(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    papers.text_page(document)
    path = papers.save(document, tmp_path / "text.pdf")
    [page] = ink_extractor.extract(path, 1, 1, into)
    assert text_of(page) == f"A heading of this page {papers.PARAGRAPH}"
    assert page.text_source is TextSource.LAYER
    assert page.blocks[0].kind in (BlockKind.TITLE, BlockKind.HEADING)
    assert (page.width, page.height) == (600, 800)
    assert page.error is None
    assert page.label is None
    assert set(page.stage_ms) == {"parse", "layout", "render", "ocr"}
    assert page.stage_ms["layout"] > 0
    with Image.open(into / (page.render or "")) as render:
        assert render.format == "JPEG"
        assert render.size == (600, 800)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_match_the_ink_of_rotated_and_cropped_pages(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path, rotation: int
) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    page.insert_text((200, 300), "Alone", fontsize=40)
    page.insert_text((5, 20), "outside", fontsize=10)
    page.set_cropbox((50, 100, 550, 700))
    page.set_rotation(rotation)
    path = papers.save(document, tmp_path / "turned.pdf")
    [read] = ink_extractor.extract(path, 1, 1, into)
    assert (read.width, read.height) == ((600, 500) if rotation in (90, 270) else (500, 600))
    assert list(words_of(read)) == ["Alone"]
    ink = ink_box(into / (read.render or ""))
    word = words_of(read)["Alone"]
    assert word.covers(ink) > 0.99
    assert word.area < 4 * ink.area


def test_layout_analyzes_rotated_pages_upright(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    # Drawn sideways and turned by the rotation, like a landscape page in a portrait report.
    page = document.new_page(width=600, height=800)
    page.insert_text((90, 740), "A heading of this page", fontsize=20, fontname="hebo", rotate=90)
    page.insert_textbox((120, 60, 300, 740), papers.PARAGRAPH, fontsize=11, rotate=90)
    page.set_rotation(90)
    path = papers.save(document, tmp_path / "landscape.pdf")
    [read] = ink_extractor.extract(path, 1, 1, into)
    assert text_of(read) == f"A heading of this page {papers.PARAGRAPH}"
    assert read.blocks[0].kind in (BlockKind.TITLE, BlockKind.HEADING)
    assert len(read.blocks[1].lines) > 1


def test_page_labels_are_extracted_beside_page_numbers(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    for _ in range(4):
        papers.text_page(document)
    document.set_page_labels(
        [{"startpage": 0, "style": "r", "firstpagenum": 5}, {"startpage": 2, "style": "D", "prefix": "A-"}]
    )
    path = papers.save(document, tmp_path / "labels.pdf")
    pages = ink_extractor.extract(path, 2, 4, into)
    assert [(page.number, page.label) for page in pages] == [(2, "vi"), (3, "A-1"), (4, "A-2")]
    assert sorted(file.name for file in into.iterdir()) == ["p0002.jpg", "p0003.jpg", "p0004.jpg"]


def test_blank_page_has_a_number_and_no_blocks(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    document.new_page(width=600, height=800)
    path = papers.save(document, tmp_path / "blank.pdf")
    [page] = ink_extractor.extract(path, 1, 1, into)
    assert (page.blocks, page.text_source, page.error) == ((), TextSource.NONE, None)
    assert page.stage_ms["ocr"] == 0
    assert (into / (page.render or "")).is_file()


def test_ocr_recognizes_a_page_that_is_a_picture(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    image = Image.new("RGB", (1200, 1600), "white")
    image.paste(papers.lettering("Harbour dues rise", (900, 200)), (150, 300))
    papers.picture_page(document, image)
    path = papers.save(document, tmp_path / "scan.pdf")
    [page] = extractor.extract(path, 1, 1, into)
    assert text_of(page) == "Harbour dues rise"
    assert page.text_source is TextSource.OCR
    assert all(line.ocr for block in page.blocks for line in block.lines)
    words = words_of(page)
    ink = ink_box(into / (page.render or ""))
    phrase = words["Harbour"].union(words["rise"])
    assert ink.covers(phrase) > 0.45  # letters fill about half of a line's height
    assert phrase.covers(ink) > 0.9
    assert words["Harbour"].x1 < words["dues"].x0 + 0.01 < words["dues"].x1 < words["rise"].x0 + 0.01
    assert not of_kind(page, BlockKind.FIGURE)


def test_words_in_a_figure_become_its_lines(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.text_page(document)
    page.insert_image((100, 400, 500, 600), stream=papers.png(papers.lettering("Turbine outlet", (800, 400))))
    path = papers.save(document, tmp_path / "labelled.pdf")
    [read] = extractor.extract(path, 1, 1, into)
    [figure] = of_kind(read, BlockKind.FIGURE)
    assert figure.text == "Turbine outlet"
    assert figure.lines[0].ocr
    assert read.text_source is TextSource.BOTH
    assert Box(100 / 600, 0.5, 500 / 600, 0.75).covers(figure.lines[0].box) > 0.99
    # OCR did not add words of the text layer a second time.
    assert text_of(read).count("committee") == 1
    with Image.open(into / (figure.picture or "")) as crop:
        assert crop.size[0] > crop.size[1]


def test_ocr_recognizes_letters_drawn_as_paths(extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    drawn = papers.new()
    page = drawn.new_page(width=400, height=200)
    for x, label in ((20, "Boiler"), (220, "Condenser")):
        page.draw_rect((x, 40, x + 160, 140))
        page.insert_text((x + 20, 100), label, fontsize=24)
    page.draw_line((180, 90), (220, 90))
    svg = page.get_svg_image(text_as_path=True)  # letters as outlines, without a text layer
    outlines = papers.pymupdf.open("pdf", papers.pymupdf.open("svg", svg.encode()).convert_to_pdf())
    document = papers.new()
    page = papers.text_page(document)
    page.show_pdf_page(papers.pymupdf.Rect(100, 400, 500, 600), outlines, 0)
    path = papers.save(document, tmp_path / "paths.pdf")
    [read] = extractor.extract(path, 1, 1, into)
    assert "Boiler" not in " ".join(line.text for block in read.blocks for line in block.lines if not line.ocr)
    [figure] = of_kind(read, BlockKind.FIGURE)
    assert figure.text.split() == ["Boiler", "Condenser"]
    assert figure.box.intersection(Box(120 / 600, 440 / 800, 480 / 600, 540 / 800)) > 0.9 * 0.6 * 0.125


def test_table_is_cropped_and_ordered_by_rows(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.text_page(document)
    rows = [("Hall", "Visitors", "Cost"), ("North", "1,204", "310"), ("South", "998", "275"), ("West", "640", "120")]
    for row, cells in enumerate(rows):
        page.draw_line((80, 350 + 24 * row), (500, 350 + 24 * row))
        for column, cell in enumerate(cells):
            page.insert_text((90 + 150 * column, 367 + 24 * row), cell, fontsize=11)
    page.draw_line((80, 350 + 24 * len(rows)), (500, 350 + 24 * len(rows)))
    path = papers.save(document, tmp_path / "table.pdf")
    [read] = ink_extractor.extract(path, 1, 1, into)
    [table] = of_kind(read, BlockKind.TABLE)
    assert [line.text for line in table.lines] == [" ".join(cells) for cells in rows]
    assert table.picture is not None
    assert (into / table.picture).is_file()
    assert not of_kind(read, BlockKind.FIGURE)


def searchable_scan(document: Any, shown: str, layer: str) -> Any:
    """Add a page that is a picture of one text under the invisible words of another."""
    printed = papers.new()
    papers.text_page(printed, shown)
    pixmap = printed[0].get_pixmap(dpi=150)
    page = papers.picture_page(document, Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples))
    page.insert_textbox((60, 120, 540, 300), layer, fontsize=11, render_mode=3)
    return page


def test_scan_keeps_the_text_layer_that_its_picture_shows(
    extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    searchable_scan(document, papers.PARAGRAPH, papers.PARAGRAPH)
    path = papers.save(document, tmp_path / "searchable.pdf")
    [read] = extractor.extract(path, 1, 1, into)
    assert read.text_source is TextSource.LAYER
    assert text_of(read) == papers.PARAGRAPH
    assert read.notes == ()
    assert not of_kind(read, BlockKind.FIGURE)


def test_scan_loses_the_words_under_a_black_box(tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = searchable_scan(document, papers.PARAGRAPH, papers.PARAGRAPH)
    [box] = [pymupdf.Rect(word[:4]) for word in page.get_text("words") if word[4] == "committee"]
    page.draw_rect((box.x0 - 2, box.y0 - 3, box.x1 + 2, box.y1 + 3), fill=(0, 0, 0))
    path = papers.save(document, tmp_path / "redacted.pdf")
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False), None)
    try:
        [read] = extractor.extract(path, 1, 1, into)
    finally:
        extractor.close()
    assert text_of(read) == papers.PARAGRAPH.replace("committee ", "", 1)
    assert [note.lost for note in read.notes] == [False]


def test_scan_loses_a_text_layer_that_its_picture_does_not_show(
    extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    other = "Nobody may learn where Barnaby Quickfall keeps those ledgers, neither today nor during next winter. " * 3
    searchable_scan(document, papers.PARAGRAPH, other)
    path = papers.save(document, tmp_path / "misleading.pdf")
    [read] = extractor.extract(path, 1, 1, into)
    assert "Quickfall" not in text_of(read)
    assert "committee" in text_of(read)
    assert [note.lost for note in read.notes] == [False]


def test_blocks_come_from_the_file_without_layout_analysis(tmp_path: Path, into: Path) -> None:
    document = papers.new()
    papers.text_page(document)
    path = papers.save(document, tmp_path / "text.pdf")
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), "tests.support.ocr:open_broken")
    try:
        [page] = extractor.extract(path, 1, 1, into)
    finally:
        extractor.close()
    assert {block.kind for block in page.blocks} == {BlockKind.TEXT}
    assert text_of(page) == f"A heading of this page {papers.PARAGRAPH}"
    with Image.open(into / (page.render or "")) as render:
        assert max(render.size) == 400


def test_ligatures_and_soft_hyphens_are_removed(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    writer = papers.pymupdf.TextWriter(page.rect)
    writer.append((60, 100), "\ufb01nancial of\ufb01ce for\u00adest", font=papers.pymupdf.Font("tiro"), fontsize=14)
    writer.write_text(page)
    path = papers.save(document, tmp_path / "ligatures.pdf")
    [read] = ink_extractor.extract(path, 1, 1, into)
    assert text_of(read) == "financial office forest"


def test_damaged_page_labels_do_not_fail_the_page(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    papers.text_page(document)
    document.xref_set_key(document.pdf_catalog(), "PageLabels", "<</Nums[0<</S/D/St(four)>>]>>")
    [page] = ink_extractor.extract(papers.save(document, tmp_path / "labelled.pdf"), 1, 1, into)
    assert (page.error, page.label) == (None, None)
    assert text_of(page).endswith(papers.PARAGRAPH)


def test_extremely_wide_page_keeps_its_words(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.text_page(document)
    document.xref_set_key(page.xref, "MediaBox", "[0 0 4294967296 800]")
    [read] = ink_extractor.extract(papers.save(document, tmp_path / "wide.pdf"), 1, 1, into)
    assert read.error is None
    assert {"committee", "autumn"} <= words_of(read).keys()
    with Image.open(into / (read.render or "")) as render:
        assert min(render.size) == 1


def test_blocks_come_from_the_file_if_the_library_has_another_layout_model(tmp_path: Path, into: Path) -> None:
    document = papers.new()
    papers.text_page(document)
    path = papers.save(document, tmp_path / "text.pdf")
    extractor = GuardedExtractor(ReadSettings(render_px=400), "tests.support.ocr:open_without_layout")
    try:
        assert "BoxRFDGNN" in extractor.load_models()
        [page] = extractor.extract(path, 1, 1, into)
    finally:
        extractor.close()
    assert text_of(page) == f"A heading of this page {papers.PARAGRAPH}"


def test_vertical_text_is_read_in_columns_from_the_right(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    columns = ("港の案内所は毎朝八時に開きます", "船の出入りは電話で確かめます", "雨の日は荷揚げをしません")
    document = papers.new()
    page = document.new_page(width=600, height=800)
    for column, text in enumerate(columns):
        for row, letter in enumerate(text):
            page.insert_text((500 - 40 * column, 100 + 20 * row), letter, fontname="japan", fontsize=18)
    [extracted] = ink_extractor.extract(papers.save(document, tmp_path / "vertical.pdf"), 1, 1, into)
    assert [(block.kind, block.text) for block in extracted.blocks] == [(BlockKind.TEXT, "\n".join(columns))]


def test_right_to_left_text_with_a_number_is_read_from_the_right(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    text = "המשרד נפתח בשעה 8:30 בבוקר בכל יום"
    page.insert_htmlbox((60, 60, 540, 300), f"<p dir=rtl style='font-size:16px'>{text}</p>")
    [extracted] = ink_extractor.extract(papers.save(document, tmp_path / "hebrew.pdf"), 1, 1, into)
    assert text_of(extracted) == text
