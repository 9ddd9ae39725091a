"""Plain text: decoding bytes, and splitting text into pages of fixed size."""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from rag.errors import Unreadable
from rag.text import normalize_unicode

COLUMNS = 98
LINES = 64
"""Columns and lines of a page. Longer lines are wrapped; a form feed starts a new page."""

CSS = "pre { font-family: monospace; font-size: 8.5pt; line-height: 1.3; margin: 0; white-space: pre-wrap; }"

_TAB = 4
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks. Those of UTF-32 come first because they begin with those of UTF-16."""

_CHARS_PER_ERROR = 20
"""Text is still UTF-8 with one broken character per this many valid non-ASCII ones (a truncated log, a bad disk)."""

_CONTROLS = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.005
_MAX_ACCENT_SHARE = 0.3
_MIN_LETTERS = 40
"""A text with at least this many letters and a larger share of accented ones is not cp1252."""

_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
"""Escape sequences for colors and window titles, which programs write to their logs."""

_LINE_BREAK = re.compile(r"\r\n|[\r\v\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
"""Control characters except tab, line feed and form feed; \\v and \\r are line breaks."""


def decode_text(data: bytes, *, whole: bool = True) -> str | None:
    """Return the bytes as text, or None if they are not text. Raise Unreadable if the encoding is unknown.

    `whole`: the bytes are the whole file, not only its beginning.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _if_text(data[len(mark) :].decode(name, "replace"))
    if b"\0" in data:
        return None
    try:
        return _if_text(codecs.getincrementaldecoder("utf-8")().decode(data, final=whole))
    except UnicodeDecodeError:
        repaired = data.decode("utf-8", "replace")
    errors = repaired.count("\ufffd")
    if errors * _CHARS_PER_ERROR <= sum(not letter.isascii() for letter in repaired) - errors:
        return _if_text(repaired)
    try:
        text = _if_text(data.decode("cp1252"))
    except UnicodeDecodeError:
        return None
    if text is not None:
        letters = sum(letter.isalpha() for letter in text)
        accents = sum(letter.isalpha() and not letter.isascii() for letter in text)
        if letters >= _MIN_LETTERS and accents > _MAX_ACCENT_SHARE * letters:
            raise Unreadable("The text has an encoding that Magpie doesn't know.", "Save it as UTF-8.")
    return text


def _if_text(text: str) -> str | None:
    return None if len(_CONTROLS.findall(text)) > _MAX_CONTROL_SHARE * len(text) else text


def normalize_text(text: str) -> str:
    """Return the text in NFC, with `\\n` as the only line break, without control characters and escape sequences."""
    text = _LINE_BREAK.sub("\n", _TERMINAL_SEQUENCE.sub("", text))
    return normalize_unicode("NFC", _INVISIBLE.sub("", text))


def html_pages(text: str) -> Iterator[str]:
    """Yield the HTML of each page of a text."""
    last = text.find("\f", len(text.rstrip()))  # a form feed at the end does not start a page
    for sheet in (text if last < 0 else text[:last]).split("\f"):
        lines = [piece for line in sheet.split("\n") for piece in wrap_line(line.expandtabs(_TAB).rstrip(), COLUMNS)]
        for first in range(0, max(len(lines), 1), LINES):
            # HTML ignores a line feed directly after <pre>.
            yield "<pre>\n" + html.escape("\n".join(lines[first : first + LINES]), quote=False) + "</pre>"


def wrap_line(line: str, columns: int) -> list[str]:
    """Split a line into pieces of at most `columns` columns, between words, or in long words after a sign."""
    if len(line) * 2 <= columns or (len(line) <= columns and line.isascii()):
        return [line]
    pieces: list[str] = []
    piece, used = "", 0
    for part in re.findall(r"\s+|\S+", line):
        size = _width(part)
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
        used = _width(piece)
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


def _width(text: str) -> int:
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
