"""Which words of a text layer are seen on the page: those without which the picture of the page is another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rag.extract.text_layer import Glyph, LayerWord, Rect, union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Mask = NDArray[np.bool_]
    Rows = NDArray[np.float64]

_MIN_CONTRAST = 16
"""Of the 255 levels of a color. Fainter text, such as white on nearly white, is not seen."""

_MIN_SIZE, _MIN_RELATIVE_SIZE = 1.5, 0.0025
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

_MIN_CHECKED_SCALE, _MAX_CHECKED_PIXELS = 1.0, 12_000_000
"""Pixels per point at which words are judged, if the page has fewer pixels than the limit at this scale."""

_COARSEST = 0.05
"""Pixels per point below which nothing can be judged."""

_PAPER = (255, 255, 255)

_MIN_DIFFERENCE = 16
"""Of the 255 levels of a color, between text and what it is on, on a page that can't be drawn."""

_EVERYWHERE = 1e6


class PagePicture:
    """The picture of a page, `scale` pixels per point large, and where its text changes it."""

    def __init__(self, pymupdf: Any, page: Any, scale: float) -> None:
        self._pymupdf = pymupdf
        self._displayed = page.get_displaylist()
        self._rotation = page.rotation_matrix
        self.scale = scale
        self.image = self._draw(scale)
        pixels_per_point = (_MAX_CHECKED_PIXELS / max(page.rect.width * page.rect.height, 1)) ** 0.5
        self.with_text = self.without_text = self.image
        self.checked_scale = max(scale, min(_MIN_CHECKED_SCALE, pixels_per_point))

    def _draw(self, scale: float) -> Image:
        matrix = self._pymupdf.Matrix(scale, scale)
        return _image(self._displayed.get_pixmap(matrix=matrix, alpha=False))

    def _draw_without_text(self, scale: float) -> Image:
        mupdf = self._pymupdf.mupdf
        everywhere = mupdf.fz_rect()
        everywhere.x0 = everywhere.y0 = -_EVERYWHERE
        everywhere.x1 = everywhere.y1 = _EVERYWHERE
        culled = mupdf.fz_new_pixmap_from_display_list_culling_text2(
            self._displayed.this,
            mupdf.FzMatrix(scale, 0, 0, scale, 0, 0),
            mupdf.FzColorspace(mupdf.FzColorspace.Fixed_RGB),
            0,
            mupdf.vector_fz_rect([everywhere]),
        )
        return _image(self._pymupdf.Pixmap("raw", culled))

    def text_ink(self) -> Mask:
        """Return the pixels, at the checked scale, that are different without the page's text."""
        import numpy as np
        from PIL import ImageChops

        if self.checked_scale != self.scale:
            self.with_text = self._draw(self.checked_scale)
        self.without_text = self._draw_without_text(self.checked_scale).crop((0, 0, *self.with_text.size))
        red, green, blue = ImageChops.difference(self.with_text, self.without_text).split()
        strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        return np.asarray(strongest) >= _MIN_CONTRAST

    def has_background(self, rect: tuple[int, int, int, int], color: int) -> bool:
        """Return whether text of this color could not be seen in a rectangle. Call `text_ink` before."""
        from PIL import ImageStat

        background, seen = (ImageStat.Stat(image.crop(rect)).median for image in (self.without_text, self.with_text))
        colors = zip(background, seen, color.to_bytes(3, "big"), strict=True)
        return all(max(of_one) - min(of_one) < _MIN_CONTRAST for of_one in colors)

    def pixels(self, rects: Rows) -> Rows:
        """Return rectangles of the page without its rotation, one a row, in pixels at the checked scale."""
        import numpy as np

        corners = rects.reshape(-1, 2, 2)
        a, b, c, d, e, f = self._rotation
        x, y = corners[..., 0], corners[..., 1]
        moved = np.stack([a * x + c * y + e, b * x + d * y + f], axis=-1) * self.checked_scale
        return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


class DrawingOrder:
    """The order in which a page is painted. `paintings` are the entries of PyMuPDF's `get_bboxlog`."""

    def __init__(self, page: Any, paintings: Sequence[tuple[Any, ...]]) -> None:
        import numpy as np

        self._page = page
        self._is_area = np.array([kind.startswith("fill") and "text" not in kind for kind, *_ in paintings], dtype=bool)
        self._is_picture = np.array(["image" in kind for kind, *_ in paintings], dtype=bool)
        self._rects: Rows = np.array([rect for _, rect, *_ in paintings], dtype=float).reshape(-1, 4)

    @property
    def has_areas_over_text(self) -> bool:
        """Whether an area is painted after any text."""
        return bool((~self._is_area).any()) and bool(self._is_area[self._is_area.argmin() :].any())

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
        glyph = word.glyphs[len(word.glyphs) // 2]
        left, top, right, bottom = _core(glyph, word.upright)
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
            for path in self._page.get_drawings()
            if path.get("fill")
        }

    @cached_property
    def _opacities(self) -> dict[int, float]:
        return {
            path["seqno"]: path["fill_opacity"] if path.get("fill_opacity") is not None else 1.0
            for path in self._page.get_drawings()
        }


def split_seen(
    words: Sequence[LayerWord], picture: PagePicture, order: DrawingOrder
) -> tuple[list[LayerWord], list[LayerWord]]:
    """Return the words that are seen, each with the letters that are seen, and the words of which none is."""
    if picture.checked_scale < _COARSEST:
        return list(words), []
    if not any(word.is_painted for word in words):
        return [], list(words)
    ink = _InkCounter(picture.text_ink())
    long_side = max(picture.image.size) / picture.scale
    min_size = min(_MIN_SIZE, _MIN_RELATIVE_SIZE * long_side)
    seen: list[LayerWord] = []
    hidden: list[LayerWord] = []
    for word, flags in zip(words, _seen_glyphs(words, picture, ink), strict=True):
        glyphs = [glyph for glyph, is_seen in zip(word.glyphs, flags, strict=True) if is_seen and glyph.painted]
        if not glyphs or max(glyph.size for glyph in glyphs) < min_size:
            hidden.append(word)
            continue
        letters, left = _letters(word.glyphs), _letters(glyphs)
        if left < _MIN_SEEN * letters:
            hidden.append(word)
        else:
            seen.append(word if letters - left <= _MAX_HIDDEN else replace(word, glyphs=glyphs))
    unseen = {
        id(word)
        for word, rect in _overlapping(seen, picture, ink.shape)
        if (order.has_areas_over_text and order.covers(word)) or picture.has_background(rect, word.glyphs[0].color)
    }
    hidden += [word for word in seen if id(word) in unseen]
    return [word for word in seen if id(word) not in unseen], hidden


def split_uncovered(words: Sequence[LayerWord], order: DrawingOrder) -> tuple[list[LayerWord], list[LayerWord]]:
    """Return the words that are seen by the order of drawing alone, and the others, for a page that can't be drawn.

    What may be hidden counts as hidden: a text below a transparent area, or white text that is not over an area.
    """
    seen: list[LayerWord] = []
    hidden: list[LayerWord] = []
    for word in words:
        has_size = max(glyph.size for glyph in word.glyphs) >= _MIN_SIZE
        is_seen = has_size and (order.is_seen(word) if word.is_painted else order.is_over_picture(word))
        (seen if is_seen else hidden).append(word)
    return seen, hidden


class _InkCounter:
    """Counts the pixels with ink in rectangles. `ink` is a picture of True and False."""

    def __init__(self, ink: Mask) -> None:
        import cv2

        self.shape = ink.shape
        self._sums = cv2.integral(ink.view("uint8"))

    def has_ink(self, rects: Rows) -> Mask:
        """Return for each rectangle in pixels whether there is ink in it. It is at least one pixel large."""
        x0, y0, x1, y1 = _whole_pixels(rects, self.shape).T
        sums = self._sums
        found: Mask = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0] > 0
        return found


def _whole_pixels(rects: Rows, shape: Sequence[int]) -> NDArray[np.int64]:
    import numpy as np

    size = np.array([shape[1], shape[0]])
    start = np.clip(np.floor(rects[:, :2] + 0.25), 0, size - 1)
    end = np.clip(np.ceil(rects[:, 2:] - 0.25), start + 1, size)
    return np.concatenate([start, end], axis=1).astype(np.int64)


def _seen_glyphs(words: Sequence[LayerWord], picture: PagePicture, ink: _InkCounter) -> Iterator[list[bool]]:
    """Return for each word which of its glyphs are seen; other marks than letters and digits by any of their ink."""
    import numpy as np

    glyphs = [(glyph, word.upright) for word in words for glyph in word.glyphs]
    cores = np.array([_core(glyph, upright) for glyph, upright in glyphs])
    edges = np.linspace(cores[:, 1], cores[:, 3], _BANDS + 1)
    in_bands = np.zeros(len(glyphs), dtype=int)
    for top, bottom in pairwise(edges):
        in_bands += ink.has_ink(picture.pixels(np.stack([cores[:, 0], top, cores[:, 2], bottom], axis=1)))
    boxes = picture.pixels(np.array([glyph.box for glyph, _ in glyphs]))
    in_box = ink.has_ink(boxes)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    on_page = ((middle >= 0) & (middle <= (ink.shape[1], ink.shape[0]))).all(axis=1)
    is_divided = [
        upright
        and glyph.text < _LAST_BANDED
        and glyph.size * (_CORE_TOP - _CORE_BOTTOM) * picture.checked_scale >= _MIN_BANDED_PX
        for glyph, upright in glyphs
    ]
    enough = np.where(is_divided, 2, 1)
    is_letter = [glyph.text.isalnum() for glyph, _ in glyphs]
    seen = (on_page & np.where(is_letter, in_bands >= enough, in_box)).tolist()
    for index, (glyph, _) in enumerate(glyphs[1:], 1):
        if glyph.box[2] <= glyph.box[0]:  # the second letter of a ligature
            seen[index] = seen[index - 1]
    start = 0
    for word in words:
        yield seen[start : start + len(word.glyphs)]
        start += len(word.glyphs)


def _core(glyph: Glyph, upright: bool) -> Rect:
    x0, y0, x1, y1 = glyph.box
    if upright:
        baseline = glyph.origin[1]
        return x0, baseline - _CORE_TOP * glyph.size, x1, baseline - _CORE_BOTTOM * glyph.size
    dx, dy = (x1 - x0) * _CORE_SHRUNK, (y1 - y0) * _CORE_SHRUNK
    return x0 + dx, y0 + dy, x1 - dx, y1 - dy


def _letters(glyphs: Iterable[Glyph]) -> int:
    return sum(glyph.text.isalnum() for glyph in glyphs)


def _overlapping(
    words: Sequence[LayerWord], picture: PagePicture, shape: Sequence[int]
) -> list[tuple[LayerWord, tuple[int, int, int, int]]]:
    """Return the words that share a part of their cores with other words, and their cores in pixels."""
    import numpy as np

    if not words:
        return []
    cores = np.array([union(_core(glyph, word.upright) for glyph in word.glyphs) for word in words])
    rects = _whole_pixels(picture.pixels(cores), shape).tolist()
    counts = np.zeros(shape, dtype=np.uint8)
    for x0, y0, x1, y1 in rects:
        part = counts[y0:y1, x0:x1]
        part += part < 2  # two words are enough, and a third must not overflow
    return [
        (word, (x0, y0, x1, y1))
        for word, (x0, y0, x1, y1) in zip(words, rects, strict=True)
        if (counts[y0:y1, x0:x1] > 1).mean() > _MIN_OVERLAP
    ]


def _key(origin: Sequence[float]) -> tuple[int, int]:
    return round(origin[0] * 4), round(origin[1] * 4)


def _image(pixmap: Any) -> Image:
    from PIL import Image

    if not pixmap.width or not pixmap.height:  # millions of times wider than high; its words can still be extracted
        return Image.new("RGB", (max(1, pixmap.width), max(1, pixmap.height)), "white")
    return Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
