"""Words that a page holds and does not show: where a picture has them, so that they are found and marked."""

from __future__ import annotations

from typing import Any

_UNSEEN = 3
"""Text rendering mode: neither filled nor stroked (PDF 1.7, table 106)."""

_LINE_HEIGHT = 1.2
"""Height of a line's box in sizes of its type."""

_DESCENT = 0.2
"""How far a line's box reaches below its base line, as a share of its height."""


class UnseenText:
    """Collects the words of a page. `pymupdf` is the module; fonts are built once and may be shared."""

    def __init__(self, pymupdf: Any, fonts: UnseenFonts, rect: Any) -> None:
        self._writer = pymupdf.TextWriter(rect)
        self._fonts = fonts

    def put(self, text: str, x0: float, y1: float, wide: float, tall: float) -> None:
        """Add a word; left and bottom, width and height of its box in points of the page."""
        font = self._fonts.of(text)
        length = font.text_length(text, 1)
        if length > 0:
            size = max(min(tall / _LINE_HEIGHT, wide / length), 1.0)
            self._writer.append((x0, y1 - _DESCENT * tall), text, font=font, fontsize=size)

    def write(self, page: Any) -> None:
        self._writer.write_text(page, render_mode=_UNSEEN)


class UnseenFonts:
    """A font for Latin letters, and one for every other script."""

    def __init__(self, pymupdf: Any) -> None:
        self._latin, self._any_script = pymupdf.Font("helv"), pymupdf.Font("cjk")

    def of(self, text: str) -> Any:
        return self._latin if all(ord(letter) < 256 for letter in text) else self._any_script
