"""The frames of a picture that become pages: all of a TIFF, and of an animation those that differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.extract.file_types import TIFF
from rag.model.extraction import Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_ANIMATIONS = ("image/gif", "image/webp", "image/png", "image/avif")
MAX_KEY_FRAMES = 20
_MAX_COMPARED = 3_000
_MAX_DECODED_PIXELS = 2_000_000_000
"""Pixels of the frames that are compared: about 20 s; later frames are left out."""

_SIDE, _TILE = 800, 32
"""Pixels of the longer side on the scale at which frames are compared, and of the sides of its tiles."""
_CONTRAST = 40
_MIN_CHANGE = 0.01
"""Share of the pixels that differ by _CONTRAST gray levels between two key frames, all over the picture."""
_MIN_TILES, _MIN_TILE_PIXELS = 2, 40
"""Tiles that differ between two key frames, and pixels that differ in such a tile: a line of small text changes more,
a cursor less."""
_MIN_LAST_PIXELS = 10
"""Pixels from which the last frame counts as different: small steps end in it."""


@dataclass(frozen=True, slots=True)
class PageFrames:
    """The number of the frame, from 0, of each page; `has_left_out`: others that differ, or may, are not pages."""

    numbers: tuple[int, ...]
    has_left_out: bool = False


def page_frames(image: Image, media_type: str) -> PageFrames:
    """Return the frames of a picture that are pages."""
    count = getattr(image, "n_frames", 1)
    if count < 2 or media_type == TIFF:
        return PageFrames(tuple(range(count if media_type == TIFF else 1)))
    if media_type not in _ANIMATIONS:
        return PageFrames((0,))
    compared = min(count, _MAX_COMPARED, max(1, _MAX_DECODED_PIXELS // (image.width * image.height)))
    frames = _different_frames(image, compared)
    has_left_out = compared < count or len(frames) > MAX_KEY_FRAMES
    if len(frames) > MAX_KEY_FRAMES:
        step = (len(frames) - 1) / (MAX_KEY_FRAMES - 1)
        frames = [frames[round(at * step)] for at in range(MAX_KEY_FRAMES)]
    image.seek(0)
    return PageFrames(tuple(frames), has_left_out)


def animation_notes(image: Image, media_type: str, frames: PageFrames) -> tuple[Note, ...]:
    """Return the note about the frames of an animation that are not pages."""
    count = getattr(image, "n_frames", 1)
    pages = len(frames.numbers)
    if media_type not in _ANIMATIONS or count <= pages:
        return ()
    if frames.has_left_out:
        which = "is a page" if pages == 1 else "are pages"
        text = f"Of the {count:,} frames of the animation, {pages} {which}; others that differ were left out."
        return (Note(text, lost=True),)
    return (Note(f"Of the {count:,} frames of the animation, {pages} that differ are pages."),)


def _different_frames(image: Image, count: int) -> list[int]:
    """Return the frames that differ from the one before in this list; the last one also if it differs a little."""
    import numpy as np

    kept: list[int] = []
    last = None
    for number in range(count):
        image.seek(number)
        small = image.convert("RGB").convert("L")
        small.thumbnail((_SIDE, _SIDE), reducing_gap=1.0)  # ten times as fast as the default
        gray = np.asarray(small, dtype=np.int16)
        if last is not None:
            changed = np.abs(gray - last) > _CONTRAST
            is_different = changed.sum() >= _MIN_LAST_PIXELS if number == count - 1 else _differs(changed)
        if last is None or is_different:
            kept.append(number)
            last = gray
    return kept


def _differs(changed: NDArray[np.bool_]) -> bool:
    """Return whether enough pixels changed, all over the picture or in tiles of it."""
    import numpy as np

    if changed.mean() >= _MIN_CHANGE:
        return True
    height, width = changed.shape
    rows = np.add.reduceat(changed, range(0, height, _TILE), axis=0, dtype=np.int32)
    tiles = np.add.reduceat(rows, range(0, width, _TILE), axis=1)
    return int((tiles >= _MIN_TILE_PIXELS).sum()) >= _MIN_TILES
