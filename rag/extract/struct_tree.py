"""Descriptions of figures in the structure tree of a tagged PDF (ISO 32000-1, 14.7 and 14.9.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_MAX_OBJECTS = 500_000
"""Objects that are inspected; 100,000 take less than a second."""
_MAX_PARENTS = 12
_MAX_FIGURES_PER_PAGE = 100

_NUMBER = re.compile(r"-?\d*\.?\d+")
_BOX_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class DescribedFigure:
    """A description, and the figure's box in points from the bottom left if the file states it."""

    text: str
    box: tuple[float, float, float, float] | None


def described_figures(document: Any) -> dict[int, list[DescribedFigure]]:
    """Return the described elements by the xref of their page, in the order in which the file was written."""
    found: dict[int, list[DescribedFigure]] = {}
    if document.xref_get_key(document.pdf_catalog(), "StructTreeRoot")[0] == "null":
        return found
    for xref in range(1, min(document.xref_length(), _MAX_OBJECTS)):
        # The objects are scanned, because a tree can have cycles, and its figures need not have content of their own.
        if "/Alt" not in document.xref_object(xref, compressed=True):
            continue
        kind, text = document.xref_get_key(xref, "Alt")
        page = _page(document, xref) if kind == "string" and text.strip() else 0
        figures = found.setdefault(page, [])
        if page and len(figures) < _MAX_FIGURES_PER_PAGE:
            figures.append(DescribedFigure(text.strip(), _stated_box(document, xref)))
    return found


def _page(document: Any, xref: int) -> int:
    """Return the xref of the page of an element, or of the nearest element around it that has one; 0 if none has."""
    for _ in range(_MAX_PARENTS):
        kind, page = document.xref_get_key(xref, "Pg")
        if kind == "xref":
            return int(page.split()[0])
        kind, parent = document.xref_get_key(xref, "P")
        if kind != "xref":
            break
        xref = int(parent.split()[0])
    return 0


def _stated_box(document: Any, xref: int) -> tuple[float, float, float, float] | None:
    kind, text = document.xref_get_key(xref, "A/BBox")
    numbers = [float(number) for number in _NUMBER.findall(text)] if kind == "array" else []
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == _BOX_NUMBERS else None
