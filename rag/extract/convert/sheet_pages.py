"""Cut the cells of a spreadsheet into pages of readable size, with repeated headers and the range of cells of each."""

from __future__ import annotations

import re
from bisect import bisect, bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rag.extract.convert.plain_text import display_width, wrap_line
from rag.extract.convert.sheets import Remark, Sheet, Workbook, cell_range
from rag.text import estimate_tokens

WIDTH_CHARS = 140
"""Characters of one line of a page, in all of its columns."""
LINES = 42
"""Lines of cells on a page."""

_MIN_COLUMN_CHARS, _MAX_COLUMN_CHARS = 3, 40
_GAP_CHARS = 1
_MAX_BLOCK_TOKENS = 350
"""Tokens of a part of the table that is found as a whole, without its header."""
_HEADER_ROWS = 8
"""The header is among the first rows of a table; a title and notes can stand above it."""
_MIN_HEADER_SHARE = 0.6
"""Share of the table's columns that have a name in the header."""
_MAX_LABEL_NAME = 40

_NUMBER = re.compile(r"[-+(]?[^\w\s]{0,3}\d[\d.,:/%\s()-]*\D{0,4}")


@dataclass(frozen=True, slots=True)
class Row:
    """A row, or a part of a very high one, of a page: its number from 0 and the lines of each of the page's columns."""

    number: int
    lines: tuple[tuple[str, ...], ...]
    continued: tuple[frozenset[int], ...]
    """The lines of each column, counted from 0, that begin inside of a word of the line above."""
    names_columns: bool = False
    is_repeated: bool = False
    """It is the header from an earlier page."""

    @property
    def height(self) -> int:
        return max(1, max(map(len, self.lines), default=1))


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A page: `columns` and their widths in characters, and its rows in groups that are found as a whole."""

    sheet: str
    columns: tuple[int, ...]
    widths: tuple[int, ...]
    groups: tuple[tuple[Row, ...], ...]
    is_repeated: bool = False
    """The first column is repeated from the first page of these rows."""
    remarks: tuple[Remark, ...] = ()

    @property
    def first_row(self) -> int:
        return next(row.number for group in self.groups for row in group if not row.is_repeated)

    @property
    def range(self) -> str:
        """The range of cells without repeated ones, such as B7:D12."""
        rows = [row.number for group in self.groups for row in group if not row.is_repeated]
        columns = self.columns[self.is_repeated :]
        return cell_range(rows[0], columns[0], rows[-1], columns[-1])

    @property
    def label(self) -> str:
        """The sheet and the range as a citation names them: `sheet Q3, B7:D12`."""
        return f"sheet {self.sheet[:_MAX_LABEL_NAME]}, {self.range}" if self.sheet else self.range


def workbook_pages(workbook: Workbook) -> Iterator[SheetPage]:
    """Yield the pages of all sheets; empty sheets have none."""
    for sheet in workbook.sheets:
        if sheet.cells:
            yield from _with_remarks(list(_sheet_pages(sheet)), sheet.remarks)


def _with_remarks(pages: Sequence[SheetPage], remarks: Sequence[Remark]) -> Iterator[SheetPage]:
    """Yield the pages, each with the remarks on its cells; those on other cells are on the page before them."""
    first_rows = [page.first_row for page in pages]
    placed: dict[int, list[Remark]] = {}
    for remark in remarks:
        first = first_rows[max(0, bisect(first_rows, remark.row) - 1)]
        beside = range(bisect_left(first_rows, first), bisect(first_rows, first))
        at = next((at for at in beside if pages[at].columns[-1] >= remark.column), beside[-1])
        placed.setdefault(at, []).append(remark)
    for at, page in enumerate(pages):
        yield replace(page, remarks=tuple(placed[at])) if at in placed else page


def _sheet_pages(sheet: Sheet) -> Iterator[SheetPage]:
    columns = sorted({column for cells in sheet.cells.values() for column in cells})
    widths = _column_widths(sheet.cells, columns)
    bands = list(_column_bands(columns, widths))
    places = {column: place for place, column in enumerate(columns)}
    for rows in _row_bands(sheet.cells, columns, widths):
        for band, is_repeated in bands:
            own = [places[column] for column in band[is_repeated:]]
            if any(row.lines[place] for row in rows if not row.is_repeated for place in own):
                cut = [_cut_row(row, [places[column] for column in band]) for row in rows]
                page_widths = tuple(widths[column] for column in band)
                yield SheetPage(sheet.name, tuple(band), page_widths, tuple(_groups(cut)), is_repeated)


def _cut_row(row: Row, columns: Sequence[int]) -> Row:
    lines = tuple(row.lines[column] for column in columns)
    return replace(row, lines=lines, continued=tuple(row.continued[column] for column in columns))


def _column_widths(cells: Mapping[int, Mapping[int, str]], columns: Sequence[int]) -> dict[int, int]:
    """Return the width of each column in characters: of its longest line, within limits."""
    longest = dict.fromkeys(columns, _MIN_COLUMN_CHARS)
    for row in cells.values():
        for column, text in row.items():
            if longest[column] < _MAX_COLUMN_CHARS:
                wrapped = wrap_line(text[: 4 * _MAX_COLUMN_CHARS], _MAX_COLUMN_CHARS)
                longest[column] = max(longest[column], *map(display_width, wrapped))
    return {column: min(width, _MAX_COLUMN_CHARS) for column, width in longest.items()}


def _column_bands(columns: Sequence[int], widths: Mapping[int, int]) -> Iterator[tuple[list[int], bool]]:
    """Yield the columns of each page across; from the second page on, the first column is repeated."""
    band: list[int] = []
    used, is_repeated = 0, False
    for column in columns:
        size = widths[column] + _GAP_CHARS
        if band[is_repeated:] and used + size > WIDTH_CHARS:
            yield band, is_repeated
            band, used, is_repeated = [columns[0]], widths[columns[0]] + _GAP_CHARS, True
        band.append(column)
        used += size
    yield band, is_repeated


def _row_bands(
    cells: Mapping[int, Mapping[int, str]], columns: Sequence[int], widths: Mapping[int, int]
) -> Iterator[list[Row]]:
    """Yield the rows of each page down, with all columns; a table that continues has its header again."""
    band: list[Row] = []
    used = 0
    for _, table in groupby(enumerate(cells), key=lambda item: item[1] - item[0]):  # rows without a gap
        numbers = [number for _, number in table]
        header_number = _find_header([cells[number] for number in numbers[: _HEADER_ROWS + 1]])
        header: Row | None = None
        for at, number in enumerate(numbers):
            for row in _wrap_row(number, cells[number], columns, widths):
                if band and used + row.height > LINES:
                    yield band
                    band = [header] if header is not None and header.height <= LINES // 3 else []
                    used = sum(kept.height for kept in band)
                band.append(replace(row, names_columns=at == header_number))
                used += row.height
            if at == header_number:
                header = replace(band[-1], is_repeated=True)
    if band:
        yield band


def _wrap_row(
    number: int, cells: Mapping[int, str], columns: Sequence[int], widths: Mapping[int, int]
) -> Iterator[Row]:
    """Yield a row with the lines of its cells; more than one part if it is higher than a page."""
    wrapped = [tuple(wrap_line(cells[column], widths[column])) if column in cells else () for column in columns]
    continued = [
        _continued(cells[column], lines) if len(lines) > 1 else frozenset[int]()
        for column, lines in zip(columns, wrapped, strict=True)
    ]
    height = max(1, *map(len, wrapped))
    most = LINES // 2 if height > LINES else LINES
    first = 0
    while first < height:
        end = _part_end(first + most, height, most, continued)
        inner = (frozenset(line - first for line in lines if first < line < end) for lines in continued)
        yield Row(number, tuple(lines[first:end] for lines in wrapped), tuple(inner))
        first = end


def _continued(text: str, lines: Sequence[str]) -> frozenset[int]:
    """Return the lines that begin inside of a word of the line above, of a text that was wrapped into these lines."""
    found: set[int] = set()
    end = 0
    for at, line in enumerate(lines):
        start = text.index(line, end)
        if at and start == end and not line[0].isspace():
            found.add(at)
        end = start + len(line)
    return frozenset(found)


def _part_end(end: int, height: int, most: int, continued: Sequence[frozenset[int]]) -> int:
    """Return where to end a part of a high row: between words, if its lower half allows that."""
    if end >= height:
        return height
    between = (at for at in range(end, end - most // 2, -1) if not any(at in lines for lines in continued))
    return next(between, end)


def _find_header(rows: Sequence[Mapping[int, str]]) -> int | None:
    """Return the index of the first row that names most columns in words; None if there is none, or nothing below."""
    width = len({column for row in rows for column in row})
    for index, row in enumerate(rows[:-1]):
        if len(row) > 1 and len(row) >= _MIN_HEADER_SHARE * width:
            return None if any(_NUMBER.fullmatch(text) for text in row.values()) else index
    return None


def has_gap(above: Row, below: Row) -> bool:
    """Return whether rows without content are between two rows, so that they belong to different tables."""
    return below.number > above.number + 1 and not above.is_repeated


def _groups(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Yield groups of rows: a gap in the numbers starts a new one, and so does the limit of tokens."""
    group: list[Row] = []
    tokens = 0
    for row in rows:
        size = estimate_tokens(" ".join(line for lines in row.lines for line in lines)) + 2 * len(row.lines)
        is_full = bool(group) and (has_gap(group[-1], row) or tokens + size > _MAX_BLOCK_TOKENS)
        if is_full and not group[-1].names_columns:
            yield tuple(group)
            group, tokens = [], 0
        group.append(row)
        tokens += size
    yield tuple(group)
