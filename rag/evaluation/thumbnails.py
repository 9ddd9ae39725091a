"""Small pictures as data: URIs, so that a page that shows them is a single file."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

WIDTH = 360
"""Pixels: large print is legible, and pages can be distinguished."""
_MAX_HEIGHT = 900
_QUALITY = 55


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as a CSS class, so that a page that shows it several times contains it once."""

    name: str
    uri: str
    width: int
    height: int


class Thumbnails:
    """Creates each thumbnail once, and no more after `max_bytes` of them."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._created: dict[Path, Thumbnail | None] = {}

    def thumbnail(self, picture: Path | None) -> Thumbnail | None:
        """Return the thumbnail; None for a missing or damaged picture, and for a new one if the limit is reached."""
        if picture is None:
            return None
        if picture not in self._created:
            if self.full:
                return None
            self._created[picture] = thumbnail = _create_thumbnail(picture, f"t{len(self._created)}")
            self._left -= len(thumbnail.uri) if thumbnail else 0
        return self._created[picture]

    @property
    def full(self) -> bool:
        return self._left <= 0

    def created(self) -> list[Thumbnail]:
        """Return all thumbnails created so far."""
        return [thumbnail for thumbnail in self._created.values() if thumbnail]


def _create_thumbnail(picture: Path, name: str) -> Thumbnail | None:
    from PIL import Image

    try:
        with Image.open(picture, formats=("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")) as opened:
            opened.draft("RGB", (2 * WIDTH, 2 * _MAX_HEIGHT))
            small = opened.convert("RGB")
    except (OSError, Image.DecompressionBombError):
        return None
    small.thumbnail((WIDTH, _MAX_HEIGHT), Image.Resampling.LANCZOS)
    jpeg = BytesIO()
    small.save(jpeg, "JPEG", quality=_QUALITY, optimize=True)
    encoded = base64.b64encode(jpeg.getvalue()).decode("ascii")
    return Thumbnail(name, f"data:image/jpeg;base64,{encoded}", small.width, small.height)
