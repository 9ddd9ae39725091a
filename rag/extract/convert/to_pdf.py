"""Conversion of texts and office documents to PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert import markdown, plain_text
from rag.extract.convert.details import NO_DETAILS, Details
from rag.extract.convert.html_to_pdf import too_many_pages, write_html_pdf
from rag.extract.convert.left_out import notes_about_left_out
from rag.extract.convert.libreoffice import libreoffice_gap, office_to_pdf
from rag.extract.convert.office_text import office_text_to_pdf
from rag.extract.file_types import MARKDOWN, TEXT
from rag.settings import ReadSettings

_CACHED_PDFS = 4
"""Number of PDFs kept, the last used ones: a long document is extracted in ranges of eight pages, with short documents
in between."""


class PdfConverter:
    """Writes PDFs to `scratch`, an existing folder for this converter. `pymupdf` is the module from `load_pymupdf`."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, scratch: Path) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._scratch = scratch
        self._cache: dict[tuple[str, int, int], Path] = {}
        self._details: dict[Path, Details] = {}
        self._count = 0

    def to_pdf(self, path: Path, media_type: str, on_conversion: Callable[[], None]) -> Path:
        """Return the path of the file's PDF, which may be cached; call `on_conversion` before converting it.

        Raise Unreadable if the file can't be converted.
        """
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        pdf = self._cache.pop(key, None)
        if pdf is None:
            on_conversion()
            self._count += 1
            pdf = self._scratch / f"converted-{self._count}.pdf"
            self._details[pdf] = self._convert(path, media_type, pdf)
            while len(self._cache) >= _CACHED_PDFS:
                oldest = self._cache.pop(next(iter(self._cache)))
                oldest.unlink()
                del self._details[oldest]
        self._cache[key] = pdf
        return pdf

    def details(self, pdf: Path) -> Details:
        """Return what the document says that its PDF, a path from `to_pdf`, does not hold."""
        return self._details[pdf]

    def _convert_office(self, path: Path, media_type: str, into: Path) -> Details:
        if (reason := libreoffice_gap(self._settings.office)) is not None:
            details = office_text_to_pdf(self._pymupdf, path, media_type, into, self._settings, reason)
        else:
            details = office_to_pdf(path, media_type, into, self._settings, self._count_pages)
        return replace(details, notes=(*details.notes, *notes_about_left_out(path, media_type)))

    def _count_pages(self, pdf: Path) -> int:
        try:
            with self._pymupdf.open(str(pdf), filetype="pdf") as document:
                return int(document.page_count)
        except (self._pymupdf.FileDataError, RuntimeError, ValueError) as error:
            raise Unreadable("LibreOffice made a damaged PDF of the document.", "Export it as a PDF.") from error

    def _convert(self, path: Path, media_type: str, into: Path) -> Details:
        if media_type not in (TEXT, MARKDOWN):
            return self._convert_office(path, media_type, into)
        decoded = plain_text.decode_text(path.read_bytes())
        if decoded is None:
            raise Unreadable("Only the beginning of the file is text.", "Export it as a PDF.")
        max_pages = self._settings.max_pages
        if len(decoded) > max_pages * plain_text.LINES * plain_text.COLUMNS:  # before spending minutes on it
            raise too_many_pages(max_pages)
        text = plain_text.normalize_text(decoded)
        if not text.strip():
            raise Unreadable("The text is blank.", "Export or download it again.")
        parts: Iterable[str]
        if media_type == MARKDOWN:
            parts, title = markdown.render_markdown(text)
            css, page_per_part = markdown.CSS, False
        else:
            parts, title = plain_text.html_pages(text), ""
            css, page_per_part = plain_text.CSS, True
        write_html_pdf(self._pymupdf, parts, css, into, title=title, max_pages=max_pages, page_per_part=page_per_part)
        return NO_DETAILS
