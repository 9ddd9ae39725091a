"""Tall pictures, such as screenshots of long pages: cut into pages of readable height."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held; values from 5 on swap width and height."""

_MAX_ASPECT = 8
"""A picture that is higher than this multiple of its width becomes several pages."""

_PAGE_ASPECT, _MIN_PAGE_HEIGHT = 2, 1000
"""Height of a page as a multiple of its width, like the screen of a phone; in pixels at least the second number."""

_SHIFT = 0.15
"""How far a cut is moved to miss the lines of text, as a share of a page's height."""


def count_parts(image: Image) -> int:
    """Return the number of pages that a picture becomes. Only its size and EXIF orientation are read."""
    try:
        is_turned = image.getexif().get(_ORIENTATION, 1) >= 5
    except Exception:  # noqa: BLE001 - damaged metadata raises anything; the pixels can be used as they are
        is_turned = False
    width, height = (image.height, image.width) if is_turned else image.size
    return _count(width, height)


def cut_part(image: Image, number: int) -> Image:
    """Return a page, counted from 1, of an upright picture; the picture itself if it is one page."""
    count = _count(image.width, image.height)
    if count == 1:
        return image
    return image.crop((0, _cut(image, number - 1, count), image.width, _cut(image, number, count)))


def _count(width: int, height: int) -> int:
    if height <= _MAX_ASPECT * width:
        return 1
    return math.ceil(height / max(_PAGE_ASPECT * width, _MIN_PAGE_HEIGHT))


def _cut(image: Image, index: int, count: int) -> int:
    """Return the row at which a page ends: the row with the least contrast near the nominal place."""
    import numpy as np

    if index in (0, count):
        return index * image.height // count
    height = image.height / count
    first, last = round((index - _SHIFT) * height), round((index + _SHIFT) * height)
    rows = np.asarray(image.crop((0, first, image.width, last)).convert("L"), dtype=np.int16)
    contrast = np.abs(np.diff(rows, axis=1)).sum(axis=1) if image.width > 1 else np.zeros(len(rows))
    calm = np.flatnonzero(contrast <= contrast.min() * 1.05 + 1)
    runs = np.split(calm, np.flatnonzero(np.diff(calm) > 1) + 1)
    longest = max(runs, key=len)
    return first + int(longest[len(longest) // 2])
