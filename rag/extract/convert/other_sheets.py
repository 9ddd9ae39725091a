"""Cells of CSV and TSV files, and by calamine of XLS and XLSB."""

from __future__ import annotations

import csv
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert.binary_sheets import StoredSheet, read_stored_sheets
from rag.extract.convert.csv_rows import csv_rows
from rag.extract.convert.encodings import decode_text
from rag.extract.convert.number_formats import format_general
from rag.extract.convert.sheets import CellCounter, Sheet, Workbook, hidden_cells_note, hidden_note
from rag.model.extraction import Note

_DELIMITERS = ",;\t|"
_MIN_LINES, _MIN_SAME_SHARE = 3, 0.9
_SAMPLE_LINES = 200
_MAX_FIELD_CHARS = 60
"""Mean length of the fields of a table; prose with commas has longer ones."""
_MAX_SPACED_SHARE = 0.2
"""Share of the commas or semicolons that a space follows, as in prose."""
_MIN_FILLED = 0.05
"""A column has content in at least this share of the rows: what follows the last semicolon of code is not a column."""
_TIME_COMMA = re.compile(r"(\d\d:\d\d:\d\d),(?=\d{3}[\s\]])")
"""The decimal comma in the times of logs."""
_LOG_LINE = re.compile(
    r"\W?(?:\d{4}\D\d\d\D\d\d|\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:).{0,200}?"
    r"\b(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b",
    re.IGNORECASE,
)
_CALL = re.compile(r"\s*\w[\w.]*\(")
_MAX_CODE_SHARE = 0.5
_MAX_CSV_BYTES = 64 << 20
_MAX_GRID = 20_000_000
"""Cells of the smallest rectangle around a sheet's content: calamine keeps all of them, 24 bytes each."""

_AS_STORED = Note(
    "Formats of numbers, hidden rows and columns, comments and links of this XLS or XLSB file aren't known: numbers "
    "were read as they are stored (5.1% as 0.051), and hidden rows and columns too. Save the file as XLSX to have it "
    "read as it is shown.",
    lost=True,
)
_WITHOUT_REMARKS = Note(
    "Comments and links of XLS and XLSB files aren't read. Save the file as XLSX to have them found.", lost=True
)


def find_delimiter(text: str) -> str | None:
    """Return the delimiter of a table in text form, or None if the text is something else."""
    lines = [line for line in text[: 1 << 16].splitlines()[:_SAMPLE_LINES] if line.strip()]
    if len(lines) < _MIN_LINES or lines[0].lstrip()[:1] in ("{", "[", "<", "#"):
        return None
    if _LOG_LINE.match(lines[0]) and _share(lines, _is_log) >= _MIN_SAME_SHARE:
        return None
    lines = [_TIME_COMMA.sub(r"\1.", line) for line in lines]
    is_code = _share(lines, _is_code) > _MAX_CODE_SHARE
    for delimiter in _DELIMITERS if not is_code else ";":
        if delimiter in lines[0] and _is_table(lines, delimiter):
            return delimiter
    return None


def _share(lines: list[str], is_meant: Callable[[str], bool]) -> float:
    return sum(map(is_meant, lines)) / len(lines)


def _is_log(line: str) -> bool:
    return _LOG_LINE.match(line) is not None


def _is_code(line: str) -> bool:
    """Return whether a line ends like a statement or a block, or is a call."""
    line = line.rstrip()
    return line.endswith(("{", "}", ";")) or (line.endswith(")") and _CALL.match(line) is not None)


def _is_table(lines: list[str], delimiter: str) -> bool:
    try:
        rows = [row for row in csv_rows("\n".join(lines), delimiter) if row]
    except csv.Error:
        return False
    [(width, count)] = Counter(map(len, rows)).most_common(1)
    filled = Counter(column for row in rows for column, field in enumerate(row[:width]) if field.strip())
    columns = sum(count >= _MIN_FILLED * len(rows) for count in filled.values())
    fields = [field for row in rows for field in row]
    joined = "\n".join(lines)
    spaced = joined.count(f"{delimiter} ") if delimiter in ",;" else 0
    return (
        columns > 1
        and len(rows) >= _MIN_LINES
        and count >= _MIN_SAME_SHARE * len(rows)
        and len(rows[0]) == width
        and sum(map(len, fields)) <= _MAX_FIELD_CHARS * len(fields)
        and spaced <= _MAX_SPACED_SHARE * joined.count(delimiter)
    )


def read_csv(path: Path) -> Workbook:
    """Return the cells of a CSV or TSV file. Raise Unreadable if it is not a text."""
    with path.open("rb") as file:
        data = file.read(_MAX_CSV_BYTES)
        is_cut = bool(file.read(1))
    text = decode_text(data, whole=not is_cut)
    if text is None:
        raise Unreadable("Only the beginning of the file is text.", "Export it as a PDF.")
    delimiter = find_delimiter(text) or ","
    counter = CellCounter()
    cells: dict[int, dict[int, str]] = {}
    csv.field_size_limit(_MAX_CSV_BYTES)
    try:
        for row, fields in enumerate(csv_rows(text, delimiter)):
            if counter.is_full:
                break
            if shown := {column: kept for column, field in enumerate(fields) if (kept := counter.keep(field))}:
                cells[row] = shown
    except csv.Error as error:
        raise Unreadable("The table is damaged.", "Save it as CSV again.") from error
    return Workbook((Sheet("", cells),), counter.notes(is_cut=is_cut))


def read_with_calamine(path: Path) -> Workbook:
    """Return the cells of an XLS or XLSB file. Raise Unreadable if it is damaged, or its sheets are too large."""
    import python_calamine

    counter = CellCounter()
    sheets: list[Sheet] = []
    hidden: list[str] = []
    notes: list[Note] = []
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            for metadata, stored in zip(book.sheets_metadata, _stored_sheets(path), strict=False):
                if metadata.typ is not python_calamine.SheetTypeEnum.WorkSheet:
                    continue
                if metadata.visible is not python_calamine.SheetVisibleEnum.Visible:
                    hidden.append(metadata.name)
                elif not counter.is_full:
                    sheets.append(_calamine_sheet(book.get_sheet_by_name(metadata.name), stored, counter, notes))
    except BaseException as error:
        # A panic of the library, which is written in Rust, is not an Exception, and its class can't be imported.
        is_panic = type(error).__module__ == "pyo3_runtime"
        if not is_panic and not isinstance(error, python_calamine.CalamineError | OSError | ValueError):
            raise
        raise Unreadable("The spreadsheet is damaged and can't be opened.", "Save it again as XLSX.") from error
    return Workbook(tuple(sheets), (*hidden_note(hidden), *counter.notes(), *dict.fromkeys(notes)))


def _stored_sheets(path: Path) -> Iterator[StoredSheet | None]:
    """Yield what calamine does not read of each sheet; None, without end, after the part that can be read."""
    # calamine reads some damaged files too; a note says what is missing
    with suppress(ValueError, LookupError, OSError, struct.error, Unreadable):
        yield from read_stored_sheets(path)
    yield from repeat(None)


def _calamine_sheet(sheet: Any, stored: StoredSheet | None, counter: CellCounter, notes: list[Note]) -> Sheet:
    """Return the visible cells of a sheet; add notes about what is not read. `stored` is None if it isn't known."""
    if sheet.height * sheet.width > _MAX_GRID:
        raise Unreadable("A sheet has content in cells that are too far apart.", "Delete the remote cells.")
    cells: dict[int, dict[int, str]] = {}
    has_hidden = False
    for row, column, value in _values(sheet):
        if counter.is_full:
            break
        if stored is not None and stored.is_hidden(row, column):
            has_hidden = True
        elif kept := counter.keep(_shown(value, stored.numbers.get((row, column)) if stored is not None else None)):
            cells.setdefault(row, {})[column] = kept
    if stored is None:
        notes.append(_AS_STORED)
    elif stored.has_remarks:
        notes.append(_WITHOUT_REMARKS)
    if has_hidden:
        notes.append(hidden_cells_note(sheet.name))
    return Sheet(sheet.name, cells)


def _values(sheet: Any) -> Iterator[tuple[int, int, object]]:
    """Yield row, column and value of the cells with content."""
    first_row, first_column = sheet.start or (0, 0)
    rows: Iterable[list[Any]] = sheet.to_python(skip_empty_area=True)
    for row, values in enumerate(rows, first_row):
        for column, value in enumerate(values, first_column):
            if value != "":
                yield row, column, value


def _shown(value: object, number: str | None) -> str:
    """Return a cell as it is shown; `number` is how its number is shown, if that is known."""
    return number if number is not None and not isinstance(value, str | bool) else _as_text(value)


def _as_text(value: object) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return format_general(value)
        case datetime():
            return value.isoformat(" ", "minutes" if not value.second else "seconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            seconds = round(value.total_seconds())
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)
