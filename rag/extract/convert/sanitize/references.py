"""What a reference in a document names: another part of it, or something outside."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from posixpath import dirname, normpath
from urllib.parse import unquote

from rag.extract.convert.sanitize.pictures import is_base64_picture

_DEEPEST = 16
"""Folders around a part. More are not written by any program, and would take memory by their square."""

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]*:")
_OUTSIDE = re.compile(
    r"\s*(?:(?:file|ftps?|sftp|smb|davs?|webdav|jar|zip|package|private|macro|javascript|service|slot|vnd\.[\w.\-]+)\s*:"
    r"[^ \u00a0]|\\\\[^ \u00a0]|//+(?:[\w.\[\-]|%[0-9a-f]{2}))",
    re.IGNORECASE,
)
"""A scheme followed by a blank is a label, as in "File: 12/2024"; two slashes that no host follows are one, too."""
_URL = re.compile(r"url\s*\(\s*[\"']?\s*([^\s\"')]*)", re.IGNORECASE)
_FONT_DATA = re.compile(r"data:(?:font/|application/(?:x-)?font-)[\w.\-]+(?:;charset=[\w\-]+)?;base64,", re.IGNORECASE)
_PICTURE_DATA = re.compile(r"\s*data:image/(?:png|jpe?g|gif|bmp|webp);base64,", re.IGNORECASE)


def is_part(reference: str, names: Collection[str], base: str = "", *, from_root: bool = False) -> bool:
    """Return whether a reference stays inside the document: `#somewhere`, or one of the parts called `names`.

    base: the folder that it is relative to, without a slash at its end. Folders count if `names` has them.
    from_root: whether a path that begins with a slash begins at the package, and not at this machine's disk.
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
    """Return the names of parts and the folders they are in; a part too deep counts without its folders."""
    found: set[str] = set()
    for name in names:
        if name.count("/") > _DEEPEST:
            found.add(name)
            continue
        while name and name not in found:
            found.add(name)
            name = dirname(name)
    return frozenset(found)


def leads_outside(value: str) -> bool:
    """Return whether a value that need not be a reference names a file, a share on the network, or a program."""
    return _OUTSIDE.match(value) is not None


def is_picture_data(reference: str) -> bool:
    """Return whether a reference holds the pixels themselves, in base64. The declared type alone proves nothing."""
    declared = _PICTURE_DATA.match(reference)
    return declared is not None and is_base64_picture(reference[declared.end() :])


def style_loads(style: str) -> bool:
    """Return whether a piece of CSS could load something: an import, an escape, or a url() outside the picture.

    A font or a raster picture that the url() contains loads nothing.
    """
    return "@import" in style.lower() or "\\" in style or not all(_is_inside(url[1]) for url in _URL.finditer(style))


def _is_inside(url: str) -> bool:
    return url.startswith("#") or _FONT_DATA.match(url) is not None or is_picture_data(url)
