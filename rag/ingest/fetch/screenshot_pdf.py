"""Conversion of a long screenshot to a PDF: one page per tile, with invisible words over the picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING

from rag.extract.geometry import Region, clamped_box
from rag.extract.invisible_text import InvisibleText, InvisibleTextFonts
from rag.extract.layout.right_to_left import is_right_to_left
from rag.extract.mupdf import load_pymupdf
from rag.extract.page_structure import PageStructure, write_structure
from rag.images import encode_jpeg
from rag.model.extraction import BlockKind

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
    """A word and its box on the whole page, in CSS pixels; `region` is the index of its region, -1 for none."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    region: int = -1


@dataclass(frozen=True, slots=True)
class ScreenRegion:
    """A heading (with its level), paragraph, table or figure of the page; all places in CSS pixels.

    `rows` and `columns` are the inner borders of a table's cells.
    """

    kind: BlockKind
    box: tuple[float, float, float, float]
    level: int = 0
    rows: Sequence[float] = ()
    columns: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the page from `top` to `bottom` (CSS pixels): its picture, its visible words, and keys of notes.

    `picture` is WIDTH pixels wide, or a multiple of it on a screen with a higher resolution.
    """

    top: float
    bottom: float
    picture: Image
    words: Sequence[ScreenWord]
    remarks: Sequence[str] = ()


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


def write_screenshot_pdf(tiles: Iterable[Tile], regions: Sequence[ScreenRegion], title: str, path: Path) -> int:
    """Write the PDF, one page for each tile, and return its number of pages. The same tiles give the same bytes."""
    pymupdf = load_pymupdf()
    fonts = InvisibleTextFonts(pymupdf)
    top_level = min((region.level for region in regions if region.level), default=0)
    with pymupdf.open() as document:
        for tile in tiles:
            page = document.new_page(width=WIDTH * _POINTS, height=(tile.bottom - tile.top) * _POINTS)
            page.insert_image(
                page.rect, stream=encode_jpeg(tile.picture.convert("RGB"), _QUALITY), keep_proportion=False
            )
            text_layer = InvisibleText(pymupdf, fonts, page.rect)
            for word in _in_drawing_order(tile.words):
                box = (word.x0, word.y1 - tile.top, word.x1 - word.x0, word.y1 - word.y0)
                text_layer.add_word(word.text, *(value * _POINTS for value in box))
            text_layer.write(page)
            write_structure(document, page, PageStructure(_regions_of(tile, regions, top_level), tile.remarks))
        count = document.page_count
        document.subset_fonts()
        document.set_metadata({"title": title})
        document.save(path, garbage=3, deflate=True, no_new_id=True)
    return int(count)


def _in_drawing_order(words: Sequence[ScreenWord]) -> Iterator[ScreenWord]:
    """Yield the words with those of a line from right to left in the order from left to right.

    Programs write PDFs in this order, and readers restore the other one.
    """
    line: list[ScreenWord] = []
    for word in words:
        if line and (word.region != line[0].region or not word.y0 < (line[0].y0 + line[0].y1) / 2 < word.y1):
            yield from _drawn(line)
            line = []
        line.append(word)
    yield from _drawn(line)


def _drawn(line: list[ScreenWord]) -> list[ScreenWord]:
    return sorted(line, key=lambda word: word.x0) if any(map(is_right_to_left, (w.text for w in line))) else line


def _regions_of(tile: Tile, regions: Sequence[ScreenRegion], top_level: int) -> list[Region]:
    """Return the regions with visible words, and the figures, that are on a tile, as fractions of it."""
    words: dict[int, list[ScreenWord]] = defaultdict(list)
    for word in tile.words:
        words[word.region].append(word)
    height = tile.bottom - tile.top

    def on_tile(y: float) -> float:
        return (y - tile.top) / height

    found = []
    for index, region in enumerate(regions):
        inside = words.get(index, ())
        x0, y0, x1, y1 = region.box
        if region.kind is not BlockKind.FIGURE:
            if not inside:
                continue
            if region.kind is not BlockKind.TABLE:
                x0, y0 = min(word.x0 for word in inside), min(word.y0 for word in inside)
                x1, y1 = max(word.x1 for word in inside), max(word.y1 for word in inside)
        box = clamped_box(x0 / WIDTH, on_tile(y0), x1 / WIDTH, on_tile(y1))
        if box.area > 0:
            kind = BlockKind.TITLE if region.level and region.level == top_level else region.kind
            rows = tuple(row for row in map(on_tile, region.rows) if box.y0 < row < box.y1)
            found.append(Region(kind, box, rows, tuple(column / WIDTH for column in region.columns)))
    return found
