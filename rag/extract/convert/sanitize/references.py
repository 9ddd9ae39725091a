"""References in documents: whether they stay inside the document or lead outside."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from posixpath import dirname, normpath
from urllib.parse import unquote

from rag.extract.convert.sanitize.pictures import is_base64_picture

_MAX_DEPTH = 16
"""Maximum number of folders around a part. No program writes more, and memory grows with the square of the depth."""

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]*:")
_OUTSIDE = re.compile(
    r"\s*(?:(?:file|ftps?|sftp|smb|davs?|webdav|jar|zip|package|private|macro|javascript|service|slot|vnd\.[\w.\-]+)\s*:"
    r"[^ \u00a0]|\\\\[^ \u00a0]|//+(?:[\w.\[\-]|%[0-9a-f]{2}))",
    re.IGNORECASE,
)
"""A scheme followed by a space is a label ("File: 12/2024"), and so are two slashes without a host."""
_URL = re.compile(r"url\s*\(\s*[\"']?\s*([^\s\"')]*)", re.IGNORECASE)
_FONT_DATA = re.compile(r"data:(?:font/|application/(?:x-)?font-)[\w.\-]+(?:;charset=[\w\-]+)?;base64,", re.IGNORECASE)
_PICTURE_DATA = re.compile(r"\s*data:image/(?:png|jpe?g|gif|bmp|webp);base64,", re.IGNORECASE)


def is_part(reference: str, names: Collection[str], base: str = "", *, from_root: bool = False) -> bool:
    """Return whether a reference stays inside the document: `#somewhere`, or one of `names` (parts and folders).

    base: the folder it is relative to, without a trailing slash.
    from_root: whether a leading slash means the root of the package, not of the file system.
    """
    reference = reference.strip()
    if reference.startswith("#"):
        return True
    path = unquote(reference.partition("#")[0])
    if not path or _SCHEME.match(path) or "\\" in path or "\0" in path:
        return False
    if path.startswith("/"):
        if not from_root or path.startswith("//"):
            return False
        path = normpath(path[1:])
    else:
        path = normpath(f"{base}/{path}" if base else path)
    return path in names


def with_folders(names: Iterable[str]) -> frozenset[str]:
    """Return the names of parts and of their folders. Folders of parts that are nested too deeply are left out."""
    found: set[str] = set()
    for name in names:
        if name.count("/") > _MAX_DEPTH:
            found.add(name)
            continue
        while name and name not in found:
            found.add(name)
            name = dirname(name)
    return frozenset(found)


def leads_outside(value: str) -> bool:
    """Return whether an attribute's value names a file, a network share or a program, even if it is not a reference."""
    return _OUTSIDE.match(value) is not None


def is_picture_data(reference: str) -> bool:
    """Return whether a reference is a data URL with a picture. The content is checked, not only the declared type."""
    declared = _PICTURE_DATA.match(reference)
    return declared is not None and is_base64_picture(reference[declared.end() :])


def style_loads(style: str) -> bool:
    """Return whether CSS could load something: it has an import, an escape, or a url() that leads outside.

    A url() that contains a font or a raster picture loads nothing.
    """
    return "@import" in style.lower() or "\\" in style or not all(_is_internal(url[1]) for url in _URL.finditer(style))


def _is_internal(url: str) -> bool:
    return url.startswith("#") or _FONT_DATA.match(url) is not None or is_picture_data(url)
