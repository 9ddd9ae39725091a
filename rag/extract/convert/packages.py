"""Office documents: which kind of them a file is, by what is in it, and whether it may be unpacked."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from rag.errors import Unreadable
from rag.settings import ReadSettings

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_SHEET = "a spreadsheet"

OFFICE = {
    f"{_OOXML}wordprocessingml.document": ".docx",
    f"{_OOXML}presentationml.presentation": ".pptx",
    f"{_ODF}text": ".odt",
    f"{_ODF}presentation": ".odp",
    "application/msword": ".doc",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/rtf": ".rtf",
}
"""Media types of office documents, and how LibreOffice wants their names to end."""

ZIP, OLE, RTF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf"

_PARTS = {
    "word/": f"{_OOXML}wordprocessingml.document",
    "ppt/": f"{_OOXML}presentationml.presentation",
    "xl/": _SHEET,
}
_STREAMS = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "Workbook": _SHEET,
    "Book": _SHEET,
}

_UNPACKED = 10
"""How many times as large as a file may be, an office document may be when it is unpacked."""

_MOST_PARTS = 20_000


def zipped_type(path: Path, settings: ReadSettings) -> str:
    """The media type of a zip archive. Raise Unreadable for one that is none of ours, encrypted, or a bomb."""
    with opened_package(path) as archive:
        names = set(archive.namelist())
        size = sum(part.file_size for part in archive.infolist())
        if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
            told = archive.read("mimetype").decode("ascii", "replace").strip().removesuffix("-template")
            found = told if told in OFFICE else _SHEET if told == f"{_ODF}spreadsheet" else None
        elif "[Content_Types].xml" in names:
            found = next((kind for part, kind in _PARTS.items() if any(name.startswith(part) for name in names)), None)
        else:
            found = None
        if found is None:
            raise Unreadable("The file is a zip archive, and no document.", "Unpack it, and share what is in it.")
        limit = settings.max_mb * _UNPACKED
        if size > limit << 20 or len(names) > _MOST_PARTS:
            raise Unreadable(
                f"Unpacked, the document would have {size / (1 << 20):,.0f} MB in {len(names):,} parts; the limits are "
                f"{limit:,} MB and {_MOST_PARTS:,}.",
                "Split it, or raise read.max_mb.",
            )
        manifest = "META-INF/manifest.xml"
        if found.startswith(_ODF) and manifest in names and b"encryption-data" in archive.read(manifest):
            raise _encrypted()
    return _document(found)


@contextmanager
def opened_package(path: Path) -> Iterator[ZipFile]:
    """Open a zip archive for reading while the `with` lasts. Raise Unreadable where it turns out damaged."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except (BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error) as error:
        raise _damaged() from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a part that would begin before the file does
            raise
        raise _damaged() from error


def _damaged() -> Unreadable:
    return Unreadable("The document is damaged and cannot be unpacked.", "Save it again, or download it again.")


def compound_type(path: Path) -> str:
    """The media type of a file of the older Office, known by the streams in it; as zipped_type."""
    data = path.read_bytes()

    def holds(stream: str) -> bool:
        return f"{stream}\0".encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise _encrypted()
    found = next((kind for stream, kind in _STREAMS.items() if holds(stream)), None)
    if found is None:
        raise Unreadable("The file is of a kind of Office that Magpie does not read.", "Export it as a PDF.")
    return _document(found)


def _document(found: str) -> str:
    if found is _SHEET:
        raise Unreadable("The file is a spreadsheet, which Magpie does not read.", "Export it as a PDF.")
    return found


def _encrypted() -> Unreadable:
    return Unreadable("The document is encrypted with a password.", "Save it without the password.")
