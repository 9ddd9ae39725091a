"""Plain text: which bytes are text, and text laid out on pages as a printer of lines would."""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from rag.errors import Unreadable
from rag.text import normalized

COLUMNS = 98
LINES = 64
"""Of a page; a longer line is wrapped, and a form feed begins a new page."""

CSS = "pre { font-family: monospace; font-size: 8.5pt; line-height: 1.3; margin: 0; white-space: pre-wrap; }"

_TAB = 4
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; UTF-32's begins with UTF-16's."""

_TORN = 20
"""UTF-8 with one broken character among this many whole ones is UTF-8 all the same: a log cut in two, a bad disk."""

_CONTROLS = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_FEW_CONTROLS = 0.005
_FOREIGN = 0.3
_LETTERS = 40
"""From so many letters on, a text of one byte a letter with more than this share of accents is no cp1252."""

_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
"""Colours and window titles, as programs write them into their logs."""

_BREAKS = re.compile(r"\r\n|[\r\v\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
"""Controls but tab, line feed and form feed; \\v and \\r are breaks."""


def decoded(data: bytes, *, whole: bool = True) -> str | None:
    """The text in these bytes, or None where they are none. `whole`: they are all of the file, not its beginning.

    Raise Unreadable for text in an encoding that only its writer knows.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _if_text(data[len(mark) :].decode(name, "replace"))
    if b"\0" in data:
        return None
    try:
        return _if_text(codecs.getincrementaldecoder("utf-8")().decode(data, final=whole))
    except UnicodeDecodeError:
        torn = data.decode("utf-8", "replace")
    broken = torn.count("\ufffd")
    if broken * _TORN <= sum(not letter.isascii() for letter in torn) - broken:
        return _if_text(torn)
    try:
        text = _if_text(data.decode("cp1252"))
    except UnicodeDecodeError:
        return None
    if text is not None:
        letters = sum(letter.isalpha() for letter in text)
        accents = sum(letter.isalpha() and not letter.isascii() for letter in text)
        if letters >= _LETTERS and accents > _FOREIGN * letters:
            raise Unreadable("The text is in an encoding that Magpie does not know.", "Save it as UTF-8.")
    return text


def _if_text(text: str) -> str | None:
    return None if len(_CONTROLS.findall(text)) > _FEW_CONTROLS * len(text) else text


def clean(text: str) -> str:
    """The text with line feeds alone between its lines, without what a terminal would act upon, letters composed."""
    text = _BREAKS.sub("\n", _TERMINAL.sub("", text))
    return normalized("NFC", _INVISIBLE.sub("", text))


def pages_of(text: str) -> Iterator[str]:
    """The HTML of each page of a text."""
    last = text.find("\f", len(text.rstrip()))  # a form feed with nothing but space behind it begins no page
    for sheet in (text if last < 0 else text[:last]).split("\f"):
        lines = [piece for line in sheet.split("\n") for piece in wrapped(line.expandtabs(_TAB).rstrip(), COLUMNS)]
        for first in range(0, max(len(lines), 1), LINES):
            # The first line feed after <pre> belongs to the tag.
            yield "<pre>\n" + html.escape("\n".join(lines[first : first + LINES]), quote=False) + "</pre>"


def wrapped(line: str, columns: int) -> list[str]:
    """The line in pieces of at most so many columns, cut between words; a word too long, behind a sign in it."""
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
        if part.isspace():  # the break stands for it
            continue
        start = 0
        while (end := _end(part, start, columns)) < len(part):
            pieces.append(part[start:end])
            start = end
        piece = part[start:]
        used = _width(piece)
    return [*pieces, piece] if piece.strip() or not pieces else pieces


def _end(word: str, start: int, columns: int) -> int:
    """Where the line ends that begins in the middle of a word, at least one character further on."""
    used, good = 0, start
    for at in range(start, len(word)):
        used += _columns(word[at])
        if used > columns:
            return max(good if good - start > (at - start) // 2 else at, start + 1)
        if unicodedata.category(word[at])[0] in "PS":
            good = at + 1
    return len(word)


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns, text))


@cache
def _columns(letter: str) -> int:
    """Columns that a character takes at most in the fonts there are; those without the letter borrow from others."""
    kind = unicodedata.category(letter)
    if letter.isascii() or "\u2500" <= letter <= "\u257f":
        return 1
    if kind in ("Mn", "Me", "Cf"):
        return 0
    wide = unicodedata.east_asian_width(letter) in "WF"
    if kind == "So" and (wide or letter > "\uffff"):  # emoji: 2.1 in NotoEmoji, and a line may break between any two
        return 3
    return 2 if wide or kind[0] == "S" or letter > "\uffff" else 1
