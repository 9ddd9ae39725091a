"""Draw the pages of a spreadsheet as a PDF: the cells with column letters, row numbers and the name of the sheet."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rag.errors import Unreadable
from rag.extract.convert.html_to_pdf import map_glyphs_to_text
from rag.extract.convert.plain_text import display_width
from rag.extract.convert.sheet_pages import Row, SheetPage, has_gap, workbook_pages
from rag.extract.convert.sheets import Workbook, column_letters

GRID_FILE = "cells"
"""Name of the file in the PDF that says where the cells are, as GRIDS."""

_FONT_SIZE, LINE_HEIGHT, _CHAR = 8.5, 11, 5.1
"""Size of the font, height of a line and width of a character, in points."""
_PAD = 3
_MARGIN, _TITLE_HEIGHT, _LETTERS_HEIGHT, _NUMBERS_WIDTH = 24, 20, 14, 40
_MIN_WIDTH, _MIN_HEIGHT = 420, 260
_GRAY, _TINT, _BORDER = "0.9 0.9 0.9", "0.9 0.95 1", "0.65 G 0.5"

_CSS = f"""
body {{ margin: 0; }}
pre {{ font-family: monospace; font-size: {_FONT_SIZE}pt; line-height: {LINE_HEIGHT}pt; margin: 0; white-space: pre; }}
p {{ font-family: sans-serif; font-size: 11pt; font-weight: bold; margin: 0; white-space: pre; }}
"""
_NUMBER = re.compile(r"[-+(]?[^\w\s]{0,3}\d[\d.,:\s]*(?:[%)]|\s?[^\w\s]{1,3})?")


@dataclass(frozen=True, slots=True)
class Group:
    """Rows `first` to `last` of a page, counted from 0, and the row above them that names the columns, or None."""

    first: int
    last: int
    header: int | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a page's cells are, in points: the borders of its columns and rows, and the lower edge of its title."""

    label: str
    title_bottom: float
    columns: tuple[float, ...]
    rows: tuple[float, ...]
    groups: tuple[Group, ...]
    continued: tuple[tuple[int, int, int], ...] = ()
    """Row, column and line in the cell, from 0, of each line that begins inside of a word of the line above."""
    remarks: tuple[tuple[str, int, int], ...] = ()
    """Text, row and column on the page, from 0, of what the sheet says beside these cells; -1: on none of them."""


GRIDS = TypeAdapter(tuple[Grid, ...])


def write_workbook_pdf(pymupdf: Any, workbook: Workbook, into: Path, max_pages: int) -> None:
    """Write the visible cells as a PDF. Raise Unreadable if there are none, or more than `max_pages` pages."""
    buffer = io.BytesIO()
    writer = pymupdf.DocumentWriter(buffer)
    grids: list[Grid] = []
    tinted: list[list[int]] = []
    for page in workbook_pages(workbook):
        if len(grids) == max_pages:
            raise Unreadable(
                f"The spreadsheet has more than {max_pages:,} pages.", "Split it, or raise `read.max_pages`."
            )
        rows = [row for group in page.groups for row in group]
        grid = _grid(page, rows)
        device = writer.begin_page(pymupdf.Rect(0, 0, *_page_size(grid)))
        for rect, markup in _texts(page, rows, grid):
            story = pymupdf.Story(html=markup, user_css=_CSS)
            story.place(pymupdf.Rect(rect))
            story.draw(device)
        writer.end_page()
        grids.append(grid)
        tinted.append([at for at, row in enumerate(rows) if row.names_columns])
    if not grids:
        raise Unreadable("The spreadsheet has no visible cells with content.", "Check its hidden sheets.")
    writer.close()
    with pymupdf.open("pdf", buffer.getvalue()) as document:
        map_glyphs_to_text(pymupdf, document)
        for page, grid, header_rows in zip(document, grids, tinted, strict=True):
            _draw_lines(document, page, grid, header_rows)
        document.embfile_add(GRID_FILE, GRIDS.dump_json(tuple(grids)))
        document.save(str(into))


def _grid(page: SheetPage, rows: Sequence[Row]) -> Grid:
    left, top = _MARGIN + _NUMBERS_WIDTH, _MARGIN + _TITLE_HEIGHT + _LETTERS_HEIGHT
    columns = accumulate((width * _CHAR + 2 * _PAD for width in page.widths), initial=float(left))
    borders = accumulate((float(row.height * LINE_HEIGHT) for row in rows), initial=float(top))
    continued = (
        (at, column, line)
        for at, row in enumerate(rows)
        for column, lines in enumerate(row.continued)
        for line in sorted(lines)
    )
    title_bottom = _MARGIN + _TITLE_HEIGHT - 2
    groups = tuple(_placed_groups(page))
    remarks = tuple(_placed_remarks(page, rows))
    return Grid(page.label, title_bottom, tuple(columns), tuple(borders), groups, tuple(continued), remarks)


def _placed_remarks(page: SheetPage, rows: Sequence[Row]) -> Iterator[tuple[str, int, int]]:
    places = {row.number: at for at, row in enumerate(rows)}
    columns = {column: at for at, column in enumerate(page.columns)}
    for remark in page.remarks:
        yield remark.text, places.get(remark.row, -1), columns.get(remark.column, -1)


def _placed_groups(page: SheetPage) -> Iterator[Group]:
    at, header = 0, None
    above: Row | None = None
    for group in page.groups:
        first, own = at, None
        for row in group:
            if above is not None and has_gap(above, row):
                header = None
            if row.names_columns:
                own = at
            above, at = row, at + 1
        yield Group(first, at - 1, header if own is None else None)
        header = own if own is not None else header


def _page_size(grid: Grid) -> tuple[float, float]:
    return max(_MIN_WIDTH, grid.columns[-1] + _MARGIN), max(_MIN_HEIGHT, grid.rows[-1] + _MARGIN)


def _texts(page: SheetPage, rows: Sequence[Row], grid: Grid) -> Iterator[tuple[tuple[float, float, float, float], str]]:
    """Yield the rectangle and the HTML of each text: title, letters, numbers, and one text for each column.

    All lines have the same height, so that the lines of a column are level with those of the others.
    """
    width = _page_size(grid)[0]
    title = f"Sheet {page.sheet}, cells {page.range}" if page.sheet else f"Cells {page.range}"
    yield (_MARGIN, _MARGIN, width, grid.title_bottom), f"<p>{html.escape(title, quote=False)}</p>"
    letters_top = grid.title_bottom + 3
    for at, column in enumerate(page.columns):
        name = column_letters(column).center(page.widths[at])
        yield (grid.columns[at] + _PAD, letters_top, width, grid.rows[0]), f"<pre>{name}</pre>"
    top, bottom = grid.rows[0], grid.rows[-1] + LINE_HEIGHT
    numbers = [((str(row.number + 1).rjust(6),), row.height) for row in rows]
    yield (_MARGIN, top, width, bottom), _column_html(numbers)
    for place, column_width in enumerate(page.widths):
        cells = [(tuple(_aligned(line, column_width) for line in row.lines[place]), row.height) for row in rows]
        yield (grid.columns[place] + _PAD, top, width, bottom), _column_html(cells)


def _column_html(cells: Sequence[tuple[Sequence[str], int]]) -> str:
    """Return the HTML of a column from the lines of its cells and the height of each in lines."""
    lines = [line for cell, height in cells for line in (*cell, *[""] * (height - len(cell)))]
    return "<pre>\n" + html.escape("\n".join(lines), quote=False) + "</pre>"


def _aligned(line: str, width: int) -> str:
    """Return the line, with spaces in front of a number so that it ends at the right edge of its column."""
    return " " * (width - display_width(line)) + line if _NUMBER.fullmatch(line) else line


def _draw_lines(document: Any, page: Any, grid: Grid, header_rows: Sequence[int]) -> None:
    """Draw the borders of the cells, and the colors of letters, numbers and headers, before the text."""
    left, right, top, bottom = grid.columns[0], grid.columns[-1], grid.rows[0], grid.rows[-1]
    above, height = top - _LETTERS_HEIGHT, page.rect.height
    areas = [
        (_GRAY, (_MARGIN, above, right, top)),
        (_GRAY, (_MARGIN, top, left, bottom)),
        *((_TINT, (left, grid.rows[at], right, grid.rows[at + 1])) for at in header_rows),
    ]
    commands = [f"q {_BORDER} w"]
    commands += [
        f"{color} rg {x0} {height - y1:.2f} {x1 - x0:.2f} {y1 - y0:.2f} re f" for color, (x0, y0, x1, y1) in areas
    ]
    commands += [f"{_MARGIN} {height - y:.2f} m {right:.2f} {height - y:.2f} l" for y in (above, *grid.rows)]
    commands += [f"{x:.2f} {height - above:.2f} m {x:.2f} {height - bottom:.2f} l" for x in (_MARGIN, *grid.columns)]
    xref = document.get_new_xref()
    document.update_object(xref, "<<>>")
    document.update_stream(xref, "\n".join([*commands, "S Q\n"]).encode())
    contents = " ".join(f"{number} 0 R" for number in (xref, *page.get_contents()))
    document.xref_set_key(page.xref, "Contents", f"[{contents}]")
