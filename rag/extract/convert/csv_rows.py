"""Rows of CSV and TSV text, also where a quote is part of the text instead of the frame of a field."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence

_SAMPLE_LINES = 200
_MIN_WHOLE_SHARE = 0.9
"""Share of the lines of a field that are rows of their own, from which its quote is part of the text."""


def csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the fields of each row. Raise csv.Error if one is longer than `csv.field_size_limit`.

    Excel and most programs put quotes around a field with line breaks or delimiters. Others write a quote as any other
    sign, and then `"19 inch rack` would swallow all rows up to the next quote: such lines are read one by one.
    """
    lines = list(io.StringIO(text, newline=""))
    width = _width(lines[:_SAMPLE_LINES], delimiter)
    start = 0
    while start < len(lines):
        first = start
        reader = csv.reader((lines[at] for at in range(first, len(lines))), delimiter=delimiter)
        for row in reader:
            end = first + reader.line_num
            record = lines[start:end]
            if len(record) > 1 and _swallows_rows(record, delimiter, width, is_last=end == len(lines)):
                for line in record[:-1]:
                    yield _row(line, delimiter, width)
                start = end - 1  # a field can begin in the line that ends the false one
                break
            yield row
            start = end


def _width(lines: Sequence[str], delimiter: str) -> int:
    """Return the number of fields that most of the lines have, each read alone."""
    counts = Counter(len(next(csv.reader([line], delimiter=delimiter))) for line in lines)
    return counts.most_common(1)[0][0] if counts else 0


def _swallows_rows(record: Sequence[str], delimiter: str, width: int, *, is_last: bool) -> bool:
    """Return whether a row of several lines is several rows, because a quote in its first line frames nothing."""
    if is_last and len(list(csv.reader([*record, '"'], delimiter=delimiter))) == 1:  # its field does not end
        return True
    first, *others = record
    if width < 2 or len(_plain_row(first, delimiter)) != width:
        return False
    return sum(len(_row(line, delimiter, width)) == width for line in others) >= _MIN_WHOLE_SHARE * len(others)


def _row(line: str, delimiter: str, width: int) -> list[str]:
    """Return the fields of a line alone: with quotes around fields if that gives `width` of them."""
    row = next(csv.reader([line], delimiter=delimiter))
    return row if len(row) == width else _plain_row(line, delimiter)


def _plain_row(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE))
