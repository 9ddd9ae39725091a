"""Cells of Excel workbooks (XLSX, XLSM), read as a stream: with the formats of numbers, without what is hidden."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

from rag.errors import Unreadable
from rag.extract.convert.number_formats import BUILT_IN, format_general, format_number
from rag.extract.convert.packages import open_package
from rag.extract.convert.sheets import (
    MAX_COLUMNS,
    MAX_ROWS,
    CellCounter,
    Sheet,
    Workbook,
    drawings_note,
    hidden_cells_note,
    hidden_note,
)
from rag.model import Note

_PLACE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_MAIN = "xl/workbook.xml"
_DRAWINGS = ("xl/charts/", "xl/media/", "xl/diagrams/")
_TRUE = ("1", "true")
_MAX_SHARED_CHARS = 200_000_000
_GENERAL = "General"


@dataclass(frozen=True, slots=True)
class _Book:
    """What all sheets of a workbook share."""

    strings: list[str]
    formats: list[str]
    """The format code of each style of a cell."""
    from_1904: bool


@dataclass
class _Missing:
    """Whether a sheet has hidden cells, and how many of its formulas have no saved result."""

    hidden: bool = False
    formulas: int = 0


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
        missing = _Missing()
        cells: dict[int, dict[int, str]] = {}
        if part in names:
            with archive.open(names[part]) as file:
                for row, column, text in _cells(file, book, missing):
                    if counter.is_full:
                        break
                    if shown := counter.keep(text):
                        cells.setdefault(row, {})[column] = shown
        read.append(Sheet(name, {row: dict(sorted(cells[row].items())) for row in sorted(cells)}))
        if missing.hidden:
            notes.append(hidden_cells_note(name))
        if missing.formulas:
            text = f"Sheet “{name[:60]}” has formulas without a saved result. Save it in Excel to have them found."
            notes.append(Note(text, lost=True))
    drawings = drawings_note(any(name.startswith(_DRAWINGS) for name in names))
    return Workbook(tuple(read), (*notes, *drawings, *counter.notes()))


def _elements(file: IO[bytes], *tags: str) -> Iterator[Any]:
    """Yield the elements with these local names at their end, then drop their content.

    Entities are not expanded, nothing outside the file is opened, and the parser's limits on depth and size hold.
    """
    from lxml.etree import iterparse

    wanted = [f"{{*}}{tag}" for tag in tags]
    for _, element in iterparse(file, tag=wanted, resolve_entities=False, no_network=True, load_dtd=False):
        yield element
        element.clear()
        parent = element.getparent()
        if parent is not None:
            while element.getprevious() is not None:
                del parent[0]


def _listed_sheets(archive: ZipFile, names: dict[str, str]) -> tuple[str, list[tuple[str, str]], list[str], bool]:
    """Return the workbook's part, (name, part) of its visible sheets, the names of hidden ones, and its first year."""
    main = next((part for kind, part in _relations(archive, names, "").values() if kind == "officeDocument"), _MAIN)
    targets = _relations(archive, names, main)
    sheets: list[tuple[str, str]] = []
    hidden: list[str] = []
    from_1904 = False
    with archive.open(names[main]) as file:
        for element in _elements(file, "workbookPr", "sheet"):
            if element.tag.endswith("workbookPr"):
                from_1904 = element.get("date1904", "0") in _TRUE
                continue
            name = element.get("name", "")
            relation = next((value for key, value in element.attrib.items() if key.endswith("}id")), "")
            if element.get("state", "visible") != "visible":
                hidden.append(name)
            else:
                sheets.append((name, targets.get(relation, ("", ""))[1]))
    return main, sheets, hidden, from_1904


def _relations(archive: ZipFile, names: dict[str, str], part: str) -> dict[str, tuple[str, str]]:
    """Return {id: (kind, part)} of what a part refers to; "" is the package itself."""
    folder, name = posixpath.split(part)
    relations: dict[str, tuple[str, str]] = {}
    with archive.open(names[posixpath.join(folder, "_rels", f"{name}.rels")]) as file:
        for relation in _elements(file, "Relationship"):
            target = posixpath.join("/", folder, relation.get("Target", "").replace("\\", "/"))
            kind = posixpath.basename(relation.get("Type", ""))
            relations[relation.get("Id", "")] = kind, posixpath.normpath(target).lstrip("/").lower()
    return relations


def _shared_strings(archive: ZipFile, part: str | None) -> list[str]:
    if part is None:
        return []
    strings: list[str] = []
    size = 0
    with archive.open(part) as file:
        for element in _elements(file, "si"):
            strings.append(_text(element))
            size += len(strings[-1])
            if size > _MAX_SHARED_CHARS:
                raise Unreadable("The spreadsheet has too much text.", "Split it into several files.")
    return strings


def _text(element: Any) -> str:
    """Return the words of a string with formats, without the readings above Japanese words."""
    parts = (
        child.text or ""
        for child in element.iter("{*}t")
        if child.getparent() is None or not str(child.getparent().tag).endswith("}rPh")
    )
    return "".join(parts)


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
    return [codes.get(number) or BUILT_IN.get(number, _GENERAL) for number in ids]


def _cells(file: IO[bytes], book: _Book, missing: _Missing) -> Iterator[tuple[int, int, str]]:
    """Yield row, column and text of the visible cells with content."""
    hidden_columns: list[tuple[int, int]] = []
    next_row = 0
    for element in _elements(file, "col", "row"):
        is_hidden = element.get("hidden", "0") in _TRUE
        if element.tag.endswith("}col"):
            if is_hidden:
                hidden_columns.append((int(element.get("min", "1")) - 1, int(element.get("max", "1")) - 1))
            continue
        row = int(element.get("r", next_row + 1)) - 1
        next_row, next_column = row + 1, 0
        for cell in element.iterchildren("{*}c"):
            place = _PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else next_column
            next_column = column + 1
            text = _shown(cell, book, missing)
            if not text or not (0 <= row < MAX_ROWS and column < MAX_COLUMNS):
                continue
            if is_hidden or any(first <= column <= last for first, last in hidden_columns):
                missing.hidden = True
            else:
                yield row, column, text


def _column(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _shown(cell: Any, book: _Book, missing: _Missing) -> str:
    """Return a cell as it is shown."""
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _text(cell)
    value = next((child.text or "" for child in cell.iterchildren("{*}v")), "")
    if not value:
        formula = next((child.text or "" for child in cell.iterchildren("{*}f")), "")
        missing.formulas += bool(formula)
        return f"={formula}" if formula else ""
    if kind == "s":
        return book.strings[int(value)]
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    if kind in ("str", "e", "d"):
        return value
    style = int(cell.get("s", "0"))
    code = book.formats[style] if style < len(book.formats) else _GENERAL
    try:
        number = float(value)
        return format_general(number) if code == _GENERAL else format_number(number, code, from_1904=book.from_1904)
    except (ValueError, OverflowError, ArithmeticError):
        return value
