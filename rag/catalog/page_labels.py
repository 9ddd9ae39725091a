"""Find the page numbers that a document prints in its margins, for files that define no page labels.

A person asks for "page 17" by the printed number, which may be on the right half of the file's tenth page.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from rag.catalog.tables import page

_MARGIN = 0.1
"""Share of the page's height, at its top and at its bottom, where page numbers are printed."""

_ONE_LINE = 0.006
"""Share of the page's height. Words whose middles are at most this far apart are on one line."""

_MIN_SHARE, _MIN_PAGES = 0.5, 3
"""The share of the pages, and the number of pages, that must fit one sequence for it to be page numbers."""

_NUMBER = re.compile(r"\W{0,3}(\d{1,4})\W{0,3}")

Word = Sequence[object]
"""A word as it is stored: text, x0, y0, x1, y1 as fractions of the page."""


class _MarginLine(NamedTuple):
    """The numbers at the ends of a line, and the letters of its other words."""

    numbers: frozenset[int]
    rest: str


def printed_labels(connection: Connection, extraction_id: int) -> dict[int, str]:
    """Return {page: label} by the numbers printed in the margins; empty when the file has labels, or none are found."""
    rows = connection.execute(
        select(page.c.number, page.c.label, page.c.words).where(page.c.extraction_id == extraction_id)
    ).all()
    if any(row.label for row in rows):
        return {}
    return labels_of(margin_numbers({row.number: json.loads(zlib.decompress(row.words)) for row in rows}))


def put_labels(connection: Connection, extraction_id: int, labels: Mapping[int, str]) -> None:
    """Write the labels of an extraction's pages, by page number."""
    if labels:
        mine = (page.c.extraction_id == extraction_id, page.c.number == bindparam("at"))
        rows = [{"at": number, "printed": label} for number, label in labels.items()]
        connection.execute(update(page).where(*mine).values(label=bindparam("printed")), rows)


def margin_numbers(pages: Mapping[int, Sequence[Word]]) -> dict[int, set[int]]:
    """Return the numbers that begin or end a line in the top or bottom margin of each page.

    Beside other words, a number counts only if another page has the same words in its margin: "Handbook 17" is a
    header, "3 Travel costs" at the top of a page is a heading.
    """
    lines = {page: list(_margin_lines(words)) for page, words in pages.items()}
    used = Counter(rest for found in lines.values() for rest in {line.rest for line in found})
    return {
        page: {number for line in found if not line.rest or used[line.rest] > 1 for number in line.numbers}
        for page, found in lines.items()
    }


def _margin_lines(words: Sequence[Word]) -> Iterator[_MarginLine]:
    """Yield the lines in the margins of a page that begin or end with a number."""
    lines: list[tuple[float, list[tuple[float, str]]]] = []
    for middle, left, text in sorted(((_at(word, 2) + _at(word, 4)) / 2, _at(word, 1), str(word[0])) for word in words):
        if _MARGIN <= middle <= 1 - _MARGIN:
            continue
        if not lines or middle - lines[-1][0] > _ONE_LINE:
            lines.append((middle, []))
        lines[-1][1].append((left, text))
    for _, line in lines:
        texts = [text for _, text in sorted(line)]
        ends = {0: texts[0], len(texts) - 1: texts[-1]}
        numbers = {place: int(match[1]) for place, text in ends.items() if (match := _NUMBER.fullmatch(text))}
        if numbers:
            rest = " ".join(text for place, text in enumerate(texts) if place not in numbers)
            yield _MarginLine(frozenset(numbers.values()), "".join(filter(str.isalpha, rest)))


def labels_of(numbers: Mapping[int, set[int]]) -> dict[int, str]:
    """Return {page: label} from the numbers in each page's margins; empty when they are not page numbers.

    Page numbers go up by one from page to page, or by two when each page shows two printed pages side by side. A page
    between numbered ones has its number too, even if it is not printed. Nothing is returned when the printed numbers
    are the page numbers of the file.
    """
    single = Counter(value - number for number, printed in numbers.items() for value in printed)
    double = Counter(
        value - 2 * number for number, printed in numbers.items() for value in printed if value + 1 in printed
    )
    needed = max(_MIN_PAGES, _MIN_SHARE * len(numbers))
    for step, starts in ((2, double), (1, single)):
        start, votes = max(starts.items(), key=lambda item: item[1], default=(0, 0))
        if votes < needed or (step, start) == (1, 0):
            continue
        shown = [number for number, printed in numbers.items() if step * number + start in printed]
        inside = range(min(shown), max(shown) + 1)
        first = {number: step * number + start for number in inside if number in numbers}
        return {number: _label(value, step) for number, value in first.items() if value > 0}
    return {}


def labels_with(number: int) -> tuple[str, str, str]:
    """Return the labels that a page with this printed number can have, alone or as one of two."""
    return str(number), _label(number, 2), _label(number - 1, 2)


def _label(value: int, step: int) -> str:
    return str(value) if step == 1 else f"{value}–{value + 1}"


def _at(word: Word, place: int) -> float:
    return float(str(word[place]))
