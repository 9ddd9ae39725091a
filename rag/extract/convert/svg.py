"""SVG drawings as one-page PDFs with their words, without scripts and references to anything outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert.rich_text import missing_pictures
from rag.extract.convert.svg_labels import local_name, replace_html_labels
from rag.model.extraction import Note

SVG = "image/svg+xml"

_REMOVED = frozenset("script iframe audio video set animate animateMotion animateTransform".split())
_REFERENCES = ("href", "{http://www.w3.org/1999/xlink}href")
_MAX_SIDE = 2000
"""Longest side of the page in points; MuPDF draws larger drawings slowly."""


def write_svg_pdf(pymupdf: Any, path: Path, into: Path) -> tuple[Note, ...]:
    """Write a drawing as a PDF; return notes about what it lacks. Raise Unreadable if it is damaged."""
    from lxml.etree import LxmlError, XMLParser, fromstring, tostring

    damaged = Unreadable("The drawing is damaged and can't be displayed.", "Export it as a PNG or PDF.")
    try:
        parser = XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        root = fromstring(path.read_bytes(), parser)
    except (LxmlError, ValueError) as error:
        raise damaged from error
    missing = replace_html_labels(root)
    _remove_references(root)
    try:
        with pymupdf.open("svg", tostring(root)) as drawing:
            data = drawing.convert_to_pdf()
    except (pymupdf.FileDataError, RuntimeError, ValueError) as error:
        raise damaged from error
    with pymupdf.open("pdf", data) as document:
        rect = document[0].rect
        if rect.is_empty or rect.is_infinite:
            raise damaged
        scale = min(1.0, _MAX_SIDE / max(rect.width, rect.height))
        with pymupdf.open() as scaled:
            page = scaled.new_page(width=rect.width * scale, height=rect.height * scale)
            page.show_pdf_page(page.rect, document, 0)
            scaled.save(str(into))
    return missing_pictures(missing)


def _remove_references(root: Any) -> None:
    """Remove scripts, and references that are not to the drawing itself or to bytes inside of it."""
    for element in list(root.iter()):
        name = local_name(element)
        parent = element.getparent()
        if (not name or name in _REMOVED) and parent is not None:
            _remove(parent, element)
            continue
        for key in _REFERENCES:
            if element.get(key, "#")[:1] != "#" and not element.get(key, "").startswith("data:image/"):
                del element.attrib[key]


def _remove(parent: Any, element: Any) -> None:
    """Remove an element, but not the text after it."""
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)
