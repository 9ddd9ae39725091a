"""Comments on PDF pages, and PDFs that only say that another program is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from rag.errors import Unreadable
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import Box
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers

WAIT = (
    "Please wait...\nIf this message is not eventually replaced by the proper contents of the document, your PDF\n"
    "viewer may not be able to display this type of document."
)


@pytest.fixture(scope="module")
def reader() -> Iterator[GuardedExtractor]:
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=400), None)
    yield extractor
    extractor.close()


def comments(reader: GuardedExtractor, path: Path, into: Path) -> dict[str, Box]:
    (page,) = reader.extract(path, 1, 1, into)
    return {block.text: block.box for block in page.blocks if block.text.startswith("Comment")}


@pytest.mark.parametrize("rotation", [0, 90])
def test_comments_are_read_with_author_and_place(
    reader: GuardedExtractor, tmp_path: Path, into: Path, rotation: int
) -> None:
    document = papers.new()
    page = papers.text_page(document, "Plan of the herb garden.")
    page.add_text_annot((480, 80), "The hyssop must not be watered on Fridays").set_info(title="Ada")
    mark: Any = page.add_highlight_annot(page.search_for("herb garden")[0])
    mark.set_info(content="Replaced by\nthe physic garden")
    mark.update()
    page.set_rotation(rotation)
    found = comments(reader, papers.save(document, tmp_path / "a.pdf"), into)
    note, highlight = (
        "Comment by Ada: The hyssop must not be watered on Fridays",
        "Comment: Replaced by\nthe physic garden",
    )
    assert set(found) == {note, highlight}
    middle = (found[note].x0 + found[note].x1) / 2, (found[note].y0 + found[note].y1) / 2
    assert middle == pytest.approx((488 / 600, 88 / 800), abs=0.03)  # a page that shows its text turned is turned back
    assert found[highlight].area < 0.02


def test_hidden_and_empty_comments_are_left_out_and_drawn_text_is_not_doubled(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    document = papers.new()
    page = papers.text_page(document)
    hidden: Any = page.add_text_annot((300, 300), "Never shown")
    hidden.set_flags(pymupdf.PDF_ANNOT_IS_HIDDEN)
    page.add_text_annot((300, 400), " ")
    page.add_freetext_annot(pymupdf.Rect(60, 500, 300, 540), "Drawn on the page")
    path = papers.save(document, tmp_path / "a.pdf")
    assert comments(reader, path, into) == {}
    (extracted,) = reader.extract(path, 1, 1, into)
    assert " ".join(block.text for block in extracted.blocks).count("Drawn on the page") == 1


def test_rich_text_of_a_comment_is_read_without_its_tags(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.text_page(document)
    note = page.add_text_annot((300, 300), "")
    document.xref_set_key(note.xref, "RC", "(<body><p>Rue &amp; sage</p></body>)")
    document.xref_set_key(note.xref, "Contents", "null")
    assert list(comments(reader, papers.save(document, tmp_path / "a.pdf"), into)) == ["Comment: Rue & sage"]


def xfa(words: str, *, needs_rendering: bool = False, field: bool = False) -> Any:
    """Return a PDF with an XFA form."""
    document = papers.new()
    page = document.new_page()
    page.insert_text((72, 100), words)
    if field:
        widget = pymupdf.Widget()
        widget.field_name, widget.field_type = "name", pymupdf.PDF_WIDGET_TYPE_TEXT
        widget.rect = pymupdf.Rect(72, 200, 200, 220)
        page.add_widget(widget)
    stream = document.get_new_xref()
    document.update_object(stream, "<<>>")
    document.update_stream(stream, b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    catalog = document.pdf_catalog()
    document.xref_set_key(catalog, "AcroForm/XFA", f"{stream} 0 R")
    if needs_rendering:
        document.xref_set_key(catalog, "NeedsRendering", "true")
    return document


SHELLS = {
    "english": lambda: xfa(WAIT),
    "other language": lambda: xfa("Bitte warten..."),
    "needs rendering": lambda: xfa("Bitte warten...", needs_rendering=True, field=True),
    "without a form": lambda: _plain(WAIT),
}


def _plain(words: str) -> Any:
    document = papers.new()
    document.new_page().insert_text((72, 100), words)
    return document


@pytest.mark.parametrize("kind", SHELLS)
def test_form_that_only_adobe_draws_is_refused_with_the_remedy(
    reader: GuardedExtractor, tmp_path: Path, kind: str
) -> None:
    path = papers.save(SHELLS[kind](), tmp_path / "form.pdf")
    with pytest.raises(Unreadable) as raised:
        reader.inspect(path)
    assert str(raised.value).startswith("The PDF is an XFA form.")
    assert raised.value.hint == "Open it there, print it to a new PDF, and share that."


def test_static_form_is_read(reader: GuardedExtractor, tmp_path: Path) -> None:
    path = papers.save(xfa("Name of the applicant", field=True), tmp_path / "form.pdf")
    assert reader.inspect(path).page_count == 1


def test_portfolio_has_a_note(reader: GuardedExtractor, tmp_path: Path) -> None:
    document = _plain("Open this portfolio in a newer reader.")
    document.xref_set_key(document.pdf_catalog(), "Collection", "<</View/D>>")
    (note,) = reader.inspect(papers.save(document, tmp_path / "a.pdf")).notes
    assert (note.text, note.lost) == ("It is a portfolio: the files in it are read as documents of their own.", False)
