"""What earlier pages of a document had that later pages depend on: lines that repeat, and tables that continue.

All of it comes from their chunks, so that an extraction that is resumed with the stored chunks yields the same as one
that was not interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from rag.ingest.markdown_rows import is_table, row_cells, text_lines
from rag.model import Box, Kind, Line, NewChunk

_NUMBER = re.compile(r"\W*(?:\d{1,4}(?:\W+\d{1,4}){0,3}|(?=[ivxl])x{0,3}l?x{0,3}(?:ix|iv|v?i{0,3}))\W*", re.IGNORECASE)
"""A word that may be a page number or a date: at most four numbers of at most four digits, or a Roman numeral."""

_TOP, _BOTTOM, _LEFT, _RIGHT = 0.2, 0.8, 0.1, 0.9
"""Margins, as fractions of the page. Only lines that lie in one of them can repeat."""

_TOLERANCE = 0.01
"""How far a repeated word may be from the first one's line, as a fraction of the page."""

_MAX_PLACES = 16
"""Places of the same words that are remembered."""

_MAX_LINES_BETWEEN = 3
"""Lines between the two parts of a table, on each page: notes, headers, footers."""

_LOW, _HIGH, _ALIGNED = 0.6, 0.4, 0.03
"""A table continues on the next page if it ends below the first of these, begins above the second, and its sides differ
by at most the third."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A line of an earlier page."""

    words: tuple[str, ...]
    box: Box


class EarlierPages:
    """The lines in the margins of the pages before, and the lines and tables of the page directly before."""

    def __init__(self, chunks: Iterable[NewChunk] = ()) -> None:
        """`chunks` are all chunks of the document's pages so far, in order."""
        self._seen: dict[tuple[str, ...], list[_Seen]] = {}
        self._page = 0
        self._lines: list[Box] = []
        self._tables: list[NewChunk] = []
        self.add(chunks)

    def add(self, chunks: Iterable[NewChunk]) -> None:
        """Remember the next chunks of the document."""
        for chunk in chunks:
            if chunk.page != self._page:
                self._page, self._lines, self._tables = chunk.page, [], []
            if chunk.kind is Kind.TABLE and is_table(chunk.text):
                self._tables.append(chunk)
            if chunk.kind in (Kind.TEXT, Kind.TABLE):
                boxes = [_rounded(box) for box in chunk.line_boxes]
                self._lines += boxes
                for text, box in zip(text_lines(chunk.text), boxes, strict=False):
                    self._add_line(text, box)

    def _add_line(self, text: str, box: Box) -> None:
        if _is_marginal(box):
            words = _words(text)
            places = self._seen.setdefault(_pattern(words), [])
            if len(places) < _MAX_PLACES:
                places.append(_Seen(words, box))

    def new_part(self, line: Line) -> Line | None:
        """Return the line if no earlier page has it at this place, else its numbers that differ, or None without any.

        "Price list, page 3" is new on the first page with a line of this form; on a later page, only "4" is.
        """
        words = _words(line.text)
        box = _rounded(line.box)
        if not words or not _is_marginal(box):
            return line
        known = [seen for seen in self._seen.get(_pattern(words), ()) if _is_at(seen.box, box)]
        if not known:
            return line
        others = iter(known[0].words)
        kept = tuple(word for word in line.words if (own := _words(word.text)) != tuple(islice(others, len(own))))
        if not kept:
            return None
        around = kept[0].box
        for word in kept[1:]:
            around = around.union(word.box)
        return Line(kept, around, line.ocr)

    def header_of(self, page: int, table: Box, columns: int, lines_above: int) -> tuple[list[str], str] | None:
        """Return the header row and the caption of the table that continues on this page as `table`; None without one.

        `columns`: the number of its columns. `lines_above`: how many lines are above it on its page.
        """
        if page != self._page + 1 or not self._tables or lines_above > _MAX_LINES_BETWEEN or table.y0 > _HIGH:
            return None
        last = max(self._tables, key=lambda chunk: chunk.box.y1)
        box, header = _rounded(last.box), row_cells(text_lines(last.text)[0])
        lines_below = sum(line.y0 >= box.y1 for line in self._lines)
        is_same = len(header) == columns and max(abs(box.x0 - table.x0), abs(box.x1 - table.x1)) <= _ALIGNED
        return (header, last.caption) if is_same and box.y1 >= _LOW and lines_below <= _MAX_LINES_BETWEEN else None


def is_number(line: Line) -> bool:
    """Return whether a line has only numbers, such as a page number."""
    return all(_NUMBER.fullmatch(word) for word in _words(line.text))


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a line; a row of a table has the same words as the line that it was made from."""
    return tuple(word for word in text.split() if word != "|")


def _pattern(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words with a placeholder for each number: it is the same for "Page 3 of 12" and "Page 4 of 12"."""
    return tuple("#" if _NUMBER.fullmatch(word) else word for word in words)


def _is_marginal(box: Box) -> bool:
    return box.y1 <= _TOP or box.y0 >= _BOTTOM or box.x1 <= _LEFT or box.x0 >= _RIGHT


def _is_at(place: Box, box: Box) -> bool:
    """Return whether a box is inside the place, or at most _TOLERANCE outside."""
    return (
        box.x0 >= place.x0 - _TOLERANCE
        and box.y0 >= place.y0 - _TOLERANCE
        and box.x1 <= place.x1 + _TOLERANCE
        and box.y1 <= place.y1 + _TOLERANCE
    )


def _rounded(box: Box) -> Box:
    """Return the box as the catalog stores it."""
    return Box(*(round(value, 4) for value in box))
