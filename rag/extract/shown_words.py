"""Which hidden words of a text layer are shown by a picture, as in a scan with invisible text over it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.extract.geometry import PlacedWord, bounding_box, clamped_box, contains_center
from rag.extract.ocr import TextRecognizer
from rag.extract.render import pixel_box
from rag.model.extraction import Box, Line
from rag.text import tokens

if TYPE_CHECKING:
    from PIL.Image import Image

_MIN_CONTRAST = 40
"""Gray levels between the ink of a word and its background."""

_SAMPLE = 24
"""Words that are recognized to find out whether a picture shows its text layer; about three lines."""

_MIN_LENGTH = 4
"""Shorter words are not compared: they occur in every text."""

_MIN_SIMILARITY, _MIN_SHOWN = 0.7, 0.4
"""A word counts as recognized if a recognized one is this similar. If this share of the sample is, all words are shown:
text layers of scans have many errors."""

_MARGIN = 0.01
"""Added around the sample for OCR, as a fraction of the page."""

_MAX_TAKEN = 0.5
"""A hidden word with more of its box under words that are seen has no ink of its own."""


def shown_words(
    invisible: Sequence[PlacedWord],
    covered: Sequence[PlacedWord],
    seen: Sequence[PlacedWord],
    page: Image,
    pictures: Sequence[Box],
    recognizer: TextRecognizer | None,
) -> list[PlacedWord]:
    """Return the words, `invisible` by intention or `covered` by something, that the page shows at their places.

    There must be ink that does not belong to a `seen` word, and OCR must read some of the words there. Where OCR is off
    or can't read the script, only invisible words over `pictures` (embedded ones) are returned.
    """
    gray = page.convert("L")
    over_ink = [word for word in (*invisible, *covered) if _has_ink(gray, word.word.box)]
    over_ink = _without_words_over(over_ink, seen, page.size)
    sample = _sample(over_ink)
    if recognizer is None or not sample:
        trusted = {id(word) for word in invisible}
        return [
            word
            for word in over_ink
            if id(word) in trusted and any(contains_center(box, word.word.box) for box in pictures)
        ]
    region = bounding_box(word.word.box for word in sample)
    region = clamped_box(region.x0 - _MARGIN, region.y0 - _MARGIN, region.x1 + _MARGIN, region.y1 + _MARGIN)
    lines = recognizer.recognize_regions(page, [region]).lines
    if len(over_ink) <= _SAMPLE:
        return _recognized_runs(over_ink, lines)
    return over_ink if _is_shown(sample, lines) else []


def median_level(gray: Image, box: Box) -> int:
    """Return the median of the levels, 0 to 255, of a part of a gray picture."""
    from PIL import ImageStat

    return int(ImageStat.Stat(gray.crop(pixel_box(box, gray.size))).median[0])


def _sample(words: Sequence[PlacedWord]) -> list[PlacedWord]:
    """Return comparable words that are below each other, from the middle of the page."""
    comparable = sorted(
        (word for word in words if _letters(word)), key=lambda word: word.word.box.y0 + word.word.box.y1
    )
    start = max(0, (len(comparable) - _SAMPLE) // 2)
    return comparable[start : start + _SAMPLE]


def _recognized_runs(words: Sequence[PlacedWord], lines: Sequence[Line]) -> list[PlacedWord]:
    """Return the words of the lines that are shown, and other words if the comparable ones are shown together."""
    runs: dict[int, list[PlacedWord]] = {}
    for word in words:
        runs.setdefault(word.run, []).append(word)
    are_shown = _is_shown([word for word in words if _letters(word)], lines)
    shown: list[PlacedWord] = []
    for run in runs.values():
        comparable = [word for word in run if _letters(word)]
        if _is_shown(comparable, lines) if comparable else are_shown:
            shown += run
    return shown


def _is_shown(words: Sequence[PlacedWord], lines: Sequence[Line]) -> bool:
    recognized = sum(_is_recognized(word, lines) for word in words)
    return recognized > 0 and recognized >= _MIN_SHOWN * len(words)


def _is_recognized(word: PlacedWord, lines: Sequence[Line]) -> bool:
    middle = (word.word.box.y0 + word.word.box.y1) / 2
    beside = [part for line in lines if line.box.y0 <= middle <= line.box.y1 for part in tokens(line.text)]
    letters = _letters(word)
    return letters in "".join(beside) or bool(difflib.get_close_matches(letters, beside, 1, _MIN_SIMILARITY))


def _letters(word: PlacedWord) -> str:
    """Return the word's letters in lower case if they can be compared with what OCR reads; otherwise nothing."""
    letters = "".join(tokens(word.word.text))
    return letters if len(letters) >= _MIN_LENGTH and letters.isascii() else ""


def _has_ink(gray: Image, box: Box) -> bool:
    import numpy as np

    return bool(np.ptp(np.asarray(gray.crop(pixel_box(box, gray.size)))) >= _MIN_CONTRAST)


def _without_words_over(
    words: Sequence[PlacedWord], seen: Sequence[PlacedWord], size: tuple[int, int]
) -> list[PlacedWord]:
    """Return the words that are not over words that are seen, whose ink it is."""
    import numpy as np

    width, height = size
    taken = np.zeros((height, width), dtype=bool)
    for word in seen:
        left, top, right, bottom = pixel_box(word.word.box, size)
        taken[top:bottom, left:right] = True
    free = []
    for word in words:
        left, top, right, bottom = pixel_box(word.word.box, size)
        if taken[top:bottom, left:right].mean() < _MAX_TAKEN:
            free.append(word)
    return free
