"""Texts and office documents as PDFs, which then are read as all others are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert import markdown, plain_text
from rag.extract.convert.html_to_pdf import too_long, write_pdf
from rag.extract.convert.libreoffice import office_to_pdf
from rag.extract.file_types import MARKDOWN, TEXT
from rag.settings import ReadSettings

_KEPT = 2
"""PDFs kept: a document is read eight pages at a time, and nothing else comes between."""


class Converter:
    """Makes PDFs in `scratch`, an existing folder of its own. `pymupdf` is what load_pymupdf returned."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, scratch: Path) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._scratch = scratch
        self._made: dict[tuple[str, int, int], Path] = {}
        self._count = 0

    def pdf(self, path: Path, media_type: str, converting: Callable[[], None]) -> Path:
        """The file as a PDF: the one made before, or a new one, before which `converting` is called.

        Raise Unreadable for a file that cannot be converted.
        """
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        made = self._made.get(key)
        if made is None:
            converting()
            self._count += 1
            made = self._scratch / f"converted-{self._count}.pdf"
            self._convert(path, media_type, made)
            while len(self._made) >= _KEPT:
                self._made.pop(next(iter(self._made))).unlink()
            self._made[key] = made
        return made

    def _convert(self, path: Path, media_type: str, into: Path) -> None:
        if media_type not in (TEXT, MARKDOWN):
            office_to_pdf(path, media_type, into, self._settings)
            return
        decoded = plain_text.decoded(path.read_bytes())
        if decoded is None:
            raise Unreadable("The file begins as a text and goes on as something else.", "Export it as a PDF.")
        most = self._settings.max_pages
        if len(decoded) > most * plain_text.LINES * plain_text.COLUMNS:  # known before minutes are spent on it
            raise too_long(most)
        words = plain_text.clean(decoded)
        if not words.strip():
            raise Unreadable("There are no words in the text.", "Export or download it again.")
        if media_type == MARKDOWN:
            shown = markdown.marked(words)
            write_pdf(self._pymupdf, shown.parts, markdown.CSS, into, title=shown.title, most=most, apart=False)
        else:
            write_pdf(self._pymupdf, plain_text.pages_of(words), plain_text.CSS, into, title="", most=most, apart=True)
