"""A long screenshot as a PDF: one page for each tile, the words unseen where they stand in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 1280, 1600
"""CSS pixels of a tile: a common screen's width, and about a sheet of paper's shape."""

_POINTS = 0.75
"""Points of a CSS pixel."""

_BACK = 0.2
"""How far up from its end, as a share of a tile, a white line is looked for to cut at."""

_QUALITY = 85
_UNSEEN = 3
"""Text rendering mode: neither filled nor stroked (PDF 1.7, table 106)."""

_LINE_HEIGHT = 1.2


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
    top = 0.0
    while top < height and len(tiles) < most:
        bottom = min(top + HEIGHT, height)
        if bottom < height:
            bottom = _between_lines(bottom, bottom - _BACK * HEIGHT, words)
        tiles.append((top, bottom))
        top = bottom
    return tiles


def _between_lines(bottom: float, least: float, words: Sequence[Seen]) -> float:
    """The lowest line from `bottom` up to `least` that goes through no word; `bottom` when all do."""
    at = bottom
    for word in sorted(words, key=lambda word: -word.y1):
        if word.y0 < at < word.y1:
            at = word.y0
    return at if at >= least else bottom


def write_pdf(screenshot: Image, words: Sequence[Seen], title: str, most: int, path: Path) -> int:
    """Write the PDF, the same bytes for the same page; returns its number of pages.

    `screenshot` is WIDTH pixels wide, or a multiple of it where the screen has more pixels.
    """
    import pymupdf

    scale = screenshot.width / WIDTH
    height = screenshot.height / scale
    latin, any_script = pymupdf.Font("helv"), pymupdf.Font("cjk")
    with pymupdf.open() as document:
        for top, bottom in cuts(height, words, most):
            page = document.new_page(width=WIDTH * _POINTS, height=(bottom - top) * _POINTS)
            tile = screenshot.crop((0, round(top * scale), screenshot.width, round(bottom * scale)))
            page.insert_image(page.rect, stream=_jpeg(tile), keep_proportion=False)
            writer = pymupdf.TextWriter(page.rect)
            for word in words:
                if top <= (word.y0 + word.y1) / 2 < bottom:
                    font = latin if all(ord(letter) < 256 for letter in word.text) else any_script
                    _write(writer, word, top, font)
            writer.write_text(page, render_mode=_UNSEEN)
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


def _write(writer: Any, word: Seen, top: float, font: Any) -> None:
    length = font.text_length(word.text, 1)
    if length > 0:
        tall, wide = (word.y1 - word.y0) * _POINTS, (word.x1 - word.x0) * _POINTS
        size = max(min(tall / _LINE_HEIGHT, wide / length), 1.0)
        base = (word.y1 - top) * _POINTS - 0.2 * tall
        writer.append((word.x0 * _POINTS, base), word.text, font=font, fontsize=size)
