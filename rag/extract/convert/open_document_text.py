"""The text of OpenDocument files and of slides, for machines without LibreOffice."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import ZipFile

from rag.extract.convert.office_xml import attribute, elements, local, outermost
from rag.extract.convert.slides import paragraphs, powerpoint_slide_parts, slide_links
from rag.extract.convert.text_html import TextPages

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LETTERS = {"s": " ", "tab": " ", "line-break": "\n"}
_APART = frozenset(("annotation", "note-body", "text-box", "table"))
_SKIPPED = frozenset(("notes", "tracked-changes", "forms", "desc", "title", "note-citation"))
_MAX_SPACES = 100


def powerpoint_text(package: ZipFile) -> TextPages:
    """Return the text of a presentation, one page for each slide."""
    pages = TextPages()
    for number, (part, slide) in enumerate(powerpoint_slide_parts(package)):
        if number:
            pages.start_page()
        _read_slide(pages, slide)
        for link in slide_links(package, part, slide):
            pages.add(link)
    return pages


def _read_slide(pages: TextPages, slide: Element) -> None:
    in_tables = {paragraph for table in elements(slide, "tbl") for paragraph in table.iter()}
    for shape in elements(slide, "sp"):
        kind = next((attribute(mark, "type") for mark in elements(shape, "ph")), "")
        level = 1 if kind in ("title", "ctrTitle") else 0
        for text in paragraphs(shape):
            pages.add(text, level=level)
    for table in elements(slide, "tbl"):
        pages.add_table([[" ".join(paragraphs(cell)) for cell in elements(row, "tc")] for row in elements(table, "tr")])
    for other in elements(slide, "graphicFrame", "cxnSp"):
        for body in elements(other, "txBody"):
            if body not in in_tables:
                for text in paragraphs(body):
                    pages.add(text)


def open_document_text(root: Element) -> TextPages:
    """Return the text of an OpenDocument text, or of a presentation or drawing with one page for each of its pages."""
    pages = TextPages()
    slides = list(elements(root, "page"))
    for number, slide in enumerate(slides):
        if number:
            pages.start_page()
        _read_blocks(pages, slide)
    if not slides:
        for body in elements(root, "text"):
            if body.tag.startswith("office:"):
                _read_blocks(pages, body)
    return pages


def _read_blocks(pages: TextPages, container: Element) -> None:
    pending = list(reversed(container))
    while pending:
        element = pending.pop()
        name = local(element)
        if name in ("p", "h"):
            level = attribute(element, "outline-level")
            pages.add(_text(element), level=int(level) if name == "h" and level.isdecimal() else int(name == "h"))
            pending.extend(reversed(list(outermost(element, _APART))))
        elif name == "table":
            pages.add_table(
                [[_cell(cell) for cell in elements(row, "table-cell")] for row in elements(element, "table-row")]
            )
        elif name == "annotation":
            author = next((creator.text or "" for creator in elements(element, "creator")), "")
            said = " ".join(_text(line) for line in elements(element, "p"))
            pages.add(f"Comment by {author}: {said}" if author else f"Comment: {said}")
        elif name not in _SKIPPED:
            pending.extend(reversed(element))


def _cell(cell: Element) -> str:
    return " ".join(filter(None, (_text(line).strip() for line in elements(cell, "p", "h"))))


def _text(paragraph: Element) -> str:
    """Return the text of a paragraph, with addresses of links, without what stands apart from it."""
    pieces = [paragraph.text or ""]
    pending: list[Element | str] = list(reversed(paragraph))
    while pending:
        element = pending.pop()
        if isinstance(element, str):
            pieces.append(element)
            continue
        name = local(element)
        pending.append(element.tail or "")
        if name in _LETTERS:
            count = attribute(element, "c")
            pieces.append(_LETTERS[name] * (min(int(count), _MAX_SPACES) if count.isdecimal() else 1))
        elif name not in _APART and name not in _SKIPPED:
            if name == "a" and (address := attribute(element, "href").removeprefix("mailto:")):
                pending.append(f" ({address})")
            pieces.append(element.text or "")
            pending.extend(reversed(element))
    return "".join(pieces)
