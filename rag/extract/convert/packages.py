"""Office documents: detecting their media type from their content, and refusing encrypted files and zip bombs."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from rag.errors import Unreadable
from rag.extract.convert.flat_files import FLAT
from rag.setting_groups import ReadSettings

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
EPUB = "application/epub+zip"
MSG = "application/vnd.ms-outlook"
ODS = f"{_ODF}spreadsheet"
XLSX = f"{_OOXML}spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
XLS = "application/vnd.ms-excel"
SPREADSHEETS = frozenset({XLSX, XLSB, XLS, ODS})
"""Media types of workbooks. Those with macros (XLSM) and templates have that of XLSX."""

OFFICE = {
    f"{_OOXML}wordprocessingml.document": ".docx",
    f"{_OOXML}presentationml.presentation": ".pptx",
    f"{_ODF}text": ".odt",
    f"{_ODF}presentation": ".odp",
    f"{_ODF}graphics": ".odg",
    "application/msword": ".doc",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/rtf": ".rtf",
    **FLAT,
}
"""Media types of office documents, and their suffixes for LibreOffice. Templates, slide shows and documents with macros
have the media type of the plain document; their macros are removed."""

SLIDES = frozenset(kind for kind, suffix in OFFICE.items() if suffix in (".pptx", ".odp", ".ppt", ".fodp"))
"""Media types of presentations."""

ZIP, OLE, RTF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf"

_FOLDER_TYPES = {
    "word/": f"{_OOXML}wordprocessingml.document",
    "ppt/": f"{_OOXML}presentationml.presentation",
    "xl/workbook.bin": XLSB,
    "xl/": XLSX,
}
_STREAM_TYPES = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "Workbook": XLS,
    "Book": XLS,
    "__properties_version1.0": MSG,
}

UNPACK = "Unpack it and share the files in it."

_UNPACKED_FACTOR = 10
"""An unpacked document may be this many times larger than the limit for files."""

_MAX_PARTS = 20_000


def zip_media_type(path: Path, settings: ReadSettings) -> str:
    """Return the media type of a zip archive. Raise Unreadable if it is not supported, encrypted, or a zip bomb."""
    with open_package(path) as archive:
        names = {name.replace("\\", "/") for name in archive.namelist()}
        size = sum(part.file_size for part in archive.infolist())
        if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
            declared = archive.read("mimetype").decode("ascii", "replace").strip().removesuffix("-template")
            found = declared if declared in OFFICE or declared in (ODS, EPUB) else None
        elif "[Content_Types].xml" in names:
            found = next(
                (kind for part, kind in _FOLDER_TYPES.items() if any(name.startswith(part) for name in names)), None
            )
        else:
            found = None
        if found is None:
            raise Unreadable("The file is a ZIP archive.", UNPACK)
        limit = settings.max_mb * _UNPACKED_FACTOR
        if size > limit << 20 or len(names) > _MAX_PARTS:
            raise Unreadable(
                f"Unpacked, the document has {size / (1 << 20):,.0f} MB in {len(names):,} parts; the limits are "
                f"{limit:,} MB and {_MAX_PARTS:,} parts.",
                "Split it, or raise `read.max_mb`.",
            )
        manifest = "META-INF/manifest.xml"
        if found.startswith(_ODF) and manifest in names and b"encryption-data" in archive.read(manifest):
            raise _encrypted()
    return found


@contextmanager
def open_package(path: Path) -> Iterator[ZipFile]:
    """Open a zip archive for reading. Raise Unreadable if it is damaged, also inside the `with` block."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except (BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error) as error:
        raise _damaged() from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a part with an offset before the start of the file
            raise
        raise _damaged() from error


def _damaged() -> Unreadable:
    return Unreadable("The document is damaged and can't be unpacked.", "Save it again, or download it again.")


def compound_media_type(path: Path) -> str:
    """Return the media type of a binary Office file (97 to 2003), detected by its streams. Raise Unreadable."""
    data = path.read_bytes()

    def has_stream(stream: str) -> bool:
        return f"{stream}\0".encode("utf-16-le") in data

    if has_stream("EncryptedPackage"):
        raise _encrypted()
    found = next((kind for stream, kind in _STREAM_TYPES.items() if has_stream(stream)), None)
    if found is None:
        raise Unreadable("The file is an Office format that Magpie can't read.", "Export it as a PDF.")
    return found


def _encrypted() -> Unreadable:
    return Unreadable("The document is encrypted with a password.", "Save it without the password.")
