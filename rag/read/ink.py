"""Where on a rendered page there is something that is no text: photographs, charts, drawings, screenshots.

Works on pixels alone, so it finds what a PDF draws, embeds or scanned, all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.model import Box
from rag.read.words import around, clamped

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 640
"""Pixels of the long side on which ink is looked for."""

_SHADE = 28
"""Grey levels, in any of red, green and blue, from which a pixel is no background."""

_GAP = 0.012
"""White, as a share of the long side, that parts two figures."""

_AREA = 0.02
_THIN = 0.06
_WHOLE = 0.9
"""A share of the page over which ink is a background, not a figure."""

_EDGES = 0.006
"""Share of a figure's pixels, outside its words, that lie on an edge; a coloured panel has its border alone."""

_LABEL_WORDS = 4
"""Lines of at most so many words are labels of the figure they touch, not running text."""

_GROWN = 1.6
"""How much larger its labels may make a figure."""


def figures_in(image: Image, lines: Sequence[tuple[Box, int]]) -> list[Box]:
    """Boxes of what is no text. `lines` are the boxes of the page's lines with their number of words."""
    import cv2
    import numpy as np

    small = image.copy()
    small.thumbnail((_SIDE, _SIDE))
    pixels = np.asarray(small.convert("RGB"))
    height, width = pixels.shape[:2]
    text = np.zeros((height, width), dtype=bool)
    for box, _ in lines:
        left, top, right, bottom = _inside(box, width, height, 2)
        text[top:bottom, left:right] = True
    edges = (cv2.Canny(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), 60, 160) > 0) & ~text
    found: list[Box] = []
    for mask in (_unlike_background(pixels) & ~text, edges):
        boxes = _components(mask, round(_GAP * max(width, height)))
        found = [box for box in boxes if _is_figure(box, edges)]
        if found or not any(box.area >= _WHOLE for box in boxes):
            break
    return [_with_labels(box, lines) for box in found]


def _unlike_background(pixels: Any) -> Any:
    """Pixels of another colour than the page, which is the commonest one."""
    import numpy as np

    coarse = (pixels >> 4).astype(np.int32)
    codes = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    values, counts = np.unique(codes, return_counts=True)
    paper = np.median(pixels[codes == values[counts.argmax()]], axis=0)
    return np.abs(pixels.astype(np.int16) - paper.astype(np.int16)).max(axis=2) > _SHADE


def _components(mask: Any, gap: int) -> list[Box]:
    """Boxes of what hangs together when white up to `gap` pixels is bridged."""
    import cv2
    import numpy as np

    height, width = mask.shape
    bridged = cv2.dilate(mask.astype(np.uint8), np.ones((gap, gap), np.uint8))
    count, labels = cv2.connectedComponents(bridged)
    boxes = []
    rows, columns = np.nonzero(mask)
    owners = labels[rows, columns]
    for label in range(1, count):
        mine = owners == label
        if mine.any():
            y, x = rows[mine], columns[mine]
            boxes.append(Box(x.min() / width, y.min() / height, (x.max() + 1) / width, (y.max() + 1) / height))
    return [Box(*(float(value) for value in box)) for box in boxes]


def _is_figure(box: Box, edges: Any) -> bool:
    height, width = edges.shape
    low = min(box.x1 - box.x0, box.y1 - box.y0)
    if not (_AREA <= box.area < _WHOLE and low >= _THIN):
        return False
    left, top, right, bottom = _inside(box, width, height, -3)
    return right > left and bottom > top and float(edges[top:bottom, left:right].mean()) >= _EDGES


def _inside(box: Box, width: int, height: int, more: int) -> tuple[int, int, int, int]:
    """The box in pixels, `more` of them added on each side."""
    left, top = max(0, int(box.x0 * width) - more), max(0, int(box.y0 * height) - more)
    return left, top, min(width, round(box.x1 * width) + more), min(height, round(box.y1 * height) + more)


def _with_labels(box: Box, lines: Sequence[tuple[Box, int]]) -> Box:
    """The box with the short lines around it that nearly touch it: axes, legends, names of parts."""
    reach = clamped(box.x0 - _GAP, box.y0 - _GAP, box.x1 + _GAP, box.y1 + _GAP)
    labels = [line for line, words in lines if words <= _LABEL_WORDS and reach.intersection(line) > 0]
    grown = around([box, *labels])
    return grown if grown.area <= _GROWN * box.area else box
