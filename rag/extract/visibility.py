"""Which words of a text layer are seen on the page: those without which the picture of the page is another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from rag.extract.page_picture import PagePicture
from rag.extract.text_layer import LayerWord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.extract.page_picture import Area, Mask, Rows

MIN_SIZE, MIN_RELATIVE_SIZE = 1.5, 0.0025
"""Text is too small to be seen if its font is smaller than this many points, and than this fraction of the page's long
side: a page may be measured in other units."""

_CORE_TOP, _CORE_BOTTOM = 0.5, 0.02
"""The core of an upright glyph, above its baseline, as multiples of the font size: the height of an x, in which every
letter and digit has ink, and glyphs of other lines have none."""

_CORE_SHRUNK = 0.3
"""Cut off each side of the box of any other glyph to get its core."""

_BANDS = 3
"""Parts of a core from top to bottom. Two must be seen: a covered line is not read by an edge that is left of it."""

_MIN_BANDED_PX, _LAST_BANDED = 6, "\u0530"
"""Cores of fewer pixels are not divided, and not those of later letters (Arabic, Chinese), which may be in one band."""

_MAX_HIDDEN = 1
"""Letters of a word that may be missing in its picture: thin ones can get lost."""

_MIN_SEEN = 0.5
"""Share of a word's letters that must be seen. Less is the edge of a covered word, or ink of its neighbors."""

_MIN_OVERLAP = 0.3
"""A word with more of its core under other words is judged by the order of drawing: what is seen may be theirs."""

_MIN_OPACITY = 0.9
"""An area of less opacity hides nothing below it."""

_COARSEST = 0.05
"""Pixels per point below which nothing can be judged."""

_PAPER = (255, 255, 255)

_MIN_DIFFERENCE = 16
"""Of the 255 levels of a color, between text and what it is on, on a page that can't be drawn."""


class DrawingOrder:
    """The order in which a page is painted. `paintings` are the entries of PyMuPDF's `get_bboxlog`."""

    def __init__(self, page: Any, paintings: Sequence[tuple[Any, ...]]) -> None:
        import numpy as np

        self._page = page
        self._is_area = np.array([kind.startswith("fill") and "text" not in kind for kind, *_ in paintings], dtype=bool)
        self._is_picture = np.array(["image" in kind for kind, *_ in paintings], dtype=bool)
        self._is_text = np.array(["text" in kind for kind, *_ in paintings], dtype=bool)
        self._rects: Rows = np.array([rect for _, rect, *_ in paintings], dtype=float).reshape(-1, 4)

    @property
    def has_areas_over_text(self) -> bool:
        """Whether an area is painted after any text."""
        return bool((~self._is_area).any()) and bool(self._is_area[self._is_area.argmin() :].any())

    @property
    def others(self) -> Rows:
        """The rectangles of everything but text."""
        others: Rows = self._rects[~self._is_text]
        return others

    def covers(self, word: LayerWord) -> bool:
        """Return whether an opaque area is painted over the word."""
        number = self._number(word)
        return number is not None and any(
            self._opacities.get(area, 1.0) >= _MIN_OPACITY for area in self._areas(word) if area > number
        )

    def is_seen(self, word: LayerWord) -> bool:
        """Return whether no area is painted over the word, and those below it have other colors, as far as known."""
        number, areas = self._number(word), self._areas(word)
        if number is None or any(area > number for area in areas):
            return False
        below = self._color(areas)
        return below is None or any(
            max(abs(a - b) for a, b in zip(glyph.color.to_bytes(3), below, strict=True)) >= _MIN_DIFFERENCE
            for glyph in word.glyphs
        )

    def _color(self, areas: Sequence[int]) -> Sequence[float] | None:
        """Return the color, of three parts from 0 to 255, of areas over each other on paper; None if not known."""
        color: Sequence[float] | None = _PAPER
        for area in areas:
            fill, opacity = self._fills.get(area), self._opacities.get(area, 1.0)
            if fill is None or opacity >= 1 or color is None:
                color = fill if opacity >= 1 else None
            else:
                color = [opacity * top + (1 - opacity) * under for top, under in zip(fill, color, strict=True)]
        return color

    def is_over_picture(self, word: LayerWord) -> bool:
        """Return whether a picture is at the word's place, and nothing else over it."""
        areas = self._areas(word)
        return bool(areas) and bool(self._is_picture[areas[-1]])

    def _number(self, word: LayerWord) -> int | None:
        """Return the number of the painting that the word is part of."""
        keys = [_key(glyph.origin) for glyph in word.glyphs]
        # The first: another word over this one can have a glyph at the same place.
        return min((self._numbers[key] for key in keys if key in self._numbers), default=None)

    def _areas(self, word: LayerWord) -> list[int]:
        """Return the numbers of the areas painted around the middle of the word."""
        left, top, right, bottom = _Glyphs([word]).cores[len(word.glyphs) // 2]
        x, y = (left + right) / 2, (top + bottom) / 2
        x0, y0, x1, y1 = self._rects.T
        around = self._is_area & (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)
        return [int(index) for index in around.nonzero()[0]]

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        """The last painting of a glyph at each place where one starts."""
        return {_key(char[2]): span["seqno"] for span in self._page.get_texttrace() for char in span["chars"]}

    @cached_property
    def _fills(self) -> dict[int, Sequence[float]]:
        """The colors of areas; pictures and gradients have none."""
        return {
            path["seqno"]: [255 * part for part in path["fill"]]
            for path in self._page.get_cdrawings()
            if path.get("fill")
        }

    @cached_property
    def _opacities(self) -> dict[int, float]:
        return {
            path["seqno"]: path["fill_opacity"] if path.get("fill_opacity") is not None else 1.0
            for path in self._page.get_cdrawings()
        }


def split_seen(
    words: Sequence[LayerWord], picture: PagePicture, order: DrawingOrder
) -> tuple[list[LayerWord], list[LayerWord]]:
    """Return the words that are seen, each with the letters that are seen, and the words of which none is."""
    import numpy as np

    if picture.checked_scale < _COARSEST:
        return list(words), []
    if not any(word.is_painted for word in words):
        return [], list(words)
    glyphs = _Glyphs(words)
    places = _GlyphPlaces(glyphs, picture)
    ink = InkCounter(picture.text_ink(places.words, order.others))
    visible = _seen_glyphs(glyphs, places, ink) & glyphs.painted
    letters, left = glyphs.count(glyphs.is_letter), glyphs.count(glyphs.is_letter & visible)
    size = glyphs.maximum(np.where(visible, glyphs.sizes, -np.inf))
    long_side = max(picture.image.size) / picture.scale
    is_seen = (size >= min(MIN_SIZE, MIN_RELATIVE_SIZE * long_side)) & (left >= _MIN_SEEN * letters)
    is_whole = letters - left <= _MAX_HIDDEN
    kept = visible | is_whole[glyphs.word_numbers]
    cores = glyphs.unions(glyphs.cores, kept)
    seen = {
        number: word if is_whole[number] else _part(word, kept[glyphs.starts[number] :].tolist())
        for number, word in enumerate(words)
        if is_seen[number]
    }
    unseen = {
        number
        for number, rect in _overlapping(list(seen), picture.pixels(cores[is_seen]), ink.shape)
        if (order.has_areas_over_text and order.covers(seen[number]))
        or picture.has_background(rect, seen[number].glyphs[0].color)
    }
    hidden = [word for number, word in enumerate(words) if number not in seen]
    hidden += [seen[number] for number in sorted(unseen)]
    return [word for number, word in seen.items() if number not in unseen], hidden


def _part(word: LayerWord, are_kept: Sequence[bool]) -> LayerWord:
    """Return the word with only some of its glyphs. `are_kept` may go on after its last one."""
    return replace(word, glyphs=[glyph for glyph, is_kept in zip(word.glyphs, are_kept, strict=False) if is_kept])


def split_uncovered(words: Sequence[LayerWord], order: DrawingOrder) -> tuple[list[LayerWord], list[LayerWord]]:
    """Return the words that are seen by the order of drawing alone, and the others, for a page that can't be drawn.

    What may be hidden counts as hidden: a text below a transparent area, or white text that is not over an area.
    """
    seen: list[LayerWord] = []
    hidden: list[LayerWord] = []
    for word in words:
        has_size = max(glyph.size for glyph in word.glyphs) >= MIN_SIZE
        is_seen = has_size and (order.is_seen(word) if word.is_painted else order.is_over_picture(word))
        (seen if is_seen else hidden).append(word)
    return seen, hidden


class InkCounter:
    """Finds ink in rectangles of a picture. `ink` is that picture, of True and False."""

    def __init__(self, ink: Mask) -> None:
        import cv2

        self.shape = ink.shape
        self._integral = cv2.integral(ink.view("uint8"))

    def has_ink(self, rects: Rows) -> Mask:
        """Return for each rectangle in pixels whether there is ink in it. It is at least one pixel large."""
        found: Mask = _sums(self._integral, _whole_pixels(rects, self.shape)) > 0
        return found


def _sums(integral: NDArray[Any], rects: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums over rectangles in whole pixels, given the sums over all that start at the corner."""
    x0, y0, x1, y1 = rects.T
    found: NDArray[np.int64] = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    return found


def _whole_pixels(rects: Rows, shape: Sequence[int]) -> NDArray[np.int64]:
    import numpy as np

    size = np.array([shape[1], shape[0]])
    start = np.clip(np.floor(rects[:, :2] + 0.25), 0, size - 1)
    end = np.clip(np.ceil(rects[:, 2:] - 0.25), start + 1, size)
    return np.concatenate([start, end], axis=1).astype(np.int64)


class _Glyphs:
    """The glyphs of words, one row for each; boxes and `cores` are in points. `starts`: the first row of each word."""

    def __init__(self, words: Sequence[LayerWord]) -> None:
        import numpy as np

        counts = [len(word.glyphs) for word in words]
        glyphs = [glyph for word in words for glyph in word.glyphs]
        texts = [glyph.text for glyph in glyphs]
        self.starts = np.cumsum([0, *counts[:-1]])
        self.word_numbers = np.repeat(np.arange(len(words)), counts)
        self.is_letter = np.array([text.isalnum() for text in texts], dtype=bool)
        self.painted = np.array([glyph.painted for glyph in glyphs], dtype=bool)
        self.sizes = np.array([glyph.size for glyph in glyphs])
        self.boxes = np.fromiter(chain.from_iterable([glyph.box for glyph in glyphs]), float).reshape(-1, 4)
        is_upright = np.repeat([word.upright for word in words], counts)
        self.may_be_divided = is_upright & np.array([text < _LAST_BANDED for text in texts], dtype=bool)
        baselines = np.array([glyph.origin[1] for glyph in glyphs])
        self.cores = np.where(is_upright[:, None], self._upright_cores(baselines), self._other_cores())

    def _upright_cores(self, baselines: NDArray[np.float64]) -> Rows:
        import numpy as np

        top, bottom = baselines - _CORE_TOP * self.sizes, baselines - _CORE_BOTTOM * self.sizes
        return np.stack([self.boxes[:, 0], top, self.boxes[:, 2], bottom], axis=1)

    def _other_cores(self) -> Rows:
        import numpy as np

        cut = (self.boxes[:, 2:] - self.boxes[:, :2]) * _CORE_SHRUNK
        return np.concatenate([self.boxes[:, :2] + cut, self.boxes[:, 2:] - cut], axis=1)

    def count(self, mask: Mask) -> NDArray[np.int64]:
        """Return for each word how many of its glyphs are in the mask."""
        import numpy as np

        counts: NDArray[np.int64] = np.add.reduceat(mask.astype(np.int64), self.starts)
        return counts

    def maximum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each word the largest value of its glyphs."""
        import numpy as np

        largest: NDArray[np.float64] = np.maximum.reduceat(values, self.starts)
        return largest

    def unions(self, rects: Rows, kept: Mask | None = None) -> Rows:
        """Return for each word the rectangle around those of its glyphs that are kept."""
        import numpy as np

        start, end = rects[:, :2], rects[:, 2:]
        if kept is not None:
            start, end = np.where(kept[:, None], start, np.inf), np.where(kept[:, None], end, -np.inf)
        low, high = np.minimum.reduceat(start, self.starts), np.maximum.reduceat(end, self.starts)
        return np.concatenate([low, high], axis=1)


class _GlyphPlaces:
    """The places of glyphs, one row for each: `boxes`, and `bands` of their cores from top to bottom, in pixels.

    `heights` are those of the cores; `without_width` are the numbers of the glyphs without width; `words` are
    rectangles around all of one word.
    """

    def __init__(self, glyphs: _Glyphs, picture: PagePicture) -> None:
        import numpy as np

        boxes, cores = glyphs.boxes, glyphs.cores
        edges = np.linspace(cores[:, 1], cores[:, 3], _BANDS + 1)
        self.heights = (cores[:, 3] - cores[:, 1]) * picture.checked_scale
        self.without_width = (boxes[:, 2] <= boxes[:, 0]).nonzero()[0]
        self.boxes = picture.pixels(boxes)
        self.bands = [
            picture.pixels(np.stack([cores[:, 0], top, cores[:, 2], bottom], axis=1)) for top, bottom in pairwise(edges)
        ]
        parts = np.stack([self.boxes, *self.bands])
        self.words = glyphs.unions(np.concatenate([parts[..., :2].min(axis=0), parts[..., 2:].max(axis=0)], axis=1))


def _seen_glyphs(glyphs: _Glyphs, places: _GlyphPlaces, ink: InkCounter) -> Mask:
    """Return which glyphs are seen; other marks than letters and digits by any of their ink."""
    import numpy as np

    in_bands = np.sum([ink.has_ink(band) for band in places.bands], axis=0)
    in_box = ink.has_ink(places.boxes)
    middle = (places.boxes[:, :2] + places.boxes[:, 2:]) / 2
    on_page = ((middle >= 0) & (middle <= (ink.shape[1], ink.shape[0]))).all(axis=1)
    enough = np.where(glyphs.may_be_divided & (places.heights >= _MIN_BANDED_PX), 2, 1)
    seen: Mask = on_page & np.where(glyphs.is_letter, in_bands >= enough, in_box)
    for index in places.without_width[places.without_width > 0].tolist():  # the second letter of a ligature
        seen[index] = seen[index - 1]
    return seen


def _overlapping(numbers: Sequence[int], cores: Rows, shape: Sequence[int]) -> list[tuple[int, Area]]:
    """Return the numbers of the words that share a part of their cores with other words, and their cores in pixels.

    `cores` are in pixels too, one row for each number.
    """
    import cv2
    import numpy as np

    rects = _whole_pixels(cores, shape)
    counts = np.zeros(shape, dtype=np.uint8)
    is_shared = False
    for x0, y0, x1, y1 in rects.tolist():
        part = counts[y0:y1, x0:x1]
        if part.any():
            part += part < 2  # two words are enough, and a third must not overflow
            is_shared = True
        else:
            part[...] = 1
    if not is_shared:
        return []
    sums = _sums(cv2.integral((counts > 1).view(np.uint8)), rects)
    sizes = (rects[:, 2:] - rects[:, :2]).prod(axis=1)
    shared = (sums > _MIN_OVERLAP * sizes).nonzero()[0]
    return [(numbers[index], tuple(rects[index].tolist())) for index in shared]


def _key(origin: Sequence[float]) -> tuple[int, int]:
    return round(origin[0] * 4), round(origin[1] * 4)
