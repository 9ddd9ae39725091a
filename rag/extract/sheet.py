"""Extraction of the pages that `convert.sheet_to_pdf` draws: tables whose rows and columns are known."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.extract.beside_text import aside
from rag.extract.convert.plain_text import wrap_line
from rag.extract.convert.sheet_to_pdf import GRID_FILE, GRIDS, LINE_HEIGHT, Grid, Group
from rag.extract.geometry import bounding_box, clamped_box
from rag.extract.protocol import Request
from rag.extract.render import StageTimer, drawn_region, page_name, page_region, save_crops, save_render
from rag.model.extraction import WHOLE_PAGE, Block, BlockKind, Box, ExtractedPage, Inspection, Line, TextSource, Word
from rag.setting_groups import ReadSettings
from rag.text import estimate_tokens

_MAX_LINE_CHARS, _LINKS_PER_BLOCK = 400, 12

_MAX_WORD_TOKENS = 200
"""Tokens up to which the lines of a word are joined."""


class SheetExtractor:
    """Extracts the pages of spreadsheets that were converted to PDF."""

    def __init__(self, pymupdf: Any, settings: ReadSettings) -> None:
        self._pymupdf = pymupdf
        self._settings = settings

    def inspect(self, path: Path, media_type: str) -> Inspection:
        with self._pymupdf.open(str(path), filetype="pdf") as document:
            return Inspection(media_type, document.page_count, None)

    @contextmanager
    def open_pages(self, path: Path, _media_type: str, into: Path) -> Iterator[Callable[[int], ExtractedPage]]:
        """Yield a function that extracts a page by its number and writes its pictures to `into`."""
        with self._pymupdf.open(str(path), filetype="pdf") as document:
            grids = GRIDS.validate_json(document.embfile_get(GRID_FILE))
            yield lambda number: self._extract(document[number - 1], grids[number - 1], into)

    def text_layer(self, path: Path, _media_type: str, number: int) -> ExtractedPage:
        """Return the words of a page without its picture."""
        with self._pymupdf.open(str(path), filetype="pdf") as document:
            page = document[number - 1]
            grid = GRIDS.validate_json(document.embfile_get(GRID_FILE))[number - 1]
            return _page(page, grid, tuple(_blocks(self._words(page), grid, page.rect)), None, StageTimer())

    def draw_region(self, path: Path, _media_type: str, request: Request, into: Path) -> ExtractedPage:
        """Draw a part of a page."""
        with self._pymupdf.open(str(path), filetype="pdf") as document:
            page = document[request.first - 1]
            image = page_region(self._pymupdf, page, request.region, request.width)
            return drawn_region(image, request.first, into)

    def _extract(self, page: Any, grid: Grid, into: Path) -> ExtractedPage:
        from PIL import Image

        timer = StageTimer()
        number = page.number + 1
        with timer("parse"):
            blocks = list(_blocks(self._words(page), grid, page.rect))
        with timer("render"):
            scale = self._settings.render_px / max(page.rect.width, page.rect.height)
            pixmap = page.get_pixmap(matrix=self._pymupdf.Matrix(scale, scale), alpha=False)
            image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
            save_render(image, into / page_name(number), self._settings.render_px)
            cropped = save_crops(blocks, image, number, into)
        return _page(page, grid, cropped, page_name(number), timer)

    def _words(self, page: Any) -> list[Word]:
        """Return the words with boxes in points."""
        flags = self._pymupdf.TEXTFLAGS_WORDS & ~self._pymupdf.TEXT_PRESERVE_LIGATURES
        return [Word(text, Box(*box)) for *box, text, _, _, _ in page.get_text("words", flags=flags)]


def _page(page: Any, grid: Grid, blocks: tuple[Block, ...], render: str | None, timer: StageTimer) -> ExtractedPage:
    width, height = page.rect.width, page.rect.height
    return ExtractedPage(
        page.number + 1, grid.label, width, height, TextSource.LAYER, blocks, render, stage_ms=timer.ms
    )


def _blocks(words: Sequence[Word], grid: Grid, rect: Any) -> Iterator[Block]:
    """Yield the title, and a table for each group of rows, with the words of the header that is above it.

    Column letters and row numbers are only drawn: they are not words of the document.
    """

    def scaled(box: Box) -> Box:
        return clamped_box(box.x0 / rect.width, box.y0 / rect.height, box.x1 / rect.width, box.y1 / rect.height)

    def line(members: Sequence[Word]) -> Line:
        placed = tuple(Word(word.text, scaled(word.box)) for word in members)
        return Line(placed, bounding_box(word.box for word in placed))

    title = [word for word in words if word.box.y1 <= grid.title_bottom + 2]
    if title:
        heading = line(title)
        yield Block(BlockKind.TITLE, heading.box, (heading,))
    rows = _rows(words, grid)
    yield from _asides(grid, scaled)
    for group in grid.groups:
        numbers = [*([group.header] if group.header is not None else []), *range(group.first, group.last + 1)]
        lines = tuple(line(rows[number]) for number in numbers if rows[number])
        edges = Box(grid.columns[0], grid.rows[group.first], grid.columns[-1], grid.rows[group.last + 1])
        yield Block(
            BlockKind.TABLE,
            scaled(edges),
            lines,
            rows=tuple(y / rect.height for y in _inner_rows(grid, group)),
            columns=tuple(x / rect.width for x in grid.columns[1:-1]),
        )


def _asides(grid: Grid, scaled: Callable[[Box], Box]) -> Iterator[Block]:
    """Yield a block for each comment and text box, and some for the addresses of links."""
    links: list[tuple[str, Box]] = []
    for text, row, column in grid.remarks:
        is_placed = row >= 0 and column >= 0
        cell = Box(*(edges[at] for at in (0, 1) for edges in _edges(grid, row, column))) if is_placed else None
        lines = [(line, scaled(cell) if cell else WHOLE_PAGE) for line in wrap_line(text, _MAX_LINE_CHARS)]
        if text.startswith("Link: "):
            links += lines
        elif block := aside(lines):
            yield block
    for at in range(0, len(links), _LINKS_PER_BLOCK):
        if block := aside(links[at : at + _LINKS_PER_BLOCK]):
            yield block


def _edges(grid: Grid, row: int, column: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the left and right, and the upper and lower border of a cell."""
    return (grid.columns[column], grid.columns[column + 1]), (grid.rows[row], grid.rows[row + 1])


def _inner_rows(grid: Grid, group: Group) -> Sequence[float]:
    """Return the borders between the rows of a group, and the one above it if a header is."""
    return grid.rows[group.first + (group.header is None) : group.last + 1]


def _rows(words: Sequence[Word], grid: Grid) -> list[list[Word]]:
    """Return the words of each row, cell by cell."""
    placed: list[list[tuple[int, int, int, Word]]] = [[] for _ in grid.rows[1:]]
    for index, word in enumerate(words):  # in the order of reading, also of text from right to left
        x, y = (word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2
        row = bisect(grid.rows, y) - 1
        if 0 <= row < len(placed) and word.box.x0 >= grid.columns[0]:
            column = min(bisect(grid.columns, x), len(grid.columns) - 1) - 1
            placed[row].append((column, int((y - grid.rows[row]) / LINE_HEIGHT), index, word))
    continued = set(grid.continued)
    return [
        _whole_words(sorted(cells, key=lambda cell: cell[:3]), {place[1:] for place in continued if place[0] == row})
        for row, cells in enumerate(placed)
    ]


def _whole_words(words: Sequence[tuple[int, int, int, Word]], continued: Set[tuple[int, int]]) -> list[Word]:
    """Return the words of a row, given with column and line, those whole that are broken between lines of a cell.

    `continued`: column and line of the lines that begin inside of a word. A text without spaces is cut into words that
    a chunk has space for.
    """
    whole: list[Word] = []
    above: tuple[int, int] | None = None
    for column, line, _, word in words:
        is_rest = (column, line) in continued and above == (column, line - 1)
        above = column, line
        joined = whole[-1].text + word.text if is_rest else ""
        if joined and estimate_tokens(joined) <= _MAX_WORD_TOKENS:
            whole[-1] = Word(joined, whole[-1].box.union(word.box))
        else:
            whole.append(word)
    return whole
