"""Detection of raster pictures and metafiles by their first bytes. SVG is excluded: it can refer to other files."""

from __future__ import annotations

import base64
import re

HEAD_BYTES = 64
"""Number of first bytes that `is_picture` needs."""

_PICTURES = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*"),
    *(b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00", b"\x02\x00\x09\x00"),  # Windows metafiles
    b"VCLMTF",  # LibreOffice's own
)
_EMF = b" EMF"
"""Signature of an enhanced metafile, at offset 40."""

_HEX = re.compile(r"[0-9A-Fa-f]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_BASE64_HEAD = 88
"""Number of base64 characters for HEAD_BYTES; a multiple of 4."""


def is_picture(head: bytes) -> bool:
    """Return whether a file with these first bytes is a raster picture or a metafile."""
    return head.startswith(_PICTURES) or head[40:44] == _EMF or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def head_from_hex(text: str) -> bytes | None:
    """Decode the first bytes of hexadecimal digits with optional whitespace; None if there is anything else."""
    compact = "".join(text.split())
    if not _HEX.fullmatch(compact):
        return None
    return bytes.fromhex(compact[: min(2 * HEAD_BYTES, len(compact) // 2 * 2)])


def is_base64_picture(text: str) -> bool:
    """Return whether base64 text, with optional whitespace, contains a raster picture or a metafile."""
    compact = "".join(text.split())
    if not _BASE64.fullmatch(compact):
        return False  # decoders treat other characters differently
    try:
        return is_picture(base64.b64decode(compact[:_BASE64_HEAD]))
    except ValueError:
        return False
