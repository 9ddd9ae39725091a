"""Words of a page from its line boxes: a box is split into words, and parts of one word are joined again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from rag.ingest.fetch.screenshot_pdf import ScreenWord

_MAX_WORD_CHARS = 200
_TOUCHING = 1.5
"""Maximum distance, in pixels, of two parts of one word."""

_WORD = re.compile(r"\S+")
_NARROW = frozenset("iljtfr.,:;'|!()[]{}I`\u00b7")
_RTL = ("R", "AL")
_SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
"""Letters of scripts without spaces between words, and their punctuation."""

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line box is in the document: its region, its text node, and the position of its first letter there.

    `is_marker`: it is the number or sign of a list item, never a part of the word after it.
    """

    region: int
    node: int
    start: int
    is_marker: bool = False


@dataclass(slots=True)
class Piece:
    """A word, or a part of one; `start` and `end` are its place in the text of its node.

    `is_open`: it ends with its line box, so the word may go on in the next one.
    """

    text: str
    box: Rectangle
    region: int
    node: int
    start: int
    end: int
    is_open: bool
    is_vertical: bool


def split_line(text: str, box: Rectangle, place: Place) -> Iterator[Piece]:
    """Yield the words of a line box. Their boxes are estimated from the usual widths of their letters."""
    x0, y0, x1, y1 = box
    if x1 <= x0 or y1 <= y0:
        return
    is_vertical = len(text.strip()) > 1 and y1 - y0 > 2 * (x1 - x0)
    is_rtl = not is_vertical and _is_right_to_left(text)
    steps = [0.0]
    for letter in text:
        steps.append(steps[-1] + _advance(letter))
    total = steps[-1] or 1.0
    for match in _WORD.finditer(text):
        first, last = steps[match.start()] / total, steps[match.end()] / total
        if is_rtl:
            first, last = 1 - last, 1 - first
        part = _part(box, first, last, is_vertical=is_vertical)
        is_open = match.end() == len(text) and not place.is_marker
        start, end = place.start + match.start(), place.start + match.end()
        yield Piece(match[0], part, place.region, place.node, start, end, is_open, is_vertical)


def join_pieces(pieces: Iterable[Piece]) -> Iterator[ScreenWord]:
    """Yield the words that the pieces form. A word that is broken over lines is at its first part."""
    last: Piece | None = None
    for piece in pieces:
        if last is not None and _continues(last, piece):
            last.text += piece.text
            if _are_in_one_line(last, piece):
                (x0, y0, x1, y1), other = last.box, piece.box
                last.box = min(x0, other[0]), min(y0, other[1]), max(x1, other[2]), max(y1, other[3])
            last.node, last.start, last.end, last.is_open = piece.node, piece.start, piece.end, piece.is_open
            continue
        if last is not None:
            yield from _words(last)
        last = piece
    if last is not None:
        yield from _words(last)


def usual_width(text: str) -> float:
    """Return the usual width of a text, as a multiple of its font size."""
    return sum(map(_advance, text))


def _words(piece: Piece) -> Iterator[ScreenWord]:
    """Yield a word; in parts if it is a long line of a script without spaces, or no word at all."""
    text = piece.text.replace("\u00ad", "")
    for start in range(0, len(text), _MAX_WORD_CHARS):
        part = text[start : start + _MAX_WORD_CHARS]
        first, last = start / len(text), (start + len(part)) / len(text)
        yield ScreenWord(part, *_part(piece.box, first, last, is_vertical=piece.is_vertical), piece.region)


def _part(box: Rectangle, first: float, last: float, *, is_vertical: bool) -> Rectangle:
    """Return the part of a box between two fractions of its length."""
    x0, y0, x1, y1 = box
    if is_vertical:
        return x0, y0 + first * (y1 - y0), x1, y0 + last * (y1 - y0)
    return x0 + first * (x1 - x0), y0, x0 + last * (x1 - x0), y1


def _continues(last: Piece, piece: Piece) -> bool:
    """Return whether a piece is the rest of the last one: no white space is between them."""
    is_short = len(last.text) + len(piece.text) <= _MAX_WORD_CHARS
    if not last.is_open or last.region != piece.region or last.is_vertical or piece.is_vertical or not is_short:
        return False
    if _are_in_one_line(last, piece):
        return min(abs(piece.box[0] - last.box[2]), abs(last.box[0] - piece.box[2])) <= _TOUCHING
    # A long word goes on in the next line; a sentence without spaces stays as many lines as it has.
    is_next = last.node == piece.node and piece.start == last.end
    return is_next and _SPACELESS.search(last.text[-1] + piece.text[0]) is None


def _are_in_one_line(a: Piece, b: Piece) -> bool:
    shared = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    return shared >= 0.5 * min(a.box[3] - a.box[1], b.box[3] - b.box[1])


def _is_right_to_left(text: str) -> bool:
    strong = [unicodedata.bidirectional(letter) for letter in text]
    return sum(kind in _RTL for kind in strong) > strong.count("L")


@cache
def _advance(letter: str) -> float:
    """Return the usual width of a letter, as a multiple of its font size."""
    if unicodedata.east_asian_width(letter) in ("W", "F"):
        return 1.0
    if unicodedata.combining(letter):
        return 0.0
    if letter.isspace() or letter in _NARROW:
        return 0.29
    if letter in "mwMW@%":
        return 0.85
    return 0.68 if letter.isupper() else 0.54
