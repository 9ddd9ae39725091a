"""Small pictures as data: URIs, so that a page that shows them is one file and asks nobody for anything."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

WIDTH = 360
"""Pixels across: large print is legible, and the rest tells one page from another."""
_TALLEST = 900
_QUALITY = 55


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as a CSS class, so that a page that shows it often holds it once."""

    name: str
    uri: str
    width: int
    height: int


class Thumbnails:
    """Makes each picture once, until `room` bytes of them are made; after that there are no more."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._made: dict[Path, Thumbnail | None] = {}

    def of(self, picture: Path | None) -> Thumbnail | None:
        """None for a picture that is missing or damaged, and for a new one when the room is used up."""
        if picture is None:
            return None
        if picture not in self._made:
            if self.full:
                return None
            self._made[picture] = made = _thumbnail(picture, f"t{len(self._made)}")
            self._room -= len(made.uri) if made else 0
        return self._made[picture]

    @property
    def full(self) -> bool:
        return self._room <= 0

    def style(self) -> str:
        """The CSS of all pictures made so far."""
        made = [each for each in self._made.values() if each]
        return "\n".join(f".{each.name}{{background-image:url({each.uri})}}" for each in made)


def _thumbnail(picture: Path, name: str) -> Thumbnail | None:
    from PIL import Image

    try:
        with Image.open(picture, formats=("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")) as opened:
            opened.draft("RGB", (2 * WIDTH, 2 * _TALLEST))
            small = opened.convert("RGB")
    except (OSError, Image.DecompressionBombError):
        return None
    small.thumbnail((WIDTH, _TALLEST), Image.Resampling.LANCZOS)
    written = BytesIO()
    small.save(written, "JPEG", quality=_QUALITY, optimize=True)
    coded = base64.b64encode(written.getvalue()).decode("ascii")
    return Thumbnail(name, f"data:image/jpeg;base64,{coded}", small.width, small.height)
