"""Conversion of texts and office documents to PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import Unreadable
from rag.extract.convert import markdown, plain_text
from rag.extract.convert.details import NO_DETAILS, Details
from rag.extract.convert.epub import read_epub
from rag.extract.convert.html_to_pdf import write_html_pdf
from rag.extract.convert.left_out import notes_about_left_out
from rag.extract.convert.libreoffice import libreoffice_gap, office_to_pdf
from rag.extract.convert.mail import MHTML, read_mail, read_web_archive
from rag.extract.convert.notebook import NOTEBOOK, read_notebook
from rag.extract.convert.ods import read_ods
from rag.extract.convert.office_text import office_text_to_pdf
from rag.extract.convert.other_sheets import read_csv, read_with_calamine
from rag.extract.convert.packages import EPUB, ODS, XLSX
from rag.extract.convert.rich_text import RichText, read_page
from rag.extract.convert.sheet_to_pdf import write_workbook_pdf
from rag.extract.convert.sheets import Workbook
from rag.extract.convert.svg import SVG, write_svg_pdf
from rag.extract.convert.text_files import newest_text
from rag.extract.convert.xlsx import read_xlsx
from rag.extract.file_types import CSV, HTML, MARKDOWN, RICH_TEXTS, SHEETS, TEXT
from rag.model.extraction import Note
from rag.setting_groups import ReadSettings

_CACHED_PDFS = 4
"""Number of PDFs kept, the last used ones: a long document is extracted in ranges of eight pages, with short documents
in between."""


def read_workbook(path: Path, media_type: str) -> Workbook:
    """Return the visible cells of a spreadsheet. Raise Unreadable if it is damaged."""
    readers = {XLSX: read_xlsx, ODS: read_ods, CSV: read_csv}
    return readers.get(media_type, read_with_calamine)(path)


def read_rich_text(path: Path, media_type: str, max_megapixels: int) -> RichText:
    """Return a web page, mail, book or notebook as HTML. Raise Unreadable if it is damaged or empty."""
    readers = {HTML: read_page, MHTML: read_web_archive, EPUB: read_epub, NOTEBOOK: read_notebook}
    reader = readers.get(media_type)
    return reader(path, max_megapixels) if reader else read_mail(path, media_type, max_megapixels)


class Converted(NamedTuple):
    """A PDF made from another file, and what the file says that the PDF does not hold."""

    path: Path
    details: Details


class PdfConverter:
    """Writes PDFs to `scratch`, an existing folder for this converter. `pymupdf` is the module from `load_pymupdf`."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, scratch: Path) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._scratch = scratch
        self._cache: dict[tuple[str, int, int], Converted] = {}
        self._count = 0

    def to_pdf(self, path: Path, media_type: str, on_conversion: Callable[[], None]) -> Converted:
        """Return the file's PDF, which may be cached; call `on_conversion` before converting it.

        Raise Unreadable if the file can't be converted.
        """
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        converted = self._cache.pop(key, None)
        if converted is None:
            on_conversion()
            self._count += 1
            pdf = self._scratch / f"converted-{self._count}.pdf"
            converted = Converted(pdf, self._convert(path, media_type, pdf))
            while len(self._cache) >= _CACHED_PDFS:
                self._cache.pop(next(iter(self._cache))).path.unlink()
        self._cache[key] = converted
        return converted

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
        """Write the PDF; return what it does not hold."""
        if media_type in SHEETS:
            workbook = read_workbook(path, media_type)
            write_workbook_pdf(self._pymupdf, workbook, into, self._settings.max_pages)
            return Details(notes=workbook.notes)
        if media_type in RICH_TEXTS:
            rich = read_rich_text(path, media_type, self._settings.max_megapixels)
            self._write(into, rich.parts, markdown.CSS, title=rich.title, archive=rich.pictures.archive(self._pymupdf))
            return Details(notes=rich.notes)
        if media_type == SVG:
            return Details(notes=write_svg_pdf(self._pymupdf, path, into))
        if media_type not in (TEXT, MARKDOWN):
            return self._convert_office(path, media_type, into)
        max_pages = self._settings.max_pages
        text, is_cut = newest_text(path, max_pages * plain_text.PAGE_CHARS)
        if media_type == MARKDOWN and not is_cut:
            parts, title = markdown.render_markdown(text)
            self._write(into, parts, markdown.CSS, title=title)
            return NO_DETAILS
        pages = plain_text.text_pages(text)
        note = Note(f"Only the end of the text was read, its newest {max_pages:,} pages.", lost=True)
        is_cut = is_cut or len(pages) > max_pages
        self._write(into, map(plain_text.page_html, pages[-max_pages:]), plain_text.CSS, page_per_part=True)
        return Details(notes=(note,)) if is_cut else NO_DETAILS

    def _write(
        self,
        into: Path,
        parts: Iterable[str],
        css: str,
        *,
        title: str = "",
        page_per_part: bool = False,
        archive: Any = None,
    ) -> None:
        write_html_pdf(
            self._pymupdf,
            parts,
            css,
            into,
            title=title,
            max_pages=self._settings.max_pages,
            page_per_part=page_per_part,
            archive=archive,
        )
