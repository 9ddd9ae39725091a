"""OCR of a page or of its figures: which parts to send to the Ocr port, and which recognized lines are new."""

from __future__ import annotations

import importlib
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.extract.geometry import bounding_box, clamped_box, contains_center, turned_line
from rag.extract.render import pixel_box
from rag.model.extraction import Block, BlockKind, Box, Line, Note, Recognition, Word
from rag.text import normalize_unicode

if TYPE_CHECKING:
    from PIL.Image import Image

    from rag.ports import Ocr

OCR_LONG_SIDE = 1600
"""Long side of a page's picture that is sent to OCR, in pixels, unless the page is large."""

MAX_OCR_PIXELS = 34_000_000
"""Larger pictures are scaled down before OCR: an 8K screen has 33 million pixels, and takes about half a minute."""

_REDUCED = Note("The picture is so large that its smallest letters may be missing: share it in parts.", lost=True)

MIN_PAGE_CHARS = 20
"""A text layer with fewer characters does not count (a page number, a watermark)."""

_MIN_SCAN_WORDS = 30
"""Minimum number of words in the text layer of a page that is filled by one picture."""

_MIN_FIGURE_WORDS = 3
_MIN_FIGURE_AREA = 0.02
"""Figures with fewer words in the text layer are sent to OCR if they together cover more than this area of the page."""

_MAX_UNMAPPED = 0.3
_UNMAPPED_CATEGORIES = ("Co", "Cn", "Cc")
_LEADERS = re.compile(r"(.)\1{3,}")
"""Dot leaders of a table of contents, which are often set in special fonts."""

_VOWELS = frozenset("aeiouy")
_MIN_WORD_LENGTH, _MIN_LETTERS, _MIN_VOWELS = 3, 100, 0.22
"""The test for vowels skips shorter words and texts with fewer letters. In languages in Latin script, 35 to 50 % of
the letters are vowels; in an English text whose letters are shifted by three, 15 %."""

_MAX_COVERED = 0.4
"""A recognized line with more of its area under words of the text layer repeats them."""


class TextRecognizer:
    """Recognizes text with an Ocr built from `factory`, a path like `package.module:function`.

    `scratch` is an existing folder for temporary pictures.
    """

    def __init__(self, factory: str, threads: int, scratch: Path) -> None:
        self._factory = factory
        self._threads = threads
        self._picture = scratch / "ocr.bmp"
        self._ocr: Ocr | None = None

    def open(self) -> None:
        """Import and build the Ocr now instead of on first use. Errors of the import or of the factory are raised."""
        if self._ocr is None:
            module, _, name = self._factory.partition(":")
            build: Callable[[int], Ocr] = getattr(importlib.import_module(module), name)
            self._ocr = build(self._threads)

    def recognize(self, image: Image) -> Recognition:
        """Return the lines of a picture; boxes are fractions of the picture turned upright."""
        self.open()
        assert self._ocr is not None
        scale = math.sqrt(MAX_OCR_PIXELS / (image.width * image.height))
        if scale < 1:
            image = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
        # BMP is fast to write and read, and has no JPEG artifacts around small letters.
        image.save(self._picture, "BMP")
        try:
            found = self._ocr.recognize(self._picture)
        finally:
            self._picture.unlink()
        return found if scale >= 1 else replace(found, notes=(*found.notes, _REDUCED))

    def recognize_regions(self, image: Image, boxes: Sequence[Box]) -> Recognition:
        """Return the lines inside these boxes with one OCR call; the rest is cut off or painted white.

        Boxes are fractions of the picture as it is; turned lines say so.
        """
        from PIL import Image as pillow

        left, top, right, bottom = pixel_box(bounding_box(boxes), image.size)
        canvas = pillow.new("RGB", (right - left, bottom - top), "white")
        for box in boxes:
            part = pixel_box(box, image.size)
            canvas.paste(image.crop(part), (part[0] - left, part[1] - top))
        width, height = image.size
        frame = Box(left / width, top / height, right / width, bottom / height)
        found = self.recognize(canvas)
        lines = tuple(_line_on_page(turned_line(line, -found.turn), frame) for line in found.lines)
        return Recognition(lines, 0, found.notes)


def _line_on_page(line: Line, frame: Box) -> Line:
    """Convert a line's boxes from fractions of the frame, a part of the page, to fractions of the page."""

    def on_page(box: Box) -> Box:
        width, height = frame.x1 - frame.x0, frame.y1 - frame.y0
        return clamped_box(
            frame.x0 + box.x0 * width, frame.y0 + box.y0 * height, frame.x0 + box.x1 * width, frame.y0 + box.y1 * height
        )

    words = tuple(Word(word.text, on_page(word.box)) for word in line.words)
    return replace(line, words=words, box=on_page(line.box))


def needs_page_ocr(characters: int, words: int, *, background: bool) -> bool:
    """Return whether the text layer has so little text that the whole page needs OCR.

    `background`: one picture fills the page, as in a scan.
    """
    return characters < MIN_PAGE_CHARS or (background and words < _MIN_SCAN_WORDS)


def is_garbled(words: Sequence[str]) -> bool:
    """Return whether a text layer differs from the displayed text, because its fonts map glyphs to wrong characters.

    Unmapped glyphs appear as private-use and replacement characters. Wrong mappings (a shifted alphabet) are detected
    by a low share of vowels.
    """
    letters = "".join(_LEADERS.sub("", word) for word in words)
    if sum(letter == "\ufffd" or unicodedata.category(letter) in _UNMAPPED_CATEGORIES for letter in letters) > (
        _MAX_UNMAPPED * len(letters)
    ):
        return True
    candidates = [_base_letters(word) for word in words if len(word) >= _MIN_WORD_LENGTH and not word.isupper()]
    latin = "".join(word for word in candidates if word.isascii() and word.isalpha())
    return len(latin) >= _MIN_LETTERS and sum(letter in _VOWELS for letter in latin) < _MIN_VOWELS * len(latin)


def _base_letters(word: str) -> str:
    """Return the word in lower case without accents."""
    return "".join(mark for mark in normalize_unicode("NFD", word.lower()) if not unicodedata.combining(mark))


def figures_for_ocr(blocks: Sequence[Block], words: Sequence[Box]) -> list[Box]:
    """Return the boxes of figures with too few words in the text layer, smallest first; [] if they are too small.

    A word belongs to the smallest figure around it.
    """
    boxes = sorted((block.box for block in blocks if block.kind is BlockKind.FIGURE), key=lambda box: box.area)
    counts = dict.fromkeys(boxes, 0)
    for word in words:
        figure = next((box for box in boxes if contains_center(box, word)), None)
        if figure is not None:
            counts[figure] += 1
    candidates = [box for box in boxes if counts[box] < _MIN_FIGURE_WORDS]
    return candidates if sum(box.area for box in candidates) > _MIN_FIGURE_AREA else []


def lines_outside_words(lines: Sequence[Line], words: Sequence[Box]) -> list[Line]:
    """Return the recognized lines that do not repeat words of the text layer."""
    return [
        line
        for line in lines
        if sum(line.box.intersection(word) for word in words) <= _MAX_COVERED * max(line.box.area, 0)
    ]
