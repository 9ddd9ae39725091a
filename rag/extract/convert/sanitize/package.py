"""Sanitizing of OOXML and OpenDocument packages: only parts whose type can't load anything are kept."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Mapping
from functools import partial
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from posixpath import basename, dirname
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from rag.errors import Unreadable
from rag.extract.convert.packages import open_package
from rag.extract.convert.sanitize.pictures import HEAD_BYTES, is_picture
from rag.extract.convert.sanitize.references import with_folders
from rag.extract.convert.sanitize.xml import NotSanitizable, PartContext, copy_xml, hyperlinks_in

_REMOVED_PARTS = (
    "Scripts/",
    "Basic/",
    "Dialogs/",
    "Configurations2/",
    "META-INF/documentsignatures",
    "META-INF/macrosig",
)
"""Macros, menus, and signatures, which are invalid after the changes."""

_GZIP = b"\x1f\x8b"
_MAX_UNPACKED_BYTES = 64 << 20
_BLOCK = 1 << 16

_REQUIRED_SUFFIXES = (".xml", ".rels")
"""Parts that can't be dropped: if one can't be sanitized, the document is refused."""

_ALWAYS = frozenset(("mimetype",))


def sanitize_package(path: Path, into: Path) -> None:
    """Write the package without references that load something, and without macros, embedded files and fonts.

    The pictures of embedded files, which pages show, are kept. Raise Unreadable.
    """
    with open_package(path) as source, ZipFile(into, "w") as target:
        # Some programs for Windows write names with backslashes, which LibreOffice doesn't find.
        parts = {info.filename.replace("\\", "/"): info for info in source.infolist() if not info.is_dir()}
        kept = {name: info for name, info in parts.items() if _is_kept(source, name, info)}
        names = with_folders(kept)
        for name, info in kept.items():
            _copy(source, target, name, PartContext(names, _base(name), _external(source, name, parts)), info)


def sanitize_flat(path: Path, into: Path) -> None:
    """Write a document that is one XML file without references that load something. Raise Unreadable."""
    try:
        with into.open("wb") as out:
            copy_xml(lambda: path.open("rb"), PartContext(), out.write)
    except NotSanitizable as error:
        raise _damaged(path.name, error) from error


def _damaged(name: str, error: NotSanitizable) -> Unreadable:
    return Unreadable(f"A part of the document can't be read ({name}): {error}.", "Export it as a PDF.")


def _copy(source: ZipFile, target: ZipFile, name: str, context: PartContext, info: ZipInfo) -> None:
    open_part = partial(source.open, info)
    plain = ZipInfo(name)
    plain.compress_type = ZIP_STORED if name in _ALWAYS else ZIP_DEFLATED
    if not _is_xml(source, name, info):
        with open_part() as part, target.open(plain, "w", force_zip64=True) as out:
            shutil.copyfileobj(part, out)
        return
    try:
        copy_xml(open_part, context, lambda _: None)  # a first pass, so that damaged parts are not written at all
    except NotSanitizable as error:
        if name.endswith(_REQUIRED_SUFFIXES):
            raise _damaged(basename(name), error) from error
        return  # drop it: a picture or an old drawing
    with target.open(plain, "w", force_zip64=True) as out:
        copy_xml(open_part, context, out.write)


def _is_kept(source: ZipFile, name: str, info: ZipInfo) -> bool:
    if name in _ALWAYS:
        return True
    if name.startswith(_REMOVED_PARTS) or name.startswith("/") or ".." in name.split("/"):
        return False
    return _is_xml(source, name, info) or is_picture(_head(source, info)) or _is_gzipped_picture(source, info)


def _is_xml(source: ZipFile, name: str, info: ZipInfo) -> bool:
    if name in _ALWAYS:
        return False
    head = _head(source, info).removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return head.replace(b"\0", b"").lstrip()[:1] == b"<"


def _is_gzipped_picture(source: ZipFile, info: ZipInfo) -> bool:
    """Return whether a part is a gzipped metafile (EMZ, WMZ) or raster picture of limited size."""
    if not _head(source, info).startswith(_GZIP):
        return False
    try:
        with source.open(info) as part, GzipFile(fileobj=part) as unpacked:
            head = unpacked.read(HEAD_BYTES)
            left = _MAX_UNPACKED_BYTES - len(head)
            while left >= 0 and (block := unpacked.read(_BLOCK)):
                left -= len(block)
    except (BadGzipFile, EOFError, zlib.error):
        return False
    return left >= 0 and is_picture(head)


def _head(source: ZipFile, info: ZipInfo) -> bytes:
    with source.open(info) as part:
        return part.read(HEAD_BYTES)


def _base(name: str) -> str:
    """Return the folder to which a part's references are relative; for relationships, that of the described part."""
    folder = dirname(name)
    return dirname(folder) if name.endswith(".rels") and basename(folder) == "_rels" else folder


def _external(source: ZipFile, name: str, parts: Mapping[str, ZipInfo]) -> frozenset[str]:
    info = parts.get(f"{dirname(name)}/_rels/{basename(name)}.rels".lstrip("/"))
    return frozenset(hyperlinks_in(partial(source.open, info))) if info is not None else frozenset()
