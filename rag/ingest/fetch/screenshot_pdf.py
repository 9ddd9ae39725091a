"""Conversion of a long screenshot to a PDF: one page per tile, with invisible words over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

from rag.extract.invisible_text import InvisibleText, InvisibleTextFonts
from rag.images import encode_jpeg

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 1280, 1600
"""Size of a tile in CSS pixels: the width of a common screen, with roughly the proportions of a sheet of paper."""

_POINTS = 0.75
"""Points per CSS pixel."""

_SEARCH_RANGE = 0.2
"""Part of a tile, from its end, in which a gap between lines is searched for."""

_QUALITY = 85


@dataclass(frozen=True, slots=True)
class ScreenWord:
    """A word and its box on the whole page, in CSS pixels."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


def split_into_tiles(height: float, words: Sequence[ScreenWord], max_tiles: int) -> list[tuple[float, float]]:
    """Return top and bottom of at most `max_tiles` tiles. Cuts through words are avoided where possible."""
    tiles: list[tuple[float, float]] = []
    top: float = 0
    while top < height and len(tiles) < max_tiles:
        bottom = min(top + HEIGHT, height)
        if bottom < height:
            bottom = _cut_between_lines(bottom, bottom - _SEARCH_RANGE * HEIGHT, words)
        tiles.append((top, bottom))
        top = bottom
    return tiles


def _cut_between_lines(bottom: float, top: float, words: Sequence[ScreenWord]) -> float:
    """Return the lowest row between `top` and `bottom` that crosses no word; `bottom` if there is none."""
    at = bottom
    for word in sorted(words, key=lambda word: -word.y1):
        if word.y0 < at < word.y1:
            at = floor(word.y0)
    return at if at >= top else bottom


def write_screenshot_pdf(screenshot: Image, words: Sequence[ScreenWord], title: str, max_tiles: int, path: Path) -> int:
    """Write the PDF and return its number of pages. The same screenshot gives the same bytes.

    `screenshot` is WIDTH pixels wide, or a multiple of it on a screen with a higher resolution.
    """
    import pymupdf

    scale = screenshot.width / WIDTH
    height = screenshot.height / scale
    fonts = InvisibleTextFonts(pymupdf)
    with pymupdf.open() as document:
        for top, bottom in split_into_tiles(height, words, max_tiles):
            page = document.new_page(width=WIDTH * _POINTS, height=(bottom - top) * _POINTS)
            tile = screenshot.crop((0, round(top * scale), screenshot.width, round(bottom * scale)))
            page.insert_image(page.rect, stream=encode_jpeg(tile.convert("RGB"), _QUALITY), keep_proportion=False)
            text_layer = InvisibleText(pymupdf, fonts, page.rect)
            for word in words:
                if top <= (word.y0 + word.y1) / 2 < bottom:
                    box = (word.x0, word.y1 - top, word.x1 - word.x0, word.y1 - word.y0)
                    text_layer.add_word(word.text, *(value * _POINTS for value in box))
            text_layer.write(page)
        count = document.page_count
        document.subset_fonts()
        document.set_metadata({"title": title})
        document.save(path, garbage=3, deflate=True, no_new_id=True)
    return int(count)
