"""Which words of a page its picture shows: those where the picture changes when all text is made transparent.

So a word does not count if it has the color of its background, lies under something, or is clipped, too small or off
the page, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.ingest.fetch.screenshot_pdf import ScreenWord

if TYPE_CHECKING:
    from PIL.Image import Image

_MIN_CONTRAST = 20
"""Minimum change of a pixel, of 255. People can hardly read text that differs less from its background."""

_MIN_SHARE = 0.25
"""Minimum share of a word's length in which the picture changes; gaps between letters are less."""

_MIN_SIDE = 4
"""Minimum height of a visible word, in pixels."""


def visible_words(shown: Image, without_text: Image, words: Sequence[ScreenWord], top: float) -> list[ScreenWord]:
    """Return the words that the picture `shown` shows. `top` is where both pictures begin on the page."""
    import numpy as np

    before = np.asarray(shown.convert("RGB"), dtype=np.int16)
    after = np.asarray(without_text.convert("RGB"), dtype=np.int16)
    changed = np.abs(before - after).max(axis=2) > _MIN_CONTRAST
    height, width = changed.shape
    found = []
    for word in words:
        x0, x1 = max(0, int(word.x0)), min(width, int(word.x1) + 1)
        y0, y1 = max(0, int(word.y0 - top)), min(height, int(word.y1 - top) + 1)
        if x1 <= x0 or y1 <= y0 or min(word.y1 - word.y0, word.x1 - word.x0 + _MIN_SIDE) < _MIN_SIDE:
            continue
        part = changed[y0:y1, x0:x1]
        is_vertical = word.y1 - word.y0 > 2 * (word.x1 - word.x0) and len(word.text) > 1
        length = (word.y1 - word.y0) if is_vertical else (word.x1 - word.x0)
        if part.any(axis=1 if is_vertical else 0).sum() >= max(1.0, _MIN_SHARE * length):
            found.append(word)
    return found
