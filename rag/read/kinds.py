"""What a file is, by its first bytes; names are never asked."""

from __future__ import annotations

import re
from pathlib import Path

from rag.errors import Unreadable
from rag.settings import ReadSettings

PDF = "application/pdf"
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

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
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
        head = file.read(_PDF_SEARCHED)
    if b"%PDF-" in head:
        return PDF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    raise Unreadable(
        "The file is neither a PDF nor a PNG, JPEG, WebP, GIF, TIFF or BMP picture, whatever its name says.",
        "Export it as a PDF.",
    )


def meaningful_title(title: str | None) -> str | None:
    """A title a reader would recognise, or None for what programs write there on their own."""
    text = " ".join((title or "").replace("\x00", " ").split())[:_LONGEST_TITLE]
    if len(text) < 4 or _NO_TITLE.fullmatch(text) or not any(letter.isalpha() for letter in text):
        return None
    return text
