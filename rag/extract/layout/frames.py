"""Framed figures in the pixels of a page: screenshots, photographs and diagrams with a line around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.model.extraction import Box

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 1000
"""Long side, in pixels, at which lines are detected: hairlines are still visible."""

_MIN_LENGTH = 1 / 12
"""Minimum length of a piece of a frame's line, as a fraction of the page's width or height."""

_MIN_AREA, _MAX_AREA, _MIN_SIDE = 0.02, 0.6, 0.06

_MIN_DRAWN = 0.85
"""Minimum share of each side that is drawn."""

_EDGE = 8
"""Pixels within which a side is straight."""

_GROWTH = 3
"""Pixels by which a line is thickened on each side."""

_MAX_WORDS = 0.5
"""A frame with more of its area under lines of text is a box around text."""

_MIN_EDGES = 0.01
"""Minimum share of the pixels inside a frame, outside its words, that are on an edge; a box around text has none."""


def find_frames(image: Image, lines: Sequence[Box]) -> list[Box]:
    """Return the boxes of frames around something else than text. `lines` are the lines of text of the page."""
    import cv2
    import numpy as np

    small = image.convert("L")
    small.thumbnail((_SIDE, _SIDE))
    gray = np.asarray(small)
    height, width = gray.shape
    edges = cv2.Canny(gray, 20, 60)
    rows = _long_lines(edges, (1, max(8, round(width * _MIN_LENGTH))), (3, 1))
    columns = _long_lines(edges, (max(8, round(height * _MIN_LENGTH)), 1), (1, 3))
    drawn = _without_words(edges, lines) > 0
    _, _, stats, _ = cv2.connectedComponentsWithStats(rows | columns)
    frames = []
    for left, top, frame_width, frame_height, _ in stats[1:].tolist():
        right, bottom = left + frame_width, top + frame_height
        box = Box(
            (left + _GROWTH) / width, (top + _GROWTH) / height, (right - _GROWTH) / width, (bottom - _GROWTH) / height
        )
        if not _MIN_AREA <= box.area <= _MAX_AREA or min(box.x1 - box.x0, box.y1 - box.y0) < _MIN_SIDE:
            continue
        sides = _sides(rows[top:bottom, left:right] > 0, columns[top:bottom, left:right] > 0)
        inner = drawn[top + 2 * _EDGE : bottom - 2 * _EDGE, left + 2 * _EDGE : right - 2 * _EDGE]
        is_text = sum(box.intersection(line) for line in lines) > _MAX_WORDS * box.area
        if min(sides) >= _MIN_DRAWN and not is_text and inner.size and inner.mean() >= _MIN_EDGES:
            frames.append(box)
    return frames


def _long_lines(edges: Any, shape: tuple[int, int], thickness: tuple[int, int]) -> Any:
    """Return a mask of the lines that are at least as long as the shape; thin slanted ones count too."""
    import cv2
    import numpy as np

    thick = cv2.dilate(edges, np.ones(thickness, np.uint8))
    return cv2.dilate(cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones(shape, np.uint8)), np.ones((5, 5), np.uint8))


def _sides(rows: Any, columns: Any) -> tuple[float, float, float, float]:
    """Return which share of each side is drawn."""
    return (
        float(rows[:_EDGE].any(axis=0).mean()),
        float(rows[-_EDGE:].any(axis=0).mean()),
        float(columns[:, :_EDGE].any(axis=1).mean()),
        float(columns[:, -_EDGE:].any(axis=1).mean()),
    )


def _without_words(edges: Any, lines: Sequence[Box]) -> Any:
    """Return the edges without those of the letters."""
    height, width = edges.shape
    kept = edges.copy()
    for box in lines:
        top, bottom = max(0, round(box.y0 * height) - 2), round(box.y1 * height) + 2
        left, right = max(0, round(box.x0 * width) - 2), round(box.x1 * width) + 2
        kept[top:bottom, left:right] = 0
    return kept
