"""A long screenshot as a PDF: one page for each tile, the words unseen where they stand in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

from rag.extract.invisible_text import InvisibleTextFonts, InvisibleText

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 1280, 1600
"""CSS pixels of a tile: a common screen's width, and about a sheet of paper's shape."""

_POINTS = 0.75
"""Points of a CSS pixel."""

_BACK = 0.2
"""How far up from its end, as a share of a tile, a white line is looked for to cut at."""

_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Seen:
    """A word and where it stands on the whole page, in CSS pixels."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


def cuts(height: float, words: Sequence[Seen], most: int) -> list[tuple[float, float]]:
    """Top and bottom of at most `most` tiles, so that no cut goes through a word where one can be avoided."""
    tiles: list[tuple[float, float]] = []
    top: float = 0
    while top < height and len(tiles) < most:
        bottom = min(top + HEIGHT, height)
        if bottom < height:
            bottom = _between_lines(bottom, bottom - _BACK * HEIGHT, words)
        tiles.append((top, bottom))
        top = bottom
    return tiles


def _between_lines(bottom: float, least: float, words: Sequence[Seen]) -> float:
    """The lowest row of pixels from `bottom` up to `least` that goes through no word; `bottom` when all do."""
    at = bottom
    for word in sorted(words, key=lambda word: -word.y1):
        if word.y0 < at < word.y1:
            at = floor(word.y0)
    return at if at >= least else bottom


def write_pdf(screenshot: Image, words: Sequence[Seen], title: str, most: int, path: Path) -> int:
    """Write the PDF, the same bytes for the same page; returns its number of pages.

    `screenshot` is WIDTH pixels wide, or a multiple of it where the screen has more pixels.
    """
    import pymupdf

    scale = screenshot.width / WIDTH
    height = screenshot.height / scale
    fonts = InvisibleTextFonts(pymupdf)
    with pymupdf.open() as document:
        for top, bottom in cuts(height, words, most):
            page = document.new_page(width=WIDTH * _POINTS, height=(bottom - top) * _POINTS)
            tile = screenshot.crop((0, round(top * scale), screenshot.width, round(bottom * scale)))
            page.insert_image(page.rect, stream=_jpeg(tile), keep_proportion=False)
            unseen = InvisibleText(pymupdf, fonts, page.rect)
            for word in words:
                if top <= (word.y0 + word.y1) / 2 < bottom:
                    wide, tall = word.x1 - word.x0, word.y1 - word.y0
                    unseen.put(word.text, *(value * _POINTS for value in (word.x0, word.y1 - top, wide, tall)))
            unseen.write(page)
        count = document.page_count
        document.subset_fonts()
        document.set_metadata({"title": title})
        document.save(path, garbage=3, deflate=True, no_new_id=True)
    return int(count)


def _jpeg(tile: Image) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    tile.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
