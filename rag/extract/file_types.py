"""Media types of files, detected from their first bytes; file names are ignored."""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import Unreadable
from rag.extract.convert.encodings import decode_text
from rag.extract.convert.flat_files import flat_media_type
from rag.extract.convert.markdown import is_markdown
from rag.extract.convert.other_sheets import find_delimiter
from rag.extract.convert.packages import OFFICE, OLE, RTF, SPREADSHEETS, ZIP, compound_media_type, zip_media_type
from rag.settings import ReadSettings

PDF = "application/pdf"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
CSV = "text/csv"
TIFF = "image/tiff"

PICTURES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    TIFF: "TIFF",
    "image/bmp": "BMP",
}
"""Media types of pictures, and their format names in Pillow."""

SHEETS = frozenset({CSV, *SPREADSHEETS})
"""Media types that are read cell by cell."""

CONVERTED = frozenset({TEXT, MARKDOWN, *OFFICE, *SHEETS})
"""Media types that are converted to PDF before extraction."""

_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"BM", "image/bmp"),
)

_PDF_HEADER_RANGE = 1024
"""PDF viewers accept the header anywhere in the first 1,024 bytes (PDF 1.7, appendix H)."""

_MIN_BMP_HEADER = 26
"""Bytes of the shortest BMP header."""

_SAMPLE_BYTES = 1 << 16
"""Bytes that are inspected to recognize text and Markdown."""

_HTML = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)

_MAX_TITLE_CHARS = 200
_GENERIC_TITLE = re.compile(
    r"untitled|(powerpoint|keynote)? ?presentation|document ?\d*|(power)?point .*|microsoft word\b.*|slide \d+"
    r"|layout \d+|.*\.(docx?|pptx?|xlsx?|indd|qxd|pdf|tex|dvi|ps|odt|odp|rtf|key|pages|html?|txt|jpe?g|png|tiff?)",
    re.IGNORECASE,
)


def detect_media_type(path: Path, settings: ReadSettings) -> str:
    """Return the media type. Raise Unreadable if the file is empty, too large or not supported."""
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("The file is empty.", "Export or download it again.")
    if size > settings.max_mb << 20:
        raise Unreadable(
            f"The file is {size / (1 << 20):,.0f} MB; the limit is {settings.max_mb} MB.",
            "Split it, or raise `read.max_mb`.",
        )
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        file.seek(max(0, size - _PDF_HEADER_RANGE))
        tail = file.read()
    start = head[:_PDF_HEADER_RANGE]
    # A text can contain "%PDF-"; a PDF with other bytes in front of it also has a trailer.
    if start.startswith(b"%PDF-") or (b"%PDF-" in start and b"startxref" in tail):
        return PDF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    for magic, media_type in _MAGIC:
        # Words can begin with "BM" too; a BMP header also contains zeros.
        if head.startswith(magic) and (magic != b"BM" or b"\0" in head[:_MIN_BMP_HEADER]):
            return media_type
    if head.startswith(ZIP):
        return zip_media_type(path, settings)
    if head.startswith(OLE):
        return compound_media_type(path)
    if head.startswith(RTF):
        return "application/rtf"
    return _text_type(head, whole=size <= _SAMPLE_BYTES)


def _text_type(head: bytes, *, whole: bool) -> str:
    text = decode_text(head, whole=whole)
    if text is None:
        raise Unreadable(
            "The file's type isn't supported, whatever its name says: it isn't a PDF, a picture, a text or an office "
            "document that Magpie can read.",
            "Export it as a PDF.",
        )
    if (office := flat_media_type(text)) is not None:
        return office
    if _is_web_page(text):
        raise Unreadable(
            "The file is a saved web page, which Magpie can't read.", "Share its address, or print it as a PDF."
        )
    if is_markdown(text):
        return MARKDOWN
    return CSV if find_delimiter(text if whole else text.rpartition("\n")[0]) else TEXT


def _is_web_page(text: str) -> bool:
    """Return whether the text is HTML, after any comments and XML declarations."""
    rest = text.lstrip()
    while rest.startswith(("<!--", "<?")):
        rest = rest.partition("-->" if rest.startswith("<!--") else "?>")[2].lstrip()
    return _HTML.match(rest) is not None


def meaningful_title(title: str | None) -> str | None:
    """Return the title as one line; None if a program has filled it in (a file name, "untitled")."""
    text = " ".join((title or "").replace("\x00", " ").split())[:_MAX_TITLE_CHARS]
    if len(text) < 4 or _GENERIC_TITLE.fullmatch(text) or not any(letter.isalpha() for letter in text):
        return None
    return text
