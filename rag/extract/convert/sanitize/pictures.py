"""Raster pictures and metafiles, told by their first bytes. An SVG, which may refer to other files, is not one."""

from __future__ import annotations

import base64
import re

HEAD = 64
"""Number of bytes that `is_picture` needs."""

_PICTURES = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*"),
    *(b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00", b"\x02\x00\x09\x00"),  # Windows metafiles
    b"VCLMTF",  # LibreOffice's own
)
_EMF = b" EMF"
"""In an enhanced metafile, behind 40 bytes."""

_HEX = re.compile(r"[0-9A-Fa-f]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_BASE64_HEAD = 88
"""Number of characters of base64 that hold a head; a multiple of 4."""


def is_picture(head: bytes) -> bool:
    """Return whether a file with these first bytes is a raster picture or a metafile."""
    return head.startswith(_PICTURES) or head[40:44] == _EMF or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def head_from_hex(text: str) -> bytes | None:
    """Return the first bytes of hexadecimal digits, which may contain whitespace; None if there is anything else."""
    compact = "".join(text.split())
    if not _HEX.fullmatch(compact):
        return None
    return bytes.fromhex(compact[: min(2 * HEAD, len(compact) // 2 * 2)])


def is_base64_picture(text: str) -> bool:
    """Return whether base64, which may contain whitespace, holds a raster picture or a metafile."""
    compact = "".join(text.split())
    if not _BASE64.fullmatch(compact):
        return False  # decoders disagree about what other characters mean
    try:
        return is_picture(base64.b64decode(compact[:_BASE64_HEAD]))
    except ValueError:
        return False
