"""Recognition of a page, or of its figures alone: what to send to the Ocr port, and whose words those are."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.extract.geometry import around, clamped, holds
from rag.model import Block, BlockKind, Box, Line, Word
from rag.text import normalized

if TYPE_CHECKING:
    from PIL.Image import Image

    from rag.ports import Ocr

LONG_SIDE = 1600
"""Pixels of the long side of what is recognised at most; the adapter may detect on less and read at this."""

FEW_CHARACTERS = 20
"""A text layer with fewer is none (a page number, a watermark)."""

_FEW_WORDS = 30
"""Under a picture that fills the page, a layer with fewer words is not what the page says."""

_FIGURE_WORDS = 3
_FIGURE_AREA = 0.02
"""Figures with fewer words in the layer are recognised when they cover more of the page than this together."""

_UNNAMED = 0.3
_NAMELESS = ("Co", "Cn", "Cc")
_LEADERS = re.compile(r"(.)\1{3,}")
"""Rows of dots in a table of contents, which are set in odd fonts."""

_VOWELS = frozenset("aeiouy")
_SHORT, _ENOUGH, _SPOKEN = 3, 100, 0.22
"""Words of fewer letters say nothing, nor do fewer letters. 35 to 50 % of the letters are vowels in the languages
written in Latin script; an English text has 15 % when its letters are shifted by three."""

_COVERED = 0.4
"""A recognised line with more of its area under words of the layer is one of them."""


class Recogniser:
    """The Ocr behind a dotted path, opened when first needed. `scratch` is an existing folder for its input."""

    def __init__(self, factory: str, threads: int, scratch: Path) -> None:
        self._factory = factory
        self._threads = threads
        self._picture = scratch / "recognise.bmp"
        self._ocr: Ocr | None = None

    def open(self) -> None:
        """Import and build the Ocr now; whatever that raises goes through."""
        if self._ocr is None:
            module, _, name = self._factory.partition(":")
            build: Callable[[int], Ocr] = getattr(importlib.import_module(module), name)
            self._ocr = build(self._threads)

    def whole(self, image: Image) -> list[Line]:
        """The lines of a picture, boxes as fractions of it."""
        self.open()
        assert self._ocr is not None
        if max(image.size) > LONG_SIDE:
            image = image.copy()
            image.thumbnail((LONG_SIDE, LONG_SIDE))
        # Uncompressed: read back at once, and no JPEG blocks around small letters.
        image.save(self._picture, "BMP")
        try:
            return self._ocr.read(self._picture)
        finally:
            self._picture.unlink()

    def parts(self, image: Image, boxes: Sequence[Box]) -> list[Line]:
        """The lines inside these boxes of a picture, in one run: the rest is cut off or painted over."""
        from PIL import Image as pillow

        from rag.extract.render import pixels

        left, top, right, bottom = pixels(around(boxes), image.size)
        canvas = pillow.new("RGB", (right - left, bottom - top), "white")
        for box in boxes:
            spot = pixels(box, image.size)
            canvas.paste(image.crop(spot), (spot[0] - left, spot[1] - top))
        width, height = image.size
        around_all = Box(left / width, top / height, right / width, bottom / height)
        return [_moved(line, around_all) for line in self.whole(canvas)]


def _moved(line: Line, frame: Box) -> Line:
    """The line with boxes as fractions of the page, not of the frame that was cut from it."""

    def out(box: Box) -> Box:
        width, height = frame.x1 - frame.x0, frame.y1 - frame.y0
        return clamped(
            frame.x0 + box.x0 * width, frame.y0 + box.y0 * height, frame.x0 + box.x1 * width, frame.y0 + box.y1 * height
        )

    return Line(tuple(Word(word.text, out(word.box)) for word in line.words), out(line.box), line.ocr)


def wants_whole_page(characters: int, words: int, *, background: bool) -> bool:
    """Whether the text layer says so little that the page itself must be read."""
    return characters < FEW_CHARACTERS or (background and words < _FEW_WORDS)


def is_garbage(words: Sequence[str]) -> bool:
    """Whether a text layer is not what the page shows: its fonts name no letters, or the wrong ones.

    Private-use and replacement characters are what is left of a letter without a name. Wrong letters show in
    their vowels: a shifted alphabet has too few of them.
    """
    letters = "".join(_LEADERS.sub("", word) for word in words)
    if sum(letter == "\ufffd" or unicodedata.category(letter) in _NAMELESS for letter in letters) > (
        _UNNAMED * len(letters)
    ):
        return True
    spoken = [_plain(word) for word in words if len(word) >= _SHORT and not word.isupper()]
    latin = "".join(word for word in spoken if word.isascii() and word.isalpha())
    return len(latin) >= _ENOUGH and sum(letter in _VOWELS for letter in latin) < _SPOKEN * len(latin)


def _plain(word: str) -> str:
    """Small letters without their accents."""
    return "".join(mark for mark in normalized("NFD", word.lower()) if not unicodedata.combining(mark))


def wanted_figures(blocks: Sequence[Block], words: Sequence[Box]) -> list[Box]:
    """The figures to be recognised: those the layer has no words for, when they are worth a run.

    A word is the smallest figure's around it.
    """
    boxes = sorted((block.box for block in blocks if block.kind is BlockKind.FIGURE), key=lambda box: box.area)
    counts = dict.fromkeys(boxes, 0)
    for word in words:
        figure = next((box for box in boxes if holds(box, word)), None)
        if figure is not None:
            counts[figure] += 1
    poor = [box for box in boxes if counts[box] < _FIGURE_WORDS]
    return poor if sum(box.area for box in poor) > _FIGURE_AREA else []


def uncovered(lines: Sequence[Line], words: Sequence[Box]) -> list[Line]:
    """The recognised lines that the text layer does not have already."""
    return [
        line for line in lines if sum(line.box.intersection(word) for word in words) <= _COVERED * max(line.box.area, 0)
    ]
