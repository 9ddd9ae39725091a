"""Cells of OpenDocument spreadsheets, read as a stream: as they are shown, without what is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from rag.errors import Unreadable
from rag.extract.convert.packages import open_package
from rag.extract.convert.sheets import (
    MAX_COLUMNS,
    MAX_ROWS,
    CellCounter,
    Remark,
    Sheet,
    Workbook,
    comment_text,
    drawings_note,
    hidden_cells_note,
    hidden_note,
    link_text,
    remarks_note,
)

_SPACE = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"
_TABLE, _TEXT, _STYLE = (f"{{{_SPACE.format(name)}}}" for name in ("table", "text", "style"))
_DRAWINGS = ("Pictures/", "Object ")
_OFFICE = f"{{{_SPACE.format('office')}}}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NOT_TEXT = frozenset(f"{_OFFICE}{name}" for name in ("annotation", "annotation-end"))


def read_ods(path: Path) -> Workbook:
    """Return the visible cells of an ODS file. Raise Unreadable if it is damaged."""
    from lxml.etree import LxmlError

    try:
        with open_package(path) as archive:
            return _Reader().read(archive)
    except (LxmlError, LookupError, ValueError) as error:
        raise Unreadable("The spreadsheet is damaged and can't be opened.", "Save it again in LibreOffice.") from error


class _Reader:
    """Collects the cells of one file, row by row."""

    def __init__(self) -> None:
        self._counter = CellCounter()
        self._hidden_styles: set[str] = set()
        self._hidden_sheets: list[str] = []
        self._partly_hidden: list[str] = []
        self._without_cells: list[str] = []
        self._sheets: list[Sheet] = []
        self._remarks: list[Remark] = []
        """Those of the sheet that is being read."""

    def read(self, archive: ZipFile) -> Workbook:
        from lxml.etree import iterparse

        with archive.open("content.xml") as file:
            events = iterparse(
                file,
                ("start", "end"),
                tag=(f"{_TABLE}table", f"{_TABLE}table-column", f"{_TABLE}table-row", f"{_STYLE}style"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
            )
            self._read_tables(events)
        notes = [*hidden_note(self._hidden_sheets), *(hidden_cells_note(name) for name in self._partly_hidden)]
        notes += (remarks_note(name) for name in self._without_cells)
        notes += drawings_note(any(name.startswith(_DRAWINGS) for name in archive.namelist()))
        return Workbook(tuple(self._sheets), (*notes, *self._counter.notes()))

    def _read_tables(self, events: Iterator[tuple[str, Any]]) -> None:
        depth = row = column = 0
        cells: dict[int, dict[int, str]] = {}
        hidden_columns: set[int] = set()
        for event, element in events:
            kind = element.tag.rpartition("}")[2]
            if kind == "style" and event == "end":
                if any(part.get(f"{_TABLE}display") == "false" for part in element):
                    self._hidden_styles.add(element.get(f"{_STYLE}name", ""))
            elif kind == "table":
                depth += 1 if event == "start" else -1
                if event == "start" and depth == 1:
                    cells, hidden_columns, row, column = {}, set(), 0, 0
                    self._remarks = []
                elif depth == 0:
                    self._add_sheet(element, cells)
            elif kind == "table-column" and event == "end":
                count = _count(element, "number-columns-repeated", MAX_COLUMNS - column)
                if element.get(f"{_TABLE}visibility", "visible") != "visible":
                    hidden_columns.update(range(column, column + count))
                column += count
            elif kind == "table-row" and event == "end" and depth == 1:
                row = self._add_row(element, row, cells, hidden_columns)
                element.clear()

    def _add_sheet(self, table: Any, cells: dict[int, dict[int, str]]) -> None:
        name = table.get(f"{_TABLE}name", "")
        hidden = cells.pop(-1, {})
        if table.get(f"{_TABLE}style-name") in self._hidden_styles:
            self._hidden_sheets.append(name)
        else:
            self._remarks += (
                Remark(0, 0, text) for shapes in table.iterchildren(f"{_TABLE}shapes") for text in _shape_texts(shapes)
            )
            self._sheets.append(Sheet(name, cells, tuple(self._remarks)))
            self._partly_hidden += [name] if hidden else []
            self._without_cells += [name] if self._remarks and not any(cells.values()) else []
        table.clear()

    def _add_row(self, element: Any, row: int, cells: dict[int, dict[int, str]], hidden: set[int]) -> int:
        """Add the cells of a row, which can stand for many; return the number of the next row. Key -1: hidden ones."""
        repeated = _count(element, "number-rows-repeated", MAX_ROWS - row)
        texts = dict(_texts(element))
        is_hidden = element.get(f"{_TABLE}visibility", "visible") != "visible"
        shown = {} if is_hidden else {column: text for column, text in texts.items() if column not in hidden}
        if len(shown) < len(texts):
            cells[-1] = {0: ""}
        for column, text in () if is_hidden else _remarks(element, row):
            if column not in hidden and not self._counter.is_full and (kept_text := self._counter.keep(text)):
                self._remarks.append(Remark(row, column, kept_text))
        for number in range(row, row + repeated if shown else row):
            if self._counter.is_full:
                break
            kept = {column: self._counter.keep(text) for column, text in shown.items()}
            cells[number] = {column: text for column, text in kept.items() if text}
        return row + repeated


def _remarks(row: Any, number: int) -> Iterator[tuple[int, str]]:
    """Yield column and text of the comments, links and text boxes of a row with this number."""
    column = 0
    for cell in row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        for comment in cell.iterchildren(f"{_OFFICE}annotation"):
            author = next((part.text or "" for part in comment.iterchildren("{*}creator")), "")
            yield column, comment_text(number, column, author, " ".join(map(_paragraph, comment.iter(f"{_TEXT}p"))))
        for link in cell.iter(f"{_TEXT}a"):
            yield column, link_text(_paragraph(link), link.get(_HREF, ""))
        for text in _shape_texts(cell):
            yield column, text
        column += _count(cell, "number-columns-repeated", MAX_COLUMNS)


def _shape_texts(element: Any) -> Iterator[str]:
    for shape in element.iterchildren("{*}frame", "{*}custom-shape", "{*}rect", "{*}g"):
        if text := " ".join(filter(None, map(_paragraph, shape.iter(f"{_TEXT}p")))).strip():
            yield f"Text box: {text}"


def _count(element: Any, name: str, limit: int) -> int:
    return max(1, min(int(element.get(f"{_TABLE}{name}", "1")), limit))


def _texts(row: Any) -> Iterator[tuple[int, str]]:
    """Yield column and text of the cells with content."""
    column = 0
    for cell in row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        repeated = _count(cell, "number-columns-repeated", MAX_COLUMNS)
        text = " ".join(_paragraph(part) for part in cell.iterchildren(f"{_TEXT}p")).strip()
        if text:
            for place in range(column, min(column + repeated, MAX_COLUMNS)):
                yield place, text
        column += repeated


def _paragraph(paragraph: Any) -> str:
    """Return the words of a paragraph; repeated spaces, tabs and line breaks are elements of their own."""
    parts = [paragraph.text or ""]
    for child in paragraph:
        name = str(child.tag)
        if name in (f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"):
            parts.append(" ")
        elif name.startswith("{") and name not in _NOT_TEXT:
            parts.append(_paragraph(child))
        parts.append(child.tail or "")
    return "".join(parts)
