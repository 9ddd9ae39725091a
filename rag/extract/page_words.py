"""The words of a PDF page that people can see, placed on the displayed page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import PlacedWord, clamped_box, contains_center
from rag.extract.ocr import TextRecognizer, is_garbled
from rag.extract.page_picture import PagePicture
from rag.extract.shown_words import median_level, shown_words
from rag.extract.text_layer import UNMAPPED, LayerWord
from rag.extract.visibility import DrawingOrder, split_seen, split_uncovered
from rag.extract.watermarks import split_watermarks, watermark_blocks
from rag.model.extraction import WHOLE_PAGE, Block, Box, Note, Word
from rag.text import normalize_unicode

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_WORD_CHARS = 200
CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 0xAD, 0x200B, 0xFEFF, 0xFFFD))
"""Control characters, soft hyphens, zero-width marks, and the replacement character for unmapped glyphs."""

_SOFT_HYPHEN = "\u00ad"

_MIN_UNREADABLE = 3
"""Glyphs of a word from which unknown letters in it are recognized; shorter words are often symbols and bullets."""

_MAX_MISPLACED = 0.1
_MAX_SHADE = 40
"""Gray levels between the paper and a place that is not blank."""

_SHADOW = 0.15
"""Distance of a text's shadow, as a multiple of the font size."""

_MARGIN = 0.003
"""Added around unreadable words for OCR, as a fraction of the page."""

_HIDDEN_TEXT = Note(
    "Some text on this page can't be seen (covered, cut off, or in the color of its background): left out."
)
_UNREADABLE = Note(
    "Some words on this page can't be read: their font doesn't say which letters they are. Turn on `read.ocr`.",
    lost=True,
)


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words of a page. `watermarks` are blocks of their own. `notes` say what was left out."""

    words: list[PlacedWord]
    watermarks: list[Block]
    notes: tuple[Note, ...] = ()


class Frame:
    """Converts rectangles of the page without its rotation, in points, to fractions of the displayed page."""

    def __init__(self, pymupdf: Any, page: Any) -> None:
        self._rect = pymupdf.Rect
        self._rotation = page.rotation_matrix if page.rotation else None
        self._width, self._height = page.rect.width, page.rect.height

    def displayed(self, rect: Sequence[float]) -> Box:
        """Return the rectangle on the displayed page; parts of it may be outside."""
        x0, y0, x1, y1 = self._rect(rect) * self._rotation if self._rotation is not None else rect
        return Box(x0 / self._width, y0 / self._height, x1 / self._width, y1 / self._height)

    def is_on_page(self, word: LayerWord) -> bool:
        return contains_center(WHOLE_PAGE, self.displayed(word.box))

    def place(self, words: Sequence[LayerWord]) -> list[PlacedWord]:
        """Return the words that are on the page, in normal form and without characters that are not displayed."""
        placed = []
        for word in words:
            clean = displayed_text(word.text)
            box = self.displayed(word.box)
            if clean and contains_center(WHOLE_PAGE, box):
                placed.append(PlacedWord(Word(clean, clamped_box(*box)), word.run, word.block))
        return placed


def displayed_text(word: str) -> str:
    """Return a word in normal form and without characters that are not displayed."""
    if not (word.isascii() and word.isprintable()):
        if word.endswith(_SOFT_HYPHEN):  # displayed at the end of a line only
            word = f"{word[:-1]}-"
        word = normalize_unicode("NFC", word.translate(CONTROLS).strip()[:_MAX_WORD_CHARS])
    return word.strip()[:_MAX_WORD_CHARS]


def seen_page_words(
    layer: Sequence[LayerWord],
    frame: Frame,
    picture: PagePicture,
    order: DrawingOrder,
    pictures: Sequence[Box],
    ocr: TextRecognizer | None,
) -> PageWords:
    """Return the words of the text layer that are seen on the page. `pictures` are embedded pictures.

    Hidden words are kept if the page's picture shows them. Words whose letters are unknown are recognized.
    """
    seen, hidden = split_seen(layer, picture, order)
    text, marks = split_watermarks(_without_shadows(seen))
    readable, unreadable = _split_unreadable(text)
    words = frame.place(readable)
    notes = []
    if hidden:
        invisible = frame.place([word for word in hidden if not word.is_painted])
        covered = frame.place([word for word in hidden if word.is_painted])
        shown = shown_words(invisible, covered, [*words, *frame.place(marks)], picture.image, pictures, ocr)
        left_out = _left_out(invisible, covered, shown, picture.image)
        left_out += [word.text for word in hidden if not frame.is_on_page(word)]
        if _is_text(left_out, words):
            notes.append(_HIDDEN_TEXT)
        words += shown
    if unreadable:
        recognized = _recognize(unreadable, frame, picture.image, ocr) if ocr is not None else {}
        words += [placed for run in recognized.values() for placed in run]
        left = [word for word in unreadable if word.run not in recognized]
        words += frame.place(left)
        if left:
            notes.append(_UNREADABLE)
    return PageWords(words, watermark_blocks(frame.place(marks)), tuple(notes))


def _without_shadows(words: Sequence[LayerWord]) -> list[LayerWord]:
    """Return the words without those that are printed twice at almost the same place, for a shadow or as bold."""
    taken: set[tuple[str, int, int]] = set()
    kept = []
    for word in words:
        x, y, _, _ = word.box
        step = _SHADOW * max(word.glyphs[0].size, 0.1)
        column, row = int(x / step), int(y / step)
        near = [(word.text, column + right, row + down) for right in (-1, 0, 1) for down in (-1, 0, 1)]
        if not taken.intersection(near):
            kept.append(word)
            taken.add((word.text, column, row))
    return kept


def uncovered_page_words(layer: Sequence[LayerWord], frame: Frame, order: DrawingOrder) -> PageWords:
    """Return the words of the text layer of a page that can't be drawn, without those that something may cover."""
    seen, hidden = split_uncovered(layer, order)
    words = frame.place(seen)
    is_left_out = _is_text({word.text for word in hidden}, words)
    return PageWords(words, [], (_HIDDEN_TEXT,) if is_left_out else ())


def is_layer_garbled(layer: Sequence[LayerWord]) -> bool:
    """Return whether the words of the layer are not those that are displayed."""
    return is_garbled([word.text for word in layer])


def _left_out(
    invisible: Sequence[PlacedWord], covered: Sequence[PlacedWord], shown: Sequence[PlacedWord], image: Image
) -> list[str]:
    """Return the texts of the hidden words that are not shown.

    A scan's text layer has words for specks and words at wrong places. If most of it is shown, only those count whose
    place is not blank paper.
    """
    kept = {id(placed) for placed in shown}
    missing = [placed for placed in invisible if id(placed) not in kept]
    if len(missing) < _MAX_MISPLACED * len(invisible):
        gray = image.convert("L")
        paper = median_level(gray, WHOLE_PAGE)
        missing = [word for word in missing if abs(median_level(gray, word.word.box) - paper) > _MAX_SHADE]
    return [placed.word.text for placed in (*missing, *covered) if id(placed) not in kept]


def _is_text(left_out: Iterable[str], words: Sequence[PlacedWord]) -> bool:
    """Return whether texts that are left out have letters, and are not also seen elsewhere, as those of a shadow."""
    seen = {placed.word.text for placed in words}
    return any(sign.isalnum() for text in left_out if text not in seen for sign in text)


def _split_unreadable(words: Sequence[LayerWord]) -> tuple[list[LayerWord], list[LayerWord]]:
    """Return the words of which all letters are known, and those of which some are not."""
    readable: list[LayerWord] = []
    unreadable: list[LayerWord] = []
    for word in words:
        is_unreadable = len(word.glyphs) >= _MIN_UNREADABLE and any(glyph.text == UNMAPPED for glyph in word.glyphs)
        (unreadable if is_unreadable else readable).append(word)
    return readable, unreadable


def _recognize(
    words: Sequence[LayerWord], frame: Frame, image: Image, ocr: TextRecognizer
) -> dict[int, list[PlacedWord]]:
    """Return the words that OCR reads in place of these, by the run that they are part of."""
    boxes: dict[Box, LayerWord] = {}
    for word in words:
        x0, y0, x1, y1 = frame.displayed(word.box)
        boxes[clamped_box(x0 - _MARGIN, y0 - _MARGIN, x1 + _MARGIN, y1 + _MARGIN)] = word
    recognized: dict[int, list[PlacedWord]] = {}
    for line in ocr.recognize_regions(image, list(boxes)).lines:
        for new in line.words:
            replaced = next((boxes[box] for box in boxes if contains_center(box, new.box)), None)
            if replaced is not None:
                placed = PlacedWord(new, replaced.run, replaced.block, ocr=True)
                recognized.setdefault(replaced.run, []).append(placed)
    return recognized
