"""Books in EPUB files: their chapters in reading order, with the pictures of the book."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from rag.errors import Unreadable
from rag.extract.convert.file_pictures import FilePictures, data_address
from rag.extract.convert.packages import open_package
from rag.extract.convert.rich_text import RichText, decode_page, missing_pictures, page_parts

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")
_MAX_CHAPTERS = 3_000
_MAX_CHAPTER_BYTES = 50 << 20


def read_epub(path: Path, max_megapixels: int) -> RichText:
    """Return the chapters of a book. Raise Unreadable if it is damaged or protected."""
    from lxml.etree import LxmlError

    try:
        with open_package(path) as archive:
            return _read(archive, max_megapixels)
    except (LxmlError, LookupError) as error:
        raise Unreadable("The book is damaged and can't be opened.", "Export or download it again.") from error


def _read(archive: ZipFile, max_megapixels: int) -> RichText:
    names = set(archive.namelist())
    package = next((found.get("full-path", "") for found in _root(archive, _CONTAINER).iter("{*}rootfile")), "")
    folder = posixpath.dirname(package)
    root = _root(archive, package)
    title = next((element.text or "" for element in root.iter("{*}title")), "")
    chapters = [part for part in _chapters(root, folder) if part in names]
    if _ENCRYPTION in names and _is_protected(_root(archive, _ENCRYPTION), chapters):
        raise Unreadable("The book is protected against copying (DRM).", "Share a copy without protection.")

    def find(key: str) -> bytes | None:
        chapter, _, address = key.partition("\0")
        part = posixpath.normpath(posixpath.join(posixpath.dirname(chapter), unquote(address.partition("#")[0])))
        return _part(archive, part) if part in names else data_address(address)

    pictures = FilePictures(find, max_megapixels)
    parts: list[str] = []
    missing = 0
    for chapter in chapters:
        tags = partial(_picture_in_chapter, pictures, chapter)
        simple = page_parts(decode_page(_part(archive, chapter)), tags)
        parts += simple.parts
        missing += simple.missing_pictures
    if not any(parts):
        raise Unreadable("The book has no chapters that can be read.", "Export it as a PDF.")
    return RichText(parts, pictures, title, missing_pictures(missing))


def _picture_in_chapter(pictures: FilePictures, chapter: str, address: str) -> str | None:
    return pictures.tag(f"{chapter}\0{address}")


def _root(archive: ZipFile, part: str) -> Any:
    from lxml.etree import XMLParser, fromstring

    parser = XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return fromstring(_part(archive, part), parser)


def _part(archive: ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(_MAX_CHAPTER_BYTES)


def _chapters(root: Any, folder: str) -> Iterator[str]:
    """Yield the parts of the book in reading order, each once."""
    items = {item.get("id"): item for item in root.iter("{*}item")}
    seen: set[str] = set()
    for reference in list(root.iter("{*}itemref"))[:_MAX_CHAPTERS]:
        item = items.get(reference.get("idref"))
        if item is not None and item.get("media-type") in _PAGES:
            part = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
            if part not in seen:
                seen.add(part)
                yield part


def _is_protected(root: Any, chapters: list[str]) -> bool:
    """Return whether chapters are encrypted; fonts often are, also in books without protection."""
    encrypted = {unquote(reference.get("URI", "")) for reference in root.iter("{*}CipherReference")}
    return bool(encrypted & set(chapters))
