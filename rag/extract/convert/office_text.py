"""Office documents as text, for machines where LibreOffice can't be used: their pages show no layout and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import Unreadable
from rag.extract.convert.details import Details
from rag.extract.convert.html_to_pdf import write_html_pdf
from rag.extract.convert.office_xml import elements, parse_part
from rag.extract.convert.open_document_text import open_document_text, powerpoint_text
from rag.extract.convert.packages import OFFICE, open_package
from rag.extract.convert.prepare import prepare_document
from rag.extract.convert.sanitize import sanitize_document
from rag.extract.convert.text_html import CSS, TextPages
from rag.extract.convert.word_text import word_text
from rag.model.extraction import Note
from rag.setting_groups import ReadSettings

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element
    from zipfile import ZipFile

_CONTENT = "content.xml"
_READERS: dict[str, Callable[[ZipFile], TextPages]] = {
    ".docx": word_text,
    ".pptx": powerpoint_text,
    **dict.fromkeys((".odt", ".odp", ".odg"), lambda package: open_document_text(parse_part(package.read(_CONTENT)))),
}
_TITLE_PARTS = ("docProps/core.xml", "meta.xml")
_FLAT = (".fodt", ".fodp", ".fodg")


def office_text_to_pdf(
    pymupdf: Any, path: Path, media_type: str, into: Path, settings: ReadSettings, reason: Unreadable
) -> Details:
    """Write the document's text as a PDF to `into`. Return what its pages don't show.

    `reason`: why LibreOffice can't be used. It is raised for formats that only LibreOffice reads. Raise Unreadable.
    """
    suffix = OFFICE[media_type]
    if suffix not in _READERS and suffix not in _FLAT:
        raise reason
    copy = into.with_name(f"document{suffix}")
    try:
        sanitize_document(path, copy)
        details = prepare_document(copy).details
        pages, title = _read(copy)
    finally:
        copy.unlink(missing_ok=True)
    if pages.is_blank() and not details.texts:
        raise Unreadable(f"The document has no text, and {_lowered(reason)}", reason.hint)
    max_pages = settings.max_pages
    write_html_pdf(pymupdf, pages.parts(), CSS, into, title=title, max_pages=max_pages, page_per_part=pages.has_breaks)
    note = Note(
        f"Only the text of the document was read, without pictures and layout: {_lowered(reason)} {reason.hint}",
        lost=True,
    )
    return replace(details, notes=(*details.notes, note))


def _read(copy: Path) -> tuple[TextPages, str]:
    """Return the pages and the title."""
    if copy.suffix in _FLAT:
        root = parse_part(copy.read_bytes())
        return open_document_text(root), _title(next(elements(root, "meta"), root))
    with open_package(copy) as package:
        properties = next((part for part in _TITLE_PARTS if part in package.namelist()), "")
        title = _title(parse_part(package.read(properties))) if properties else ""
        try:
            return _READERS[copy.suffix](package), title
        except KeyError as error:
            raise Unreadable("The document is damaged: a part of it is missing.", "Save it again.") from error


def _title(properties: Element) -> str:
    return next((element.text or "" for element in elements(properties, "title")), "")


def _lowered(reason: Unreadable) -> str:
    text = str(reason)
    return text[0].lower() + text[1:] if not text.startswith("LibreOffice") else text
