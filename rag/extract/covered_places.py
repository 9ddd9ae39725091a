"""Places of a page at which something covers what the file has there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rag.extract.geometry import PlacedWord, contains_center
from rag.extract.page_words import Frame
from rag.extract.render import pixel_box
from rag.extract.shown_words import median_level
from rag.extract.text_layer import LayerWord
from rag.model.extraction import WHOLE_PAGE, Box, Word

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_SHADES = 16
"""Gray levels within a place that is painted in one color."""

_EDGE = 0.25
"""Cut off each side of a place before it is looked at: a box that covers it may be smaller."""


class CoveredPlaces:
    """Where the page's picture shows one color in place of words or pictures.

    `layer`: the words that the file draws there; `seen`: those that are seen.
    """

    def __init__(self, image: Image, frame: Frame, layer: Sequence[LayerWord], seen: Sequence[Word]) -> None:
        self._image = image
        self._frame = frame
        self._layer = layer
        self._seen = seen

    @cached_property
    def _gray(self) -> Image:
        return self._image.convert("L")

    @cached_property
    def _paper(self) -> int:
        return median_level(self._gray, WHOLE_PAGE)

    @cached_property
    def _drawn(self) -> list[PlacedWord]:
        return self._frame.place(self._layer)

    def is_covered(self, box: Box) -> bool:
        """Return whether nothing is seen in the box: no word, and one color only, which is not that of bare paper."""
        from PIL import ImageStat

        if any(contains_center(box, word.box) for word in self._seen):
            return False
        dx, dy = _EDGE * (box.x1 - box.x0), _EDGE * (box.y1 - box.y0)
        inner = Box(box.x0 + dx, box.y0 + dy, box.x1 - dx, box.y1 - dy)
        [(darkest, lightest)] = ImageStat.Stat(self._gray.crop(pixel_box(inner, self._gray.size))).extrema
        if lightest - darkest > _MAX_SHADES:
            return False
        is_paper = abs(darkest - self._paper) <= _MAX_SHADES
        return not is_paper or any(contains_center(box, placed.word.box) for placed in self._drawn)
