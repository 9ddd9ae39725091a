"""Plain text: splitting it into pages of fixed size."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

from rag.text import normalize_unicode

COLUMNS = 98
LINES = 64
"""Columns and lines of a page. Longer lines are wrapped; a form feed starts a new page."""

PAGE_CHARS = LINES * (COLUMNS + 1)

CSS = "pre { font-family: monospace; font-size: 8.5pt; line-height: 1.3; margin: 0; white-space: pre-wrap; }"

_TAB = 4
_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
"""Escape sequences for colors and window titles, which programs write to their logs."""

_LINE_BREAK = re.compile(r"\r\n|[\r\v\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
"""Control characters except tab, line feed and form feed; \\v and \\r are line breaks."""


def normalize_text(text: str) -> str:
    """Return the text in NFC, with `\\n` as the only line break, without control characters and escape sequences."""
    text = _LINE_BREAK.sub("\n", _TERMINAL_SEQUENCE.sub("", text))
    return normalize_unicode("NFC", _INVISIBLE.sub("", text))


def text_pages(text: str) -> list[str]:
    """Return the text of each page."""
    last = text.find("\f", len(text.rstrip()))  # a form feed at the end does not start a page
    pages: list[str] = []
    for sheet in (text if last < 0 else text[:last]).split("\f"):
        lines = [piece for line in sheet.split("\n") for piece in wrap_line(line.expandtabs(_TAB).rstrip(), COLUMNS)]
        pages += ("\n".join(lines[first : first + LINES]) for first in range(0, max(len(lines), 1), LINES))
    return pages


def page_html(page: str) -> str:
    """Return the HTML of a page from `text_pages`."""
    return "<pre>\n" + html.escape(page, quote=False) + "</pre>"  # HTML ignores a line feed directly after <pre>


def wrap_line(line: str, columns: int) -> list[str]:
    """Split a line into pieces of at most `columns` columns, between words, or in long words after a sign."""
    if len(line) * 2 <= columns or (len(line) <= columns and line.isascii()):
        return [line]
    pieces: list[str] = []
    piece, used = "", 0
    for part in re.findall(r"\s+|\S+", line):
        size = display_width(part)
        if used + size <= columns:
            piece, used = piece + part, used + size
            continue
        if piece.strip():
            pieces.append(piece.rstrip())
        piece, used = "", 0
        if part.isspace():  # replaced by the line break
            continue
        start = 0
        while (end := _break_index(part, start, columns)) < len(part):
            pieces.append(part[start:end])
            start = end
        piece = part[start:]
        used = display_width(piece)
    return [*pieces, piece] if piece.strip() or not pieces else pieces


def _break_index(word: str, start: int, columns: int) -> int:
    """Return where to break a long word, at least one character after `start`."""
    used, after_sign = 0, start
    for at in range(start, len(word)):
        used += _columns(word[at])
        if used > columns:
            return max(after_sign if after_sign - start > (at - start) // 2 else at, start + 1)
        if unicodedata.category(word[at])[0] in "PS":
            after_sign = at + 1
    return len(word)


def display_width(text: str) -> int:
    """Return the maximum width of a text in columns of the monospaced font."""
    return len(text) if text.isascii() else sum(map(_columns, text))


@cache
def _columns(letter: str) -> int:
    """Return the maximum width of a character in columns, over the fonts that may be used for it."""
    kind = unicodedata.category(letter)
    if letter.isascii() or "\u2500" <= letter <= "\u257f":
        return 1
    if kind in ("Mn", "Me", "Cf"):
        return 0
    wide = unicodedata.east_asian_width(letter) in "WF"
    if kind == "So" and (wide or letter > "\uffff"):  # emoji: 2.1 columns in NotoEmoji
        return 3
    return 2 if wide or kind[0] == "S" or letter > "\uffff" else 1
