"""What earlier pages of a document had that later pages depend on: lines that repeat, and tables that continue.

All of it comes from their chunks, so that an extraction that is resumed with the stored chunks yields the same as one
that was not interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from rag.extract.geometry import bounding_box
from rag.ingest.markdown_rows import is_table, row_cells, text_lines
from rag.ingest.picture_chunks import label_of
from rag.model.extraction import Box, Kind, Line, NewChunk

_NUMBER = re.compile(r"\W*(?:\d{1,4}(?:\W+\d{1,4}){0,3}|(?=[ivxl])x{0,3}l?x{0,3}(?:ix|iv|v?i{0,3}))\W*", re.IGNORECASE)
"""A word that may be a page number or a date: at most four numbers of at most four digits, or a Roman numeral."""

_PAGE_NUMBER = re.compile(r"\W*(\d{1,4})(?:[-–—/|:](\d{1,4}))?\W*")
"""A page number in digits, also one with the chapter or the number of pages: "3/12"."""

_MAX_OFFSET = 30
"""Maximum difference between a page's number and its place in the file, unless it is the page's label: a cover, a table
of contents. Numbers of invoices that count with the pages are larger."""

_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}

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

    page: int
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
                    self._add_line(chunk.page, text, box)

    def _add_line(self, page: int, text: str, box: Box) -> None:
        if _is_marginal(box):
            words = _words(text)
            places = self._seen.setdefault(_pattern(words), [])
            if len(places) < _MAX_PLACES:
                places.append(_Seen(page, words, box))

    def new_part(self, line: Line, page: int, label: str | None) -> Line | None:
        """Return the line if no earlier page has it at this place, else its page numbers that differ, or None without.

        "Price list, page 3" is new on the first page with a line of this form; on a later page, only "4" is. A line in
        which other numbers differ, such as an amount, is new. `page` and `label`: number and printed label of its page.
        """
        words = _words(line.text)
        box = _rounded(line.box)
        if not words or not _is_marginal(box):
            return line
        for seen in self._seen.get(_pattern(words), ()):
            changed = [(before, now) for before, now in zip(seen.words, words, strict=True) if before != now]
            if _is_at(seen.box, box) and all(_counts_pages(*pair, page - seen.page, page, label) for pair in changed):
                others = iter(seen.words)
                kept = tuple(
                    word for word in line.words if (own := _words(word.text)) != tuple(islice(others, len(own)))
                )
                return replace(line, words=kept, box=bounding_box(word.box for word in kept)) if kept else None
        return line

    def header_of(
        self, page: int, table: Box, columns: int, *, lines_above: int, heading: str, caption: str
    ) -> tuple[list[str], str] | None:
        """Return the header row and the caption of the table that continues on this page as `table`; None without one.

        `columns`: the number of its columns. `lines_above`: how many lines are above it on its page. `heading` is the
        path above it, `caption` its own: a table below another heading, or with another caption, is a new one.
        """
        if page != self._page + 1 or not self._tables or lines_above > _MAX_LINES_BETWEEN or table.y0 > _HIGH:
            return None
        last = max(self._tables, key=lambda chunk: chunk.box.y1)
        if heading != last.heading or not _is_continued(last.caption, caption):
            return None
        box, header = _rounded(last.box), row_cells(text_lines(last.text)[0])
        lines_below = sum(line.y0 >= box.y1 for line in self._lines)
        is_same = len(header) == columns and max(abs(box.x0 - table.x0), abs(box.x1 - table.x1)) <= _ALIGNED
        return (header, last.caption) if is_same and box.y1 >= _LOW and lines_below <= _MAX_LINES_BETWEEN else None


def _is_continued(before: str, caption: str) -> bool:
    """Return whether a table with this caption can be the one with the caption `before`, continued."""
    if not caption:
        return True
    labels = [label_of(before), label_of(caption)]
    return labels[0] == labels[1] if any(labels) else bool(before) and caption.casefold().startswith(before.casefold())


def _counts_pages(before: str, now: str, pages: int, page: int, label: str | None) -> bool:
    """Return whether a word that an earlier page had as `before` is the page's number: larger by the pages between."""
    old, new = _numbers(before), _numbers(now)
    changed = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    return (
        len(old) == len(new)
        and len(changed) == 1
        and changed[0][1] - changed[0][0] == pages
        and (abs(changed[0][1] - page) <= _MAX_OFFSET or changed[0][1] in _numbers(label or ""))
    )


def _numbers(word: str) -> list[int]:
    """Return the numbers of a word that may be a page number, or an empty list."""
    if found := _PAGE_NUMBER.fullmatch(word):
        return [int(number) for number in found.groups() if number]
    digits = [_ROMAN.get(letter, 0) for letter in word.lower() if letter.isalnum()]
    if not all(digits):
        return []
    return [sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0], strict=True))] if digits else []


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
