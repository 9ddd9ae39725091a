"""Shorten texts around the words of a question."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.analysis.content import content_tokens, language_of
from rag.ingest.markdown_rows import table_as_line, table_rows
from rag.text import token_weight

_MAX_ROWS = 3
"""Rows of a table that are quoted."""


def quote(text: str, question: str, limit: int) -> str:
    """Return the part of a chunk's text with most words of a question, in one line of at most `limit` characters."""
    return excerpt(as_line(text, question), question, limit)


def as_line(text: str, question: str) -> str:
    """Return a chunk's text in one line: of a table, the rows with most words of a question, with names of columns."""
    return " ".join((_matching_rows(text, question) or table_as_line(text)).split())


def _matching_rows(text: str, question: str) -> str:
    names, *rows = table_rows(text) or [[]]
    language = language_of(text)
    asked = content_tokens(question, language)
    scores = [len(content_tokens(" ".join(cells), language) & asked) for cells in rows]
    best = max(scores, default=0)
    chosen = [cells for cells, score in zip(rows, scores, strict=True) if score == best > 0]
    return "; ".join(_row_with_names(names, cells) for cells in chosen[:_MAX_ROWS])


def _row_with_names(names: Sequence[str], cells: Sequence[str]) -> str:
    return " · ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=True) if cell)


def excerpt(text: str, question: str, limit: int, *, in_tokens: bool = False) -> str:
    """Return the part of `text` with most different words of a question, at most `limit` characters (or tokens) long.

    `[…]` stands for text left out before and after it.
    """
    pieces = re.findall(r"\S{1,40}\s*", text)
    sizes = [token_weight(piece) if in_tokens else len(piece) for piece in pieces]
    if sum(sizes) <= limit:
        return text.strip()
    budget = limit - (2 * token_weight("[…] ") if in_tokens else 8)
    language = language_of(text)
    asked = content_tokens(question, language)
    matches = [content_tokens(piece, language) & asked for piece in pieces]
    first, last = _best_window(sizes, matches, budget)
    window = "".join(pieces[first:last]).strip()
    return f"{'[…] ' if first else ''}{window}{' […]' if last < len(pieces) else ''}"


def _best_window(sizes: Sequence[float], matches: Sequence[Collection[str]], budget: float) -> tuple[int, int]:
    """Return (first, last) of the window of pieces with the most different matches.

    Of consecutive windows that are equally good, the middle one is taken, so that the words have text on both sides.
    """
    counts: dict[str, int] = {}
    size, last = 0.0, 0
    best, best_run = -1, (0, 0)
    ends = []
    for first in range(len(sizes)):
        while last < len(sizes) and size + sizes[last] <= budget:
            size += sizes[last]
            for word in matches[last]:
                counts[word] = counts.get(word, 0) + 1
            last += 1
        ends.append(last)
        score = sum(count > 0 for count in counts.values())
        if score > best:
            best, best_run = score, (first, first)
        elif score == best and best_run[1] == first - 1:
            best_run = (best_run[0], first)
        if last == len(sizes):
            break
        if last > first:
            size -= sizes[first]
            for word in matches[first]:
                counts[word] -= 1
        else:
            last, size = first + 1, 0.0
    middle = (best_run[0] + best_run[1]) // 2 if best > 0 else 0
    return middle, ends[middle]
