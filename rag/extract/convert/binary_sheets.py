"""What calamine does not read of binary workbooks: formats of numbers, hidden rows and columns.

Records, offsets and flags are from [MS-XLS] and [MS-XLSB].
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from zipfile import ZipFile

from rag.extract.convert.number_formats import BUILT_IN, GENERAL, format_value
from rag.extract.convert.packages import open_package
from rag.extract.convert.sheets import MAX_CELLS, MAX_COLUMNS
from rag.extract.convert.xlsx_parts import relations

_Record: TypeAlias = tuple[int, bytes]

_BOF, _EOF, _BOUNDSHEET, _DATEMODE, _FORMAT, _XF = 0x0809, 0x000A, 0x0085, 0x0022, 0x041E, 0x00E0
_ROW, _COLINFO, _NUMBER, _RK, _MULRK, _FORMULA = 0x0208, 0x007D, 0x0203, 0x027E, 0x00BD, 0x0006
_NOTE, _LINK = 0x001C, 0x01B8
_BIFF8 = 0x0600

_SHEET_OF_BOOK, _BOOK_PROPERTIES, _FORMAT_B, _XF_B, _BEGIN_XFS, _END_XFS = 156, 153, 44, 47, 617, 618
_ROW_B, _COLUMNS_B, _CELL_RK, _CELL_REAL, _FORMULA_NUMBER, _LINK_B = 0, 60, 2, 5, 9, 494

_BOOK_B, _STYLES_B = "xl/workbook.bin", "xl/styles.bin"


@dataclass(frozen=True, slots=True)
class Formats:
    """The format code of each style of a cell, and whether dates are counted from 1904."""

    codes: Sequence[str]
    from_1904: bool

    def shown(self, value: float, style: int) -> str:
        code = self.codes[style] if style < len(self.codes) else GENERAL
        try:
            return format_value(value, code, from_1904=self.from_1904)
        except (ValueError, ArithmeticError):
            return str(value)


@dataclass(slots=True)
class StoredSheet:
    """Hidden rows and columns of a sheet, and its numbers as they are shown, by row and column. All count from 0.

    Numbers in hidden rows, and those after MAX_CELLS others, are left out. `has_remarks`: it has comments or links.
    """

    formats: Formats
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    numbers: dict[tuple[int, int], str] = field(default_factory=dict)
    has_remarks: bool = False

    def is_hidden(self, row: int, column: int) -> bool:
        return row in self.hidden_rows or column in self.hidden_columns

    def hide_columns(self, first: int, last: int) -> None:
        self.hidden_columns.update(range(first, min(last + 1, MAX_COLUMNS)))

    def add_number(self, row: int, column: int, style: int, value: float) -> None:
        if row not in self.hidden_rows and len(self.numbers) < MAX_CELLS:
            self.numbers[row, column] = self.formats.shown(value, style)


def read_stored_sheets(path: Path) -> Iterator[StoredSheet]:
    """Yield what an XLS or XLSB workbook says about each of its sheets, in their order.

    Raise ValueError, LookupError, OSError or struct.error if it is damaged.
    """
    import olefile

    if not olefile.isOleFile(path):
        with open_package(path) as archive:
            yield from _xlsb_sheets(archive)
        return
    with olefile.OleFileIO(path) as file:
        data = file.openstream("Workbook" if file.exists("Workbook") else "Book").read()
    formats, starts = _xls_book(data)
    for start in starts:
        yield _xls_sheet(data, start, formats)


def _format_codes(codes: dict[int, str], numbers: Sequence[int]) -> list[str]:
    return [codes.get(number) or BUILT_IN.get(number, GENERAL) for number in numbers]


def _rk(stored: int) -> float:
    """Return a number that is stored in 30 bits: an integer or the start of a float, perhaps in hundredths."""
    bits = stored & ~3
    if stored & 2:
        value = struct.unpack("<i", struct.pack("<I", bits))[0] / 4
    else:
        [value] = struct.unpack("<d", struct.pack("<Q", bits << 32))
    return float(value / 100 if stored & 1 else value)


# ---------------------------------------------------------------- XLS


def _xls_records(data: bytes, at: int) -> Iterator[_Record]:
    """Yield the records from an offset to the end of the sheet or book there, without those of charts inside of it."""
    depth = 0
    while True:
        kind, length = struct.unpack_from("<HH", data, at)
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 1:
            yield kind, data[at + 4 : at + 4 + length]
        if depth <= 0:
            return
        at += 4 + length


def _xls_book(data: bytes) -> tuple[Formats, list[int]]:
    """Return the workbook's formats and the offset of each sheet."""
    codes: dict[int, str] = {}
    styles: list[int] = []
    starts: list[int] = []
    from_1904 = is_wide = False
    for kind, body in _xls_records(data, 0):
        if kind == _BOF:
            is_wide = struct.unpack_from("<H", body)[0] >= _BIFF8
        elif kind == _DATEMODE:
            from_1904 = body[:1] == b"\1"
        elif kind == _FORMAT:
            [number] = struct.unpack_from("<H", body)
            codes[number] = _xls_text(body[2:], is_wide=is_wide)
        elif kind == _XF:
            styles.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == _BOUNDSHEET:
            starts.append(struct.unpack_from("<I", body)[0])
    return Formats(_format_codes(codes, styles), from_1904), starts


def _xls_text(body: bytes, *, is_wide: bool) -> str:
    """Return a format code: `is_wide` in Excel 97 and later, which has two bytes for its length, and a flag."""
    if not is_wide:
        return body[1 : 1 + body[0]].decode("latin-1")
    length, flags = struct.unpack_from("<HB", body)
    return body[3 : 3 + 2 * length].decode("utf-16-le") if flags & 1 else body[3 : 3 + length].decode("latin-1")


def _xls_sheet(data: bytes, start: int, formats: Formats) -> StoredSheet:
    sheet = StoredSheet(formats)
    for kind, body in _xls_records(data, start):
        if kind == _ROW:
            row, flags = struct.unpack_from("<H10xH", body)
            if flags & 0x20:
                sheet.hidden_rows.add(row)
        elif kind == _COLINFO:
            first, last, flags = struct.unpack_from("<HH4xH", body)
            if flags & 1:
                sheet.hide_columns(first, last)
        elif kind == _NUMBER:
            sheet.add_number(*struct.unpack_from("<HHHd", body))
        elif kind == _RK:
            row, column, style, stored = struct.unpack_from("<HHHI", body)
            sheet.add_number(row, column, style, _rk(stored))
        elif kind == _MULRK:
            row, first = struct.unpack_from("<HH", body)
            for column, (style, stored) in enumerate(struct.iter_unpack("<HI", body[4:-2]), first):
                sheet.add_number(row, column, style, _rk(stored))
        elif kind == _FORMULA and body[12:14] != b"\xff\xff":  # else its result is not a number
            sheet.add_number(*struct.unpack_from("<HHHd", body))
        sheet.has_remarks |= kind in (_NOTE, _LINK)
    return sheet


# ---------------------------------------------------------------- XLSB


def _xlsb_records(data: bytes) -> Iterator[_Record]:
    at = 0

    def number(max_bytes: int) -> int:
        """Return the next number: seven bits of each byte, the lowest first; the eighth says that more follow."""
        nonlocal at
        value = shift = 0
        for _ in range(max_bytes):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        return value

    while at < len(data):
        kind, length = number(2), number(4)
        yield kind, data[at : at + length]
        at += length


def _xlsb_sheets(archive: ZipFile) -> Iterator[StoredSheet]:
    names = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
    targets = relations(archive, names, _BOOK_B)
    parts: list[str] = []
    from_1904 = False
    for kind, body in _xlsb_records(archive.read(names[_BOOK_B])):
        if kind == _BOOK_PROPERTIES:
            from_1904 = bool(body[0] & 1)
        elif kind == _SHEET_OF_BOOK:
            parts.append(targets[_xlsb_text(body, 8)].part)
    formats = Formats(_xlsb_formats(archive.read(names[_STYLES_B])) if _STYLES_B in names else (), from_1904)
    for part in parts:
        sheet = _xlsb_sheet(archive.read(names[part]), formats)
        sheet.has_remarks |= any(found.kind == "comments" for found in relations(archive, names, part).values())
        yield sheet


def _xlsb_text(body: bytes, at: int) -> str:
    [length] = struct.unpack_from("<I", body, at)
    return body[at + 4 : at + 4 + 2 * length].decode("utf-16-le")


def _xlsb_formats(data: bytes) -> list[str]:
    codes: dict[int, str] = {}
    styles: list[int] = []
    is_of_cells = False
    for kind, body in _xlsb_records(data):
        if kind == _FORMAT_B:
            codes[struct.unpack_from("<H", body)[0]] = _xlsb_text(body, 2)
        elif kind in (_BEGIN_XFS, _END_XFS):
            is_of_cells = kind == _BEGIN_XFS
        elif kind == _XF_B and is_of_cells:
            styles.append(struct.unpack_from("<H", body, 2)[0])
    return _format_codes(codes, styles)


def _xlsb_sheet(data: bytes, formats: Formats) -> StoredSheet:
    sheet = StoredSheet(formats)
    row = 0
    for kind, body in _xlsb_records(data):
        if kind == _ROW_B:
            [row] = struct.unpack_from("<I", body)
            if body[11] & 0x10:
                sheet.hidden_rows.add(row)
        elif kind == _COLUMNS_B:
            first, last, flags = struct.unpack_from("<II8xH", body)
            if flags & 1:
                sheet.hide_columns(first, last)
        elif kind in (_CELL_RK, _CELL_REAL, _FORMULA_NUMBER):
            column, style, stored = struct.unpack_from("<III" if kind == _CELL_RK else "<IId", body)
            sheet.add_number(row, column, style & 0xFFFFFF, _rk(stored) if kind == _CELL_RK else stored)
        sheet.has_remarks |= kind == _LINK_B
    return sheet
