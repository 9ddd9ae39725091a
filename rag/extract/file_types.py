"""Media types of files, detected from their first bytes; file names are ignored."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from pathlib import Path

from rag.errors import Unreadable
from rag.extract.convert.encodings import decode_text
from rag.extract.convert.flat_files import flat_media_type
from rag.extract.convert.mail import EML, MHTML, mail_type
from rag.extract.convert.markdown import is_markdown
from rag.extract.convert.notebook import NOTEBOOK, is_notebook
from rag.extract.convert.other_sheets import find_delimiter
from rag.extract.convert.packages import (
    EPUB,
    MSG,
    OFFICE,
    OLE,
    RTF,
    SPREADSHEETS,
    UNPACK,
    ZIP,
    compound_media_type,
    zip_media_type,
)
from rag.extract.convert.svg import SVG
from rag.setting_groups import ReadSettings

PDF = "application/pdf"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
CSV = "text/csv"
HTML = "text/html"
TIFF = "image/tiff"
HEIC = "image/heic"

PICTURES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    TIFF: "TIFF",
    "image/bmp": "BMP",
    HEIC: "HEIF",
    "image/avif": "AVIF",
}
"""Media types of pictures, and their format names in Pillow."""

SHEETS = frozenset({CSV, *SPREADSHEETS})
"""Media types that are read cell by cell."""

RICH_TEXTS = frozenset({HTML, MHTML, EML, MSG, EPUB, NOTEBOOK})
"""Media types that are converted as HTML."""

CONVERTED = frozenset({TEXT, MARKDOWN, SVG, *OFFICE, *SHEETS, *RICH_TEXTS})
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

_ARCHIVES = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
)
_TAR, _TAR_AT = b"ustar", 257

_BRANDS = {b"heic": HEIC, b"heix": HEIC, b"hevc": HEIC, b"mif1": HEIC}
_BRANDS |= {b"msf1": HEIC, b"heim": HEIC, b"avif": "image/avif", b"avis": "image/avif"}
"""Brands of pictures in the container of ISO/IEC 14496-12."""

_PDF_HEADER_RANGE = 1024
"""PDF viewers accept the header anywhere in the first 1,024 bytes (PDF 1.7, appendix H)."""

_MIN_BMP_HEADER = 26
"""Bytes of the shortest BMP header."""

_SAMPLE_BYTES = 1 << 16
"""Bytes that are inspected to recognize text and Markdown."""

_HTML = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)

_SVG = re.compile(r"<(?:\w{1,20}:)?svg[\s>]", re.IGNORECASE)
_SVG_DOCTYPE = re.compile(r"<!doctype\s+svg\b[^\[>]{0,500}(?:\[[^\]]{0,5000}\]\s*)?>", re.IGNORECASE)

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
        file.seek(max(0, size - _SAMPLE_BYTES))
        end = file.read()
    tail = end[-_PDF_HEADER_RANGE:]
    if not head.strip(b"\0"):  # a log that begins with a hole
        return _text_type(end, whole=False)
    start = head[:_PDF_HEADER_RANGE]
    # A text can contain "%PDF-"; a PDF with other bytes in front of it also has a trailer.
    if start.startswith(b"%PDF-") or (b"%PDF-" in start and b"startxref" in tail):
        return PDF
    if picture := _picture_type(head):
        return picture
    if head.startswith(ZIP):
        return zip_media_type(path, settings)
    if head.startswith(OLE):
        return compound_media_type(path)
    if head.startswith(RTF):
        return "application/rtf"
    if archive := _archive_name(head):
        raise Unreadable(f"The file is {archive}.", UNPACK)
    return _text_type(head, whole=size <= _SAMPLE_BYTES)


def is_pdf_or_picture(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a PDF, a picture or RTF, whatever its name is."""
    return head.startswith((b"%PDF-", RTF)) or _picture_type(head) is not None


def _picture_type(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _picture_brand(head)
    # Words can begin with "BM" too; a BMP header also contains zeros.
    is_bmp = b"\0" in head[:_MIN_BMP_HEADER]
    return next((kind for magic, kind in _MAGIC if head.startswith(magic) and (magic != b"BM" or is_bmp)), None)


def _archive_name(head: bytes) -> str | None:
    if head[_TAR_AT:].startswith(_TAR):
        return "a tar archive"
    return next((name for magic, name in _ARCHIVES if head.startswith(magic)), None)


def _picture_brand(head: bytes) -> str | None:
    """Return the media type of a HEIC or AVIF picture, by its brand or a compatible one; None for a film."""
    brands = (head[at : at + 4] for at in (8, *range(16, min(int.from_bytes(head[:4], "big"), 128), 4)))
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def _text_type(head: bytes, *, whole: bool) -> str:
    # Markup and headers are ASCII, and declare the encoding of the rest.
    if found := _declaring_type(head.removeprefix(BOM_UTF8).decode("latin-1")):
        return found
    text = decode_text(head, whole=whole)
    if text is None:
        raise Unreadable(
            "The file's type isn't supported, whatever its name says: it isn't a PDF, a picture, a text or an office "
            "document that Magpie can read.",
            "Export it as a PDF.",
        )
    if found := _declaring_type(text):  # in UTF-16
        return found
    if is_notebook(text):
        return NOTEBOOK
    if is_markdown(text):
        return MARKDOWN
    return CSV if find_delimiter(text if whole else text.rpartition("\n")[0]) else TEXT


def _declaring_type(text: str) -> str | None:
    """Return the type of markup or a mail; None for other text. Raise Unreadable if it is not supported."""
    return flat_media_type(text) or _markup_type(text) or mail_type(text)


def _markup_type(text: str) -> str | None:
    """Return the type of HTML or SVG, after any comments and XML declarations; None for other text."""
    rest = text.lstrip()
    while True:
        if doctype := _SVG_DOCTYPE.match(rest):
            rest = rest[doctype.end() :].lstrip()
        elif rest.startswith(("<!--", "<?")):
            rest = rest.partition("-->" if rest.startswith("<!--") else "?>")[2].lstrip()
        else:
            break
    return HTML if _HTML.match(rest) else SVG if _SVG.match(rest) else None


def meaningful_title(title: str | None) -> str | None:
    """Return the title as one line; None if a program has filled it in (a file name, "untitled")."""
    text = " ".join((title or "").replace("\x00", " ").split())[:_MAX_TITLE_CHARS]
    if len(text) < 4 or _GENERIC_TITLE.fullmatch(text) or not any(letter.isalpha() for letter in text):
        return None
    return text
