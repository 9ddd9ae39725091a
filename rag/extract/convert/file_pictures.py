"""Pictures inside a file, such as a mail or a book, made safe for its conversion to PDF."""

from __future__ import annotations

import binascii
import io
from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from rag.errors import Unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_PICTURES = 300
_MAX_SIDE = 2000
_MAX_TOTAL_PIXELS = 300_000_000
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
_POINTS = 0.75
_MAX_WIDTH, _MAX_HEIGHT = 480, 650
"""Largest size on a page, in points."""
_MIN_SIDE = 8
"""Smaller pictures are lines and counters."""


class FilePictures:
    """Decodes the pictures that a file contains, and keeps them under names of its own for the conversion.

    `find` returns the bytes for an address in the file, or None if it is outside.
    """

    def __init__(self, find: Callable[[str], bytes | None], max_megapixels: int) -> None:
        self._find = find
        self._max_pixels = max_megapixels * 1_000_000
        self._tags: dict[str, str | None] = {}
        self._pixels = 0
        self.files: dict[str, bytes] = {}

    def tag(self, address: str) -> str | None:
        """Return the `<img>` tag for an address; None if the file has no such picture, or it can't be shown."""
        if address not in self._tags:
            self._tags[address] = self._load(address)
        return self._tags[address]

    def _load(self, address: str) -> str | None:
        data = self._find(address) if len(self.files) < _MAX_PICTURES else None
        image = self._decode(data) if data else None
        if image is None:
            return None
        if min(image.size) < _MIN_SIDE:
            return ""
        scale = min(_POINTS, _MAX_WIDTH / image.width, _MAX_HEIGHT / image.height)
        width = image.width * scale
        image.thumbnail((_MAX_SIDE, _MAX_SIDE))
        name = f"picture-{len(self.files)}.png"
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        self.files[name] = buffer.getvalue()
        return f'<img src="{name}" style="width: {width:.1f}pt">'

    def _decode(self, data: bytes) -> Image | None:
        from PIL import Image

        from rag.images import upright_rgb

        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                pixels = opened.width * opened.height
                if pixels > self._max_pixels or self._pixels + pixels > _MAX_TOTAL_PIXELS:
                    return None
                self._pixels += pixels
                return upright_rgb(opened)
        except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, Unreadable):
            return None  # Pillow's decoders raise any of these; the page says that a picture is missing

    def archive(self, pymupdf: Any) -> Any:
        """Return the pictures as the only files that a conversion can open; None if there are none."""
        if not self.files:
            return None
        archive = pymupdf.Archive()
        for name, data in self.files.items():
            archive.add(data, name)
        return archive


def data_address(address: str) -> bytes | None:
    """Return the bytes in a `data:` address, or None for any other."""
    if address[:5].lower() != "data:":
        return None
    kind, _, data = address[5:].partition(",")
    try:
        return b64decode(unquote_to_bytes(data)) if kind.lower().endswith(";base64") else unquote_to_bytes(data)
    except binascii.Error:
        return None
