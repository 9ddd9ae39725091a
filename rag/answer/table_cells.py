"""The cells of a table as phrases, so that a value stands beside the names of its row and its column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from rag.ingest.markdown_rows import row_cells

_UNIT = re.compile(r"^(?P<name>[^()]{1,60}?)\s?\((?P<unit>[^()\s]{1,8})\)$")
_RULE = re.compile(r"\|(?: ?:?-+:? ?\|)+")
"""The line below the head of a table, also as people write it in Markdown."""

_MAX_NAME = 60
"""Characters of a row's or column's name: it is repeated for each cell."""


def with_cells(text: str) -> str:
    """Return a text with a line for each cell of its tables: `Ferry Ramp Battery 48 h` for a column `Battery (h)`."""
    return "\n".join([text, *_cells(text)])


def _cells(text: str) -> Iterator[str]:
    lines, at = text.split("\n"), 0
    while at < len(lines):
        table = list(takewhile(lambda line: line.startswith("|"), islice(lines, at, None)))
        if len(table) > 1 and _RULE.fullmatch(table[1]) and not _RULE.fullmatch(table[0]):
            head, *rows = (row_cells(line) for line in table if not _RULE.fullmatch(line))
            yield from _phrases(head, rows)
        at += max(1, len(table))


def _phrases(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    columns = [_UNIT.match(cell) for cell in head]
    for row in rows:
        for cell, name, column in zip(row[1:], head[1:], columns[1:], strict=False):
            named, unit = (column["name"], column["unit"]) if column else (name[:_MAX_NAME], "")
            yield f"{row[0][:_MAX_NAME]} {named} {cell} {unit}".rstrip() + "."
