"""OOXML and OpenDocument: packages of parts, of which only those are kept whose kind is known to load nothing."""

from __future__ import annotations

import shutil
import zlib
from functools import partial
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from posixpath import basename, dirname
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from rag.errors import Unreadable
from rag.extract.convert.packages import opened_package
from rag.extract.convert.sanitize.pictures import HEAD, is_picture
from rag.extract.convert.sanitize.references import with_folders
from rag.extract.convert.sanitize.xml import NotCleanable, Part, copy_xml, hyperlinks_in

_LEFT_OUT = ("Scripts/", "Basic/", "Dialogs/", "Configurations2/", "META-INF/documentsignatures", "META-INF/macrosig")
"""Macros and menus; and signatures, which hold no longer."""

_GZIP = b"\x1f\x8b"
_LARGEST_UNPACKED = 64 << 20
_BLOCK = 1 << 16

_MAIN = (".xml", ".rels")
"""Parts without which the document is not what it was: one that cannot be cleaned is refused."""

_ALWAYS = frozenset(("mimetype",))


def clean_package(path: Path, into: Path) -> None:
    """Write the package without references that load something, and without macros, embedded files and fonts.

    An embedded file's picture stays, which is what a page shows of it. Raise Unreadable.
    """
    with opened_package(path) as source, ZipFile(into, "w") as target:
        parts = {info.filename: info for info in source.infolist() if not info.is_dir()}
        kept = {name: info for name, info in parts.items() if _is_kept(source, info)}
        names = with_folders(kept)
        for info in kept.values():
            _copy(source, target, info, names)


def _copy(source: ZipFile, target: ZipFile, info: ZipInfo, names: frozenset[str]) -> None:
    name = info.filename
    open_part = partial(source.open, info)
    plain = ZipInfo(name)
    plain.compress_type = ZIP_STORED if name in _ALWAYS else ZIP_DEFLATED
    if not _is_xml(source, info):
        with open_part() as part, target.open(plain, "w", force_zip64=True) as out:
            shutil.copyfileobj(part, out)
        return
    try:
        about = Part(names, _base(name), _external(source, name))
        copy_xml(open_part, about, lambda _: None)  # so that nothing is written of a part that turns out damaged
    except NotCleanable as error:
        if name.endswith(_MAIN):
            raise Unreadable(
                f"A part of the document cannot be read ({basename(name)}): {error}.", "Export it as a PDF."
            ) from error
        return  # a picture or an old drawing
    with target.open(plain, "w", force_zip64=True) as out:
        copy_xml(open_part, about, out.write)


def _is_kept(source: ZipFile, info: ZipInfo) -> bool:
    name = info.filename
    if name in _ALWAYS:
        return True
    if name.startswith(_LEFT_OUT) or name.startswith("/") or ".." in name.split("/"):
        return False
    return _is_xml(source, info) or is_picture(_head(source, info)) or _is_packed_picture(source, info)


def _is_xml(source: ZipFile, info: ZipInfo) -> bool:
    if info.filename in _ALWAYS:
        return False
    head = _head(source, info).removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return head.replace(b"\0", b"").lstrip()[:1] == b"<"


def _is_packed_picture(source: ZipFile, info: ZipInfo) -> bool:
    """Return whether a part is a metafile in gzip (EMZ, WMZ), or a raster picture in it, of a bounded size."""
    if not _head(source, info).startswith(_GZIP):
        return False
    try:
        with source.open(info) as part, GzipFile(fileobj=part) as unpacked:
            head = unpacked.read(HEAD)
            left = _LARGEST_UNPACKED - len(head)
            while left >= 0 and (block := unpacked.read(_BLOCK)):
                left -= len(block)
    except (BadGzipFile, EOFError, zlib.error):
        return False
    return left >= 0 and is_picture(head)


def _head(source: ZipFile, info: ZipInfo) -> bytes:
    with source.open(info) as part:
        return part.read(HEAD)


def _base(name: str) -> str:
    """The folder that references in a part are relative to; those of relationships are to the part they belong to."""
    folder = dirname(name)
    return dirname(folder) if name.endswith(".rels") and basename(folder) == "_rels" else folder


def _external(source: ZipFile, name: str) -> frozenset[str]:
    try:
        info = source.getinfo(f"{dirname(name)}/_rels/{basename(name)}.rels".lstrip("/"))
    except KeyError:
        return frozenset()
    return frozenset(hyperlinks_in(partial(source.open, info)))
