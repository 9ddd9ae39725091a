"""The frames of a picture that become pages: all of a TIFF, and of an animation those that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.extract.file_types import TIFF
from rag.model import Note

if TYPE_CHECKING:
    from PIL.Image import Image

_ANIMATIONS = ("image/gif", "image/webp", "image/png", "image/avif")
MAX_KEY_FRAMES = 20
_MAX_COMPARED = 3_000
_MAX_DECODED_PIXELS = 2_000_000_000
"""Pixels of the frames that are compared: about 20 s; later frames are left out."""

_SIDE = 200
_CONTRAST = 40
_MIN_CHANGE = 0.01
"""Share of the pixels, on a scale of _SIDE pixels, that differ by _CONTRAST gray levels between two key frames."""


def page_frames(image: Image, media_type: str) -> tuple[int, ...]:
    """Return the number of the frame, from 0, of each page."""
    count = getattr(image, "n_frames", 1)
    if count < 2 or media_type == TIFF:
        return tuple(range(count if media_type == TIFF else 1))
    if media_type not in _ANIMATIONS:
        return (0,)
    compared = min(count, _MAX_COMPARED, max(1, _MAX_DECODED_PIXELS // (image.width * image.height)))
    frames = _different_frames(image, compared)
    if len(frames) > MAX_KEY_FRAMES:
        step = (len(frames) - 1) / (MAX_KEY_FRAMES - 1)
        frames = [frames[round(at * step)] for at in range(MAX_KEY_FRAMES)]
    image.seek(0)
    return tuple(frames)


def animation_notes(image: Image, media_type: str, frames: Sequence[int]) -> tuple[Note, ...]:
    """Return the note about the frames of an animation that are not pages."""
    count = getattr(image, "n_frames", 1)
    if media_type not in _ANIMATIONS or count <= len(frames):
        return ()
    return (Note(f"Of the {count:,} frames of the animation, {len(frames)} that differ are pages."),)


def _different_frames(image: Image, count: int) -> list[int]:
    import numpy as np

    kept: list[int] = []
    last = None
    for number in range(count):
        image.seek(number)
        small = image.convert("RGB").convert("L")
        small.thumbnail((_SIDE, _SIDE))
        gray = np.asarray(small, dtype=np.int16)
        if last is None or (np.abs(gray - last) > _CONTRAST).mean() >= _MIN_CHANGE:
            kept.append(number)
            last = gray
    return kept
