"""The words of a PDF page that are seen on it, found fast: by words instead of glyphs, without layout and OCR.

What is hidden is decided as for a full extraction, by whether the page's picture changes without its text. Where that
can't tell one word from another, nothing is returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

_SCALE = 1.5
"""Pixels per point of the picture: the cores of letters of 9 points are 6 pixels high and are divided into bands."""

_CORE = (0.42, 0.78)
"""Top and bottom of the core of a word's letters, as shares of the height of its box, in any font: below the top of an
x and above the baseline."""

_BANDS = 3
_MIN_BANDS = 2
"""A part of a word is seen if there is ink in so many of its bands from top to bottom: not by a line through it."""

_MIN_SEEN = 0.75
"""Share of a word's parts, one for each letter, that must be seen. They are of equal width, and letters are not."""

_MAX_TURNED = 0.02
"""Share of the words that may be higher than wide; otherwise text is turned."""

_TURNED_LETTERS = 4
"""Letters of a word that is wider than high unless it is turned."""
