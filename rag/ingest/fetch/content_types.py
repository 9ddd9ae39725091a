"""What a server's response is, a web page or a file, and what the file is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

WEB_PAGES = ("text/html", "application/xhtml+xml")

_MAGIC = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"{\\rtf",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"II*\x00",
    b"MM\x00*",
)
"""First bytes of files that servers also send as `text/html`, because they know no better."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def is_web_page(headers: Mapping[str, str]) -> bool:
    """Return whether a response says that it is a web page to be displayed."""
    disposition = headers.get("content-disposition", "").partition(";")[0].strip().lower()
    return media_type(headers) in WEB_PAGES and disposition != "attachment"


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type without parameters, in lower case; "" if the server says none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_other_file(start: bytes) -> bool:
    """Return whether the first bytes of a body are of a PDF, an office document or a picture, not of a web page."""
    return start.startswith(_MAGIC)


def file_name(headers: Mapping[str, str], url: str) -> str:
    """Return the name that the server gives the file (RFC 6266), else the last part of its address; it may be ""."""
    return _given_name(headers.get("content-disposition", "")) or _clean(
        unquote(PurePosixPath(urlsplit(url).path).name)
    )


def _given_name(disposition: str) -> str:
    if "filename" not in disposition.lower():
        return ""
    message = Message()
    try:
        message["Content-Disposition"] = disposition
        name = message.get_filename("")
    except (ValueError, LookupError):  # an unknown encoding, or a line break
        return ""
    with suppress(UnicodeError):  # headers are Latin-1, but many servers send UTF-8 in them
        name = name.encode("latin-1").decode()
    return _clean(name)


def _clean(name: str) -> str:
    """Return the last part of a path, in one line."""
    return _UNPRINTABLE.sub(" ", PureWindowsPath(name).name).strip(" .")
