"""Cells of Excel workbooks (XLSX, XLSM), read as a stream: with the formats of numbers, without what is hidden."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from rag.errors import Unreadable
from rag.extract.convert.number_formats import BUILT_IN, GENERAL, format_value
from rag.extract.convert.packages import open_package
from rag.extract.convert.sheets import (
    MAX_COLUMNS,
    MAX_ROWS,
    CellCounter,
    Remark,
    Sheet,
    Workbook,
    drawings_note,
    hidden_cells_note,
    hidden_note,
    link_text,
    remarks_note,
)
from rag.extract.convert.xlsx_parts import elements, relation_id, relations, text_of, unescaped
from rag.extract.convert.xlsx_remarks import PLACE, column_number, sheet_remarks
from rag.model.extraction import Note

_LINK = re.compile(r'HYPERLINK\(\s*"([^"]+)"', re.IGNORECASE)
_MAIN = "xl/workbook.xml"
_DRAWINGS = ("xl/charts/", "xl/media/", "xl/diagrams/")
_TRUE = ("1", "true")
_MAX_SHARED_CHARS = 200_000_000


@dataclass(frozen=True, slots=True)
class _Book:
    """What all sheets of a workbook share."""

    strings: list[str]
    formats: list[str]
    """The format code of each style of a cell."""
    from_1904: bool


@dataclass
class _Seen:
    """What was seen in a sheet beside its visible cells."""

    has_hidden: bool = False
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    formulas: int = 0
    """How many have no saved result."""
    links: list[tuple[str, str]] = field(default_factory=list)
    """Cell and relation of each link."""
    remarks: list[Remark] = field(default_factory=list)
    """The addresses of links that are formulas."""

    def is_hidden(self, row: int, column: int) -> bool:
        return row in self.hidden_rows or any(first <= column <= last for first, last in self.hidden_columns)


def read_xlsx(path: Path) -> Workbook:
    """Return the visible cells of a workbook. Raise Unreadable if it is damaged."""
    from lxml.etree import LxmlError

    try:
        with open_package(path) as archive:
            return _read(archive)
    except (LxmlError, LookupError, ValueError) as error:
        raise Unreadable("The spreadsheet is damaged and can't be opened.", "Save it again in Excel.") from error


def _read(archive: ZipFile) -> Workbook:
    names = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
    main, sheets, hidden, from_1904 = _listed_sheets(archive, names)
    folder = posixpath.dirname(main)
    strings = _shared_strings(archive, names.get(f"{folder}/sharedstrings.xml"))
    book = _Book(strings, _formats(archive, names.get(f"{folder}/styles.xml")), from_1904)
    counter = CellCounter()
    read: list[Sheet] = []
    notes = list(hidden_note(hidden))
    for name, part in sheets:
        seen = _Seen()
        cells: dict[int, dict[int, str]] = {}
        if part in names:
            with archive.open(names[part]) as file:
                for row, column, text in _cells(file, book, seen):
                    if counter.is_full:
                        break
                    if shown := counter.keep(text):
                        cells.setdefault(row, {})[column] = shown
        cells = {row: dict(sorted(cells[row].items())) for row in sorted(cells)}
        remarks = _remarks(archive, names, part, cells, seen, counter)
        read.append(Sheet(name, cells, tuple(remarks or ())))
        if remarks is None or (remarks and not cells):
            notes.append(remarks_note(name))
        if seen.has_hidden:
            notes.append(hidden_cells_note(name))
        if seen.formulas:
            text = f"Sheet “{name[:60]}” has formulas without a saved result. Save it in Excel to have them found."
            notes.append(Note(text, lost=True))
    drawings = drawings_note(any(name.startswith(_DRAWINGS) for name in names))
    return Workbook(tuple(read), (*notes, *drawings, *counter.notes()))


def _remarks(
    archive: ZipFile,
    names: Mapping[str, str],
    part: str,
    cells: Mapping[int, Mapping[int, str]],
    seen: _Seen,
    counter: CellCounter,
) -> list[Remark] | None:
    """Return the remarks on visible cells, in the order of the cells; None if they are damaged."""
    from lxml.etree import LxmlError

    shown: list[Remark] = []
    try:
        for remark in (*seen.remarks, *sheet_remarks(archive, names, part, seen.links, cells)):
            if counter.is_full:
                break
            if not seen.is_hidden(remark.row, remark.column) and (text := counter.keep(remark.text)):
                shown.append(replace(remark, text=text))
    except (LxmlError, LookupError, ValueError):
        return None
    return sorted(shown, key=lambda remark: (remark.row, remark.column))


def _listed_sheets(archive: ZipFile, names: dict[str, str]) -> tuple[str, list[tuple[str, str]], list[str], bool]:
    """Return the workbook's part, (name, part) of its visible sheets, the names of hidden ones, and its first year."""
    main = next(
        (found.part for found in relations(archive, names, "").values() if found.kind == "officeDocument"), _MAIN
    )
    targets = relations(archive, names, main)
    sheets: list[tuple[str, str]] = []
    hidden: list[str] = []
    from_1904 = False
    with archive.open(names[main]) as file:
        for element in elements(file, "workbookPr", "sheet"):
            if element.tag.endswith("workbookPr"):
                from_1904 = element.get("date1904", "0") in _TRUE
                continue
            name = element.get("name", "")
            if element.get("state", "visible") != "visible":
                hidden.append(name)
            else:
                target = targets.get(relation_id(element))
                sheets.append((name, target.part if target else ""))
    return main, sheets, hidden, from_1904


def _shared_strings(archive: ZipFile, part: str | None) -> list[str]:
    if part is None:
        return []
    strings: list[str] = []
    size = 0
    with archive.open(part) as file:
        for element in elements(file, "si"):
            strings.append(text_of(element))
            size += len(strings[-1])
            if size > _MAX_SHARED_CHARS:
                raise Unreadable("The spreadsheet has too much text.", "Split it into several files.")
    return strings


def _formats(archive: ZipFile, part: str | None) -> list[str]:
    """Return the format code of each cell style."""
    if part is None:
        return []
    from lxml.etree import XMLParser, parse

    with archive.open(part) as file:
        root = parse(file, XMLParser(resolve_entities=False, no_network=True, load_dtd=False)).getroot()
    codes = {int(found.get("numFmtId", "0")): found.get("formatCode", "") for found in root.iter("{*}numFmt")}
    styles = next(root.iter("{*}cellXfs"), None)
    ids = [int(style.get("numFmtId", "0")) for style in styles.iter("{*}xf")] if styles is not None else []
    return [codes.get(number) or BUILT_IN.get(number, GENERAL) for number in ids]


def _cells(file: IO[bytes], book: _Book, seen: _Seen) -> Iterator[tuple[int, int, str]]:
    """Yield row, column and text of the visible cells with content."""
    next_row = 0
    for element in elements(file, "col", "row", "hyperlink"):
        if element.tag.endswith("}hyperlink"):
            seen.links.append((element.get("ref", ""), relation_id(element)))
            continue
        is_hidden = element.get("hidden", "0") in _TRUE
        if element.tag.endswith("}col"):
            if is_hidden:
                seen.hidden_columns.append((int(element.get("min", "1")) - 1, int(element.get("max", "1")) - 1))
            continue
        row = int(element.get("r", next_row + 1)) - 1
        next_row, next_column = row + 1, 0
        if is_hidden:
            seen.hidden_rows.add(row)
        for cell in element.iterchildren("{*}c"):
            place = PLACE.fullmatch(cell.get("r", ""))
            column = column_number(place[1]) if place else next_column
            next_column = column + 1
            text = _shown(cell, book, seen)
            if not text or not (0 <= row < MAX_ROWS and column < MAX_COLUMNS):
                continue
            if seen.is_hidden(row, column):
                seen.has_hidden = True
                continue
            yield row, column, text
            formula = next((child.text or "" for child in cell.iterchildren("{*}f")), "")
            if (link := _LINK.search(formula)) and (address := link_text(text, link[1])):
                seen.remarks.append(Remark(row, column, address))


def _shown(cell: Any, book: _Book, seen: _Seen) -> str:
    """Return a cell as it is shown."""
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return text_of(cell)
    value = next((child.text or "" for child in cell.iterchildren("{*}v")), "")
    if not value:
        formula = next((child.text or "" for child in cell.iterchildren("{*}f")), "")
        seen.formulas += bool(formula)
        return f"={formula}" if formula else ""
    if kind == "s":
        return book.strings[int(value)]
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    if kind in ("str", "e", "d"):
        return unescaped(value)
    style = int(cell.get("s", "0"))
    code = book.formats[style] if style < len(book.formats) else GENERAL
    try:
        return format_value(float(value), code, from_1904=book.from_1904)
    except (ValueError, ArithmeticError):
        return value
