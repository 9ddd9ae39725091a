"""Tests of what PDFs say beside the text of their pages: links, bookmarks, descriptions of figures, form fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from rag.extract.form_fields import printed_boxes
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import WHOLE_PAGE, Block, BlockKind, Box, ExtractedPage, TextSource, Word
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers


@pytest.fixture(scope="module")
def layer_extractor() -> Iterator[GuardedExtractor]:
    """An extractor without OCR."""
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=800), None)
    yield extractor
    extractor.close()


def asides(page: ExtractedPage) -> list[str]:
    return [line.text for block in page.blocks if block.kind is BlockKind.ASIDE for line in block.lines]


def aside_block(page: ExtractedPage) -> Block:
    [block] = [block for block in page.blocks if block.kind is BlockKind.ASIDE]
    return block


def extract(extractor: GuardedExtractor, document: Any, folder: Path, into: Path) -> list[ExtractedPage]:
    count = document.page_count
    path = papers.save(document, folder / "paper.pdf")
    return extractor.extract(path, 1, count, into)


def link(page: Any, rect: tuple[float, float, float, float], address: str) -> None:
    page.insert_link({"kind": pymupdf.LINK_URI, "from": pymupdf.Rect(rect), "uri": address})


def test_link_is_indexed_with_its_words_and_region(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    page.insert_text((60, 100), "The times of the ferry are here.", fontsize=12)
    link(page, (55, 85, 400, 105), "https://times.example/ferry-2207?day=1")
    link(page, (55, 285, 400, 305), "mailto:pier%20master@pier.example")
    [found] = extract(ink_extractor, document, tmp_path, into)
    assert asides(found) == [
        "Link: The times of the ferry are here. https://times.example/ferry-2207?day=1",
        "Link: pier%20master@pier.example",
    ]
    box = aside_block(found).lines[0].box
    assert box == pytest.approx(Box(55 / 600, 85 / 800, 400 / 600, 105 / 800), abs=0.001)
    assert found.text_source is TextSource.LAYER


def test_link_of_two_lines_is_one_and_printed_or_scripted_addresses_are_left_out(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    page.insert_text((60, 100), "the rota of the", fontsize=12)
    page.insert_text((60, 120), "wardens", fontsize=12)
    page.insert_text((60, 200), "www.printed.example/a", fontsize=12)
    for rect in ((55, 88, 400, 105), (55, 108, 400, 125)):
        link(page, rect, "https://wiki.example/rota")
    link(page, (55, 188, 400, 205), "https://www.printed.example/a/")
    link(page, (55, 288, 400, 305), "javascript:alert(1)")
    [found] = extract(ink_extractor, document, tmp_path, into)
    assert asides(found) == ["Link: the rota of the wardens https://wiki.example/rota"]


BLACK, WHITE = (0, 0, 0), (1, 1, 1)


@pytest.mark.parametrize("color", [BLACK, WHITE])
def test_link_whose_words_are_covered_is_left_out(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path, color: tuple[int, int, int]
) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    for y in (500, 550, 600):
        page.insert_text((60, y), "the secret rota", fontsize=12)
        link(page, (55, y - 12, 150, y + 5), f"https://wiki.example/{y}")
    page.draw_rect((50, 480, 300, 510), fill=color, color=color)  # larger than the link
    page.draw_rect((58, 541, 148, 552), fill=color, color=color)  # smaller
    [found] = extract(layer_extractor, document, tmp_path, into)
    assert asides(found) == ["Link: the secret rota https://wiki.example/600"]


def test_link_and_description_below_a_black_box_without_words_are_left_out(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = tagged("Depth chart: the char spawn below the scree")
    page = document[0]
    link(page, (55, 600, 150, 620), "https://wiki.example/rota")
    for rect in ((50, 595, 300, 625), (100, 400, 300, 500)):
        page.draw_rect(rect, fill=BLACK, color=BLACK)
    [found] = extract(layer_extractor, document, tmp_path, into)
    assert asides(found) == []


def test_link_over_a_picture_without_words_is_indexed(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    page.insert_text((120, 450), "below the picture", fontsize=12)
    picture = Image.linear_gradient("L").resize((200, 100))
    page.insert_image((100, 400, 300, 500), stream=papers.png(picture))
    link(page, (100, 400, 300, 500), "https://wiki.example/map")
    [found] = extract(layer_extractor, document, tmp_path, into)
    assert asides(found) == ["Link: https://wiki.example/map"]


def test_what_is_outside_the_page_is_left_out(layer_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    page.insert_text((100, 100), "the secret rota", fontsize=12)
    page.insert_text((350, 500), "The times of the ferry are here.", fontsize=12)
    link(page, (95, 88, 200, 105), "https://wiki.example/rota")
    page.add_text_annot((100, 150), "Who wrote that?")
    field(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, "sealed", (75, 238, 93, 256), field_value=True)
    page.set_cropbox(pymupdf.Rect(300, 400, 600, 800))
    [found] = extract(layer_extractor, document, tmp_path, into)
    assert asides(found) == []


def test_bookmarks_name_pages_that_do_not_print_them(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    for heading in ("General plan", "Sheet", "Sheet"):
        papers.text_page(document, heading=heading)
    document.set_toc([[1, "General  plan", 1], [1, "Sea wall profile", 2], [2, "Groyne", 2], [1, "Slide 3", 3]])
    pages = extract(ink_extractor, document, tmp_path, into)
    assert [asides(page) for page in pages] == [[], ["Bookmark: Sea wall profile", "Bookmark: Groyne"], []]
    assert aside_block(pages[1]).box == WHOLE_PAGE


def tagged(description: str) -> Any:
    """Return a document with one picture that a tagged figure describes."""
    document = papers.new()
    page = papers.text_page(document)
    page.insert_image((100, 400, 300, 500), stream=papers.png(Image.linear_gradient("L").resize((200, 100))))
    picture = page.get_contents()[-1]
    document.update_stream(picture, b"/Figure <</MCID 0>> BDC\n" + document.xref_stream(picture) + b"\nEMC")
    root, figure, numbers = (document.get_new_xref() for _ in range(3))
    document.update_object(
        figure, f"<</Type/StructElem/S/Figure/P {root} 0 R/Pg {page.xref} 0 R/K 0/Alt({description})>>"
    )
    document.update_object(numbers, f"<</Nums[0[{figure} 0 R]]>>")
    document.update_object(root, f"<</Type/StructTreeRoot/K[{figure} 0 R]/ParentTree {numbers} 0 R>>")
    document.xref_set_key(document.pdf_catalog(), "StructTreeRoot", f"{root} 0 R")
    document.xref_set_key(page.xref, "StructParents", "0")
    return document


def test_description_of_a_figure_is_indexed_with_the_figure(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    [found] = extract(ink_extractor, tagged("Depth chart: the char spawn below the scree"), tmp_path, into)
    assert asides(found) == ["Description of a figure: Depth chart: the char spawn below the scree"]
    assert aside_block(found).box == pytest.approx(Box(100 / 600, 0.5, 0.5, 500 / 800), abs=0.01)


def test_structure_tree_with_a_cycle_does_not_hang(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = tagged("A chart")
    figure = next(xref for xref in range(1, document.xref_length()) if "/StructElem" in document.xref_object(xref))
    document.xref_set_key(figure, "P", f"{figure} 0 R")
    [found] = extract(ink_extractor, document, tmp_path, into)
    assert asides(found) == ["Description of a figure: A chart"]


def field(page: Any, kind: int, name: str, rect: tuple[float, float, float, float], **more: Any) -> None:
    widget = pymupdf.Widget()
    widget.field_type, widget.field_name, widget.rect = kind, name, pymupdf.Rect(rect)
    for key, value in more.items():
        setattr(widget, key, value)
    page.add_widget(widget)


def draw_nothing(document: Any, widget: Any) -> None:
    blank = document.get_new_xref()
    document.update_object(blank, "<</Type/XObject/Subtype/Form/BBox[0 0 235 18]>>")
    document.update_stream(blank, b" ")
    document.xref_set_key(widget.xref, "AP", f"<</N {blank} 0 R>>")


def test_form_fields_say_whether_they_are_ticked_and_signed(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = document.new_page(width=600, height=800)
    for y, text in ((150, "Gate sealed"), (180, "Paddles greased")):
        page.insert_text((100, y), text, fontsize=12)
    page.insert_text((60, 230), "Name of the lock:", fontsize=12)
    field(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, "sealed", (75, 138, 93, 156), field_value=True)
    field(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, "greased", (75, 168, 93, 186), field_value=False)
    field(page, pymupdf.PDF_WIDGET_TYPE_TEXT, "lock", (165, 218, 400, 236), field_value="Gannet Lock")
    field(page, pymupdf.PDF_WIDGET_TYPE_TEXT, "Keeper_of_lock", (165, 418, 400, 436), field_value="Ulf")
    keeper = next(widget for widget in page.widgets() if widget.field_name == "Keeper_of_lock")
    draw_nothing(document, keeper)
    signature = document.get_new_xref()
    document.update_object(
        signature,
        "<</Type/Annot/Subtype/Widget/FT/Sig/T(approval)/Rect[60 60 200 90]/F 4"
        "/V<</Type/Sig/Filter/Adobe.PPKLite/Name(Ada Wren)/M(D:20250304101112Z)>>>>",
    )
    annotations = document.xref_get_key(page.xref, "Annots")[1].rstrip("]")
    document.xref_set_key(page.xref, "Annots", f"{annotations} {signature} 0 R]")
    [found] = extract(ink_extractor, document, tmp_path, into)
    assert asides(found) == [
        "Form field: Gate sealed: ticked",
        "Form field: Paddles greased: not ticked",
        "Form field: Keeper of lock: Ulf",
        "Signature field: approval: signed by Ada Wren on 2025-03-04, not verified",
    ]
    printed = " ".join(block.text for block in found.blocks if block.kind is not BlockKind.ASIDE)
    assert "Gannet Lock" in printed
    assert "3" not in printed.split()  # the glyph of the tick


def test_hidden_form_fields_and_passwords_are_left_out(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = papers.text_page(document)
    for number, name in enumerate(("shown", "hidden", "not viewed", "password")):
        is_password = pymupdf.PDF_TX_FIELD_IS_PASSWORD if name == "password" else 0
        rect = (75, 400 + 40 * number, 300, 420 + 40 * number)
        field(page, pymupdf.PDF_WIDGET_TYPE_TEXT, name, rect, field_value=f"value {number}", field_flags=is_password)
    flags = {"shown": 4, "hidden": 2, "not viewed": 32, "password": 4}
    for widget in page.widgets():
        document.xref_set_key(widget.xref, "F", str(flags[widget.field_name]))
        draw_nothing(document, widget)
    [found] = extract(layer_extractor, document, tmp_path, into)
    words = " ".join(block.text for block in found.blocks)
    assert "value 0" in words
    assert not any(f"value {number}" in words for number in (1, 2, 3))


def test_damaged_links_leave_the_page_and_a_note(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.text_page(document)
    document.xref_set_key(page.xref, "Annots", "[(x) 1 0 R 99999 0 R << /Subtype /Link /Rect [1 2] /A 5 >>]")
    document.xref_set_key(page.xref, "StructParents", "7")
    document.xref_set_key(document.pdf_catalog(), "StructTreeRoot", "<< /ParentTree << /Nums [7 7] >> >>")
    [found] = extract(ink_extractor, document, tmp_path, into)
    assert found.error is None
    assert any("committee" in block.text for block in found.blocks)


def row(y: float, text: str) -> list[Word]:
    return [Word(word, Box(0.1 * at, y, 0.1 * at + 0.08, y + 0.02)) for at, word in enumerate(text.split(), 1)]


def test_printed_boxes_say_whether_they_are_ticked() -> None:
    words = [
        *row(0.1, "Answer: \u2612 Yes \u2610 No"),
        *row(0.2, "Gate sealed: \u2611"),
        *row(0.3, "\u2610Paid in full"),
    ]
    assert [text for text, _ in printed_boxes(words)] == [
        "Box: Yes: ticked",
        "Box: No: not ticked",
        "Box: Gate sealed: ticked",
        "Box: Paid in full: not ticked",
    ]
