"""What a file is, by its first bytes; names are never asked."""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import Unreadable
from rag.extract.convert.markdown import is_markdown
from rag.extract.convert.packages import OFFICE, OLE, RTF, ZIP, compound_type, zipped_type
from rag.extract.convert.plain_text import decoded
from rag.settings import ReadSettings

PDF = "application/pdf"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
TIFF = "image/tiff"

PICTURES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    TIFF: "TIFF",
    "image/bmp": "BMP",
}
"""Media types of pictures and what Pillow calls them."""

CONVERTED = frozenset({TEXT, MARKDOWN, *OFFICE})
"""Media types that become a PDF before they are read."""

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

_PDF_SEARCHED = 1024
"""Readers accept the PDF header anywhere in the first 1,024 bytes (PDF 1.7, appendix H)."""

_BITMAP = 26
"""Bytes of the shortest header of a BMP."""

_SAMPLE = 1 << 16
"""Bytes by which text is told from Markdown, and both from anything else."""

_HTML = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)

_LONGEST_TITLE = 200
_NO_TITLE = re.compile(
    r"untitled|(powerpoint|keynote)? ?presentation|document ?\d*|(power)?point .*|microsoft word\b.*|slide \d+"
    r"|layout \d+|.*\.(docx?|pptx?|xlsx?|indd|qxd|pdf|tex|dvi|ps|odt|odp|rtf|key|pages|html?|txt|jpe?g|png|tiff?)",
    re.IGNORECASE,
)


def sniff(path: Path, settings: ReadSettings) -> str:
    """The media type. Raise Unreadable for a file that is empty, too large, or none of ours."""
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("The file is empty.", "Export or download it again.")
    if size > settings.max_mb << 20:
        raise Unreadable(
            f"The file has {size / (1 << 20):,.0f} MB; the limit is {settings.max_mb} MB.",
            "Split it, or raise read.max_mb.",
        )
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
        file.seek(max(0, size - _PDF_SEARCHED))
        tail = file.read()
    start = head[:_PDF_SEARCHED]
    # Text may speak of PDFs; a PDF behind other bytes ends as PDFs do.
    if start.startswith(b"%PDF-") or (b"%PDF-" in start and b"startxref" in tail):
        return PDF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    for magic, media_type in _MAGIC:
        # "BM" begins words too; a picture's header has zeros in it.
        if head.startswith(magic) and (magic != b"BM" or b"\0" in head[:_BITMAP]):
            return media_type
    if head.startswith(ZIP):
        return zipped_type(path, settings)
    if head.startswith(OLE):
        return compound_type(path)
    if head.startswith(RTF):
        return "application/rtf"
    return _text_type(head, whole=size <= _SAMPLE)


def _text_type(head: bytes, *, whole: bool) -> str:
    text = decoded(head, whole=whole)
    if text is None:
        raise Unreadable(
            "The file is neither a PDF nor a picture, a text or an office document that Magpie can read, "
            "whatever its name says.",
            "Export it as a PDF.",
        )
    if _is_web_page(text):
        raise Unreadable(
            "The file is a saved web page, which Magpie does not read.", "Give its address, or print it as a PDF."
        )
    return MARKDOWN if is_markdown(text) else TEXT


def _is_web_page(text: str) -> bool:
    """Whether it begins as HTML does, behind remarks and what XML says of itself."""
    rest = text.lstrip()
    while rest.startswith(("<!--", "<?")):
        rest = rest.partition("-->" if rest.startswith("<!--") else "?>")[2].lstrip()
    return _HTML.match(rest) is not None


def meaningful_title(title: str | None) -> str | None:
    """A title a reader would recognise, or None for what programs write there on their own."""
    text = " ".join((title or "").replace("\x00", " ").split())[:_LONGEST_TITLE]
    if len(text) < 4 or _NO_TITLE.fullmatch(text) or not any(letter.isalpha() for letter in text):
        return None
    return text
