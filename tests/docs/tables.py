"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable


def row(*cells: str) -> str:
    """Return one row; a pipe inside a cell is escaped."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def table(header: str, rows: Iterable[str]) -> str:
    """Return a table with a header, as rows of `row`."""
    columns = header.replace("\\|", "").count("|") - 1
    return "\n".join([header, "|" + "---|" * columns, *rows])
