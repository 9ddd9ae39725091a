"""Invisible text over a picture, so that a PDF's words can be searched and marked."""

from __future__ import annotations

import re
from typing import Any

from rag.extract.layout.right_to_left import is_right_to_left

_INVISIBLE = 3
"""Text rendering mode: no fill, no stroke (PDF 1.7, table 106)."""

_LINE_HEIGHT = 1.2
"""Height of a line's box, as a multiple of its font size."""

_DESCENT = 0.2
"""How far a line's box extends below its baseline, as a fraction of its height."""

_LEFT_TO_RIGHT = re.compile(r"[A-Za-z0-9\u00c0-\u058f]+(?:[.,:/-][A-Za-z0-9\u00c0-\u058f]+)*")


class InvisibleText:
    """Collects the words of a page and writes them invisibly. `fonts` can be shared between pages."""

    def __init__(self, pymupdf: Any, fonts: InvisibleTextFonts, rect: Any) -> None:
        self._writer = pymupdf.TextWriter(rect)
        self._fonts = fonts

    def add_word(self, text: str, left: float, bottom: float, width: float, height: float) -> None:
        """Add a word; `left`, `bottom`, `width` and `height` of its box are in points of the page.

        A space follows each word: the gap to the next one may be too small for a reader to notice.
        """
        font = self._fonts.for_text(text)
        length = font.text_length(text, 1)
        if length > 0:
            size = max(min(height / _LINE_HEIGHT, width / length), 1.0)
            self._writer.append(
                (left, bottom - _DESCENT * height), in_visual_order(text) + " ", font=font, fontsize=size
            )

    def write(self, page: Any) -> None:
        """Write the collected words to the page."""
        self._writer.write_text(page, render_mode=_INVISIBLE)


def in_visual_order(word: str) -> str:
    """Return the letters of a word from left to right, as a PDF has them; a reader restores their order.

    In a word of a script from right to left, only numbers and other scripts keep their direction.
    """
    if not is_right_to_left(word):
        return word
    return _LEFT_TO_RIGHT.sub(lambda run: run[0][::-1], word[::-1])


class InvisibleTextFonts:
    """A font for Latin text, and a font for all other scripts."""

    def __init__(self, pymupdf: Any) -> None:
        self._latin, self._any_script = pymupdf.Font("helv"), pymupdf.Font("cjk")

    def for_text(self, text: str) -> Any:
        return self._latin if all(ord(letter) < 256 for letter in text) else self._any_script
