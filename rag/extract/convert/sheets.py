"""The cells of a spreadsheet as people see them, whatever its file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.model.extraction import Note

MAX_CELLS = 100_000
"""Cells with content that are read of one file: 300 to 1,200 pages."""

MAX_CELL_CHARS = 32_767
"""Characters of one cell; a spreadsheet allows as many, a CSV file more."""

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
"""Size of a sheet in Excel."""

_CUT = Note(f"Only the first {MAX_CELLS:,} cells were read. Split the spreadsheet to have all of it found.", lost=True)
_CUT_CELLS = Note(
    f"Of a longer cell, only the first {MAX_CELL_CHARS:,} characters were read. Split it to have all of it found.",
    lost=True,
)


@dataclass(frozen=True, slots=True)
class Remark:
    """What a sheet says beside the text of its cells, such as a comment on the cell at `row` and `column`, from 0."""

    row: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its cells that have content, as {row: {column: text}}, both counted from 0 in ascending order.

    `name` is empty if the file has one sheet without a name.
    """

    name: str
    cells: Mapping[int, Mapping[int, str]]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Workbook:
    """The sheets that people see, and notes about the others."""

    sheets: tuple[Sheet, ...]
    notes: tuple[Note, ...] = ()


class CellCounter:
    """Counts cells with content; `is_full` after MAX_CELLS of them."""

    def __init__(self) -> None:
        self._count = 0
        self._has_cut_cells = False

    @property
    def is_full(self) -> bool:
        return self._count >= MAX_CELLS

    def keep(self, text: str) -> str:
        """Count a cell and return its text on one line, without control characters and not too long."""
        self._count += 1
        self._has_cut_cells |= len(text) > MAX_CELL_CHARS
        shown = "".join(letter if letter.isprintable() else " " for letter in text[:MAX_CELL_CHARS])
        return shown.strip()

    def notes(self, *, is_cut: bool = False) -> tuple[Note, ...]:
        """Return the notes about cells that were cut or not read; `is_cut`: the file has more than was counted."""
        cut_cells = (_CUT_CELLS,) if self._has_cut_cells else ()
        return (*cut_cells, *((_CUT,) if is_cut or self.is_full else ()))


def column_letters(column: int) -> str:
    """Return the letters of a column counted from 0: A, B, …, Z, AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell_range(first_row: int, first_column: int, last_row: int, last_column: int) -> str:
    """Return a range of cells counted from 0, such as B7:D12."""
    return f"{column_letters(first_column)}{first_row + 1}:{column_letters(last_column)}{last_row + 1}"


def comment_text(row: int, column: int, author: str, text: str) -> str:
    """Return what a comment on a cell says, with its author if that is known; "" if it has no words."""
    by = f" by {author.strip()}" if author.strip() else ""
    return f"Comment{by} on {column_letters(column)}{row + 1}: {text}" if text.strip() else ""


def link_text(cell: str, address: str) -> str:
    """Return the address of a cell's link, with the cell's words; "" if they show it."""
    shown, address = " ".join(cell.split()), address.strip()
    return "" if not address or address.removeprefix("mailto:") in shown else f"Link: {shown} {address}"


def remarks_note(sheet: str) -> Note:
    """Return the note about remarks that are damaged, or that no cell is beside of."""
    text = f"Comments, links or text boxes of sheet “{sheet[:60]}” weren't read. Share a PDF of it to have them found."
    return Note(text, lost=True)


def hidden_note(hidden: list[str]) -> tuple[Note, ...]:
    """Return the note about hidden sheets."""
    if not hidden:
        return ()
    names = ", ".join(f"“{name[:60]}”" for name in hidden[:5]) + (" and others" if len(hidden) > 5 else "")
    what = "sheet isn't" if len(hidden) == 1 else "sheets aren't"
    return (Note(f"The hidden {what} read: {names}. Unhide and share the file again to have it found.", lost=True),)


def hidden_cells_note(sheet: str) -> Note:
    """Return the note about hidden rows and columns of a sheet."""
    return Note(f"Hidden rows or columns of sheet “{sheet[:60]}” aren't read. Show them to have them found.", lost=True)


def drawings_note(has_drawings: bool) -> tuple[Note, ...]:
    """Return the note about charts and pictures, of which only the cells behind them are read."""
    text = "Charts and pictures of the spreadsheet aren't read. Share a PDF of it to have them found."
    return (Note(text, lost=True),) if has_drawings else ()
