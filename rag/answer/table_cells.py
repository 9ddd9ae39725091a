"""The cells of a table as phrases, so that a value stands beside the names of its row and its column."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.ingest.markdown_rows import is_table, row_cells, text_lines

_UNIT = re.compile(r"^(?P<name>[^()]{1,60}?)\s?\((?P<unit>[^()\s]{1,8})\)$")
_MAX_NAME = 60
"""Characters of a row's or column's name: it is repeated for each cell."""


def with_cells(text: str) -> str:
    """Return a text with a line for each cell of its tables: `Ferry Ramp Battery 48 h` for a column `Battery (h)`."""
    return "\n".join([text, *_cells(text)])


def _cells(text: str) -> Iterator[str]:
    lines = text.split("\n")
    for at in range(len(lines) - 1):
        if lines[at].startswith("| ") and is_table("\n".join(lines[at : at + 2])):
            head, *rows = [row_cells(line) for line in text_lines("\n".join(_rows(lines, at)))]
            columns = [_UNIT.match(cell) for cell in head]
            for row in rows:
                for cell, name, column in zip(row[1:], head[1:], columns[1:], strict=False):
                    named, unit = (column["name"], column["unit"]) if column else (name[:_MAX_NAME], "")
                    yield f"{row[0][:_MAX_NAME]} {named} {cell} {unit}".rstrip() + "."


def _rows(lines: list[str], start: int) -> Iterator[str]:
    for line in lines[start:]:
        if not line.startswith("|"):
            return
        yield line
