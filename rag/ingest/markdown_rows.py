"""Tables in the text of chunks, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

_RULE = re.compile(r"^\|(?: --- \|)+$", re.MULTILINE)
"""The line below a Markdown table's header row."""


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of equal length as a Markdown table; the first is its header."""
    lines = [markdown_row(cells) for cells in rows]
    return "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])


def markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def row_cells(line: str) -> list[str]:
    """Return the cells of a Markdown row; any other line is one cell."""
    inner = line.removeprefix("| ").removesuffix(" |")
    return inner.split(" | ") if inner != line else [line]


def text_lines(text: str) -> list[str]:
    """Return the lines of a chunk's text, in the order of its line boxes; further lines have no box."""
    return [line for line in text.split("\n") if not _RULE.fullmatch(line)]


def is_table(text: str) -> bool:
    """Return whether a text begins with a Markdown table."""
    return _RULE.fullmatch(text.partition("\n")[2].partition("\n")[0]) is not None


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the first Markdown table in a text, its header first; none without a table."""
    lines = text.split("\n")
    rule = next((at for at, line in enumerate(lines) if _RULE.fullmatch(line)), 0)
    rows = [row_cells(line) for line in (lines[rule - 1], *takewhile(_is_row, lines[rule + 1 :]))] if rule else []
    return [cells for cells in rows if len(cells) == len(rows[0])]


def _is_row(line: str) -> bool:
    return line.startswith("|")


def table_as_line(text: str) -> str:
    """Return a Markdown table as one readable line, with bars between cells; other text unchanged."""
    lines = (line.strip().removeprefix("|").removesuffix("|").strip() for line in text_lines(text))
    return " · ".join(line for line in lines if line) if _RULE.search(text) else text
