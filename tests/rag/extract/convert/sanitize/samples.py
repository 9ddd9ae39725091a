"""Sample references and files, and sanitizing of XML as text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from PIL import Image

from rag.extract.convert.sanitize.references import with_folders
from rag.extract.convert.sanitize.xml import PartContext, copy_xml

OUTSIDE = (
    "file:///data/pictures/1/p0001.jpg",
    "../../data/pictures/1/p0001.jpg",
    "/data/pictures/1/p0001.jpg",
    "//server/share/a.png",
    "\\\\server\\share\\a.png",
    "ftp://example.org/a.png",
    "http://example.org/a.png",
    "vnd.sun.star.script:x.py$f?language=Python",
    "vnd.sun.star.webdav://example.org/a.png",
    "/proc/self/root/data/a.png",
    "%2e%2e/%2e%2e/data/a.png",
    "Pictures/../../../data/a.png",
)
"""References that lead outside of a document."""

NAMES = frozenset({"content.xml", "Pictures/a.png", "Object 1/content.xml", "data/pictures/1/p0001.jpg", "data/a.png"})
"""Parts of a hostile document whose names match the layout of the data folder."""


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///data/a.png"/></svg>'
EMF = b"\x01\x00\x00\x00".ljust(40, b"\0") + b" EMF" + bytes(40)
SVG_BASE64 = b64encode(SVG).decode()


def png() -> bytes:
    written = BytesIO()
    Image.new("RGB", (8, 8), "blue").save(written, "PNG")
    return written.getvalue()


def sanitize(xml: str | bytes, names: Iterable[str] = NAMES, external: Iterable[str] = ()) -> str:
    data = xml.encode() if isinstance(xml, str) else xml
    written = BytesIO()
    copy_xml(lambda: BytesIO(data), PartContext(with_folders(names), "", frozenset(external)), written.write)
    return written.getvalue().decode()


def parts_of(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
