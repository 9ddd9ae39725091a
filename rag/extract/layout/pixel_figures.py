"""Figures found in the pixels of a page: photographs, charts, drawings, screenshots.

Because this uses only pixels, it finds drawn, embedded and scanned figures alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import Region, contains_center
from rag.model.extraction import BlockKind, Box

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 640
"""Long side, in pixels, at which figures are detected."""

_MIN_CONTRAST = 40
"""Minimum difference from the background, in levels of any color channel, of a pixel with ink."""

_GAP = 0.028
"""Minimum gap between two figures, as a fraction of the long side."""

_MIN_AREA = 0.02
_MIN_SIDE = 0.06
_MAX_AREA = 0.9
"""Ink that covers a larger share of the page is a background, not a figure."""

_SPECK = 0.002
"""Components that cover a smaller share of the page are ignored."""

_MIN_PART = 0.01
"""A component is only split if each part covers at least this share of the page."""

_MAX_FILL = 0.8
_MIN_DENSITY = 0.6
"""Two photographs that meet at a corner fill at most _MAX_FILL of the box around them. Two side by side are each filled
to at least _MIN_DENSITY, whereas bars of a chart are small and strokes of a drawing sparse."""

_MAX_CROSSED = 0.35
"""Maximum share of the narrower part that a cut goes through: photographs that touch share a piece of an edge."""

_MAX_CUTS = 4

_MIN_EDGES = 0.006
"""Minimum share of a figure's pixels, outside its words, that are on an edge; a colored panel has only its border."""

MAX_LABEL_WORDS = 4
"""Lines with at most this many words are labels of the figure they touch, not body text."""

_SELF_CONTAINED = (BlockKind.TITLE, BlockKind.HEADER, BlockKind.FOOTER, BlockKind.FOOTNOTE, BlockKind.CAPTION)
"""Text regions that are never labels, however short."""


@dataclass(frozen=True, slots=True)
class TextMask:
    """The text of a page: body text, and short lines that may be labels of a figure."""

    body: Sequence[Box]
    labels: Sequence[Box]


def split_text(lines: Sequence[tuple[Box, int]], regions: Sequence[Region]) -> TextMask:
    """Split lines into body text and labels. Each line comes with its number of words; `regions` are the layout's."""
    blocks = [region for region in regions if region.kind not in (BlockKind.FIGURE, BlockKind.TABLE)]
    long = [box for box, words in lines if words > MAX_LABEL_WORDS]
    body = [
        block.box
        for block in blocks
        if block.kind in _SELF_CONTAINED or any(contains_center(block.box, line) for line in long)
    ]
    short = [box for box, words in lines if words <= MAX_LABEL_WORDS]
    return TextMask([*long, *body], [box for box in short if not any(contains_center(block, box) for block in body)])


def find_figures(image: Image, text: TextMask) -> list[Box]:
    """Return the boxes of figures, including their labels."""
    import cv2
    import numpy as np

    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    pixels = np.asarray(small)
    body, labels = _mask(text.body, pixels, 2), _mask(text.labels, pixels, 1)
    edges = (cv2.Canny(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), 60, 160) > 0) & ~body & ~labels
    found: list[Box] = []
    for mask in (_ink(pixels), edges):
        boxes = _components((mask | labels) & ~body, round(_GAP * max(pixels.shape)))
        found = [box for box in boxes if _is_figure(box, edges)]
        if found or not any(box.area >= _MAX_AREA for box in boxes):
            break
    return found


def _mask(boxes: Sequence[Box], pixels: Any, padding: int) -> Any:
    import numpy as np

    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    for box in boxes:
        left, top, right, bottom = _padded_box(box, width, height, padding)
        mask[top:bottom, left:right] = True
    return mask


def _ink(pixels: Any) -> Any:
    """Return a mask of the pixels that differ from the background, which is the most frequent color."""
    import cv2
    import numpy as np

    coarse = (pixels >> 4).astype(np.int16)
    codes = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    frequent = codes == np.bincount(codes.ravel()).argmax()
    background = [_median_level(pixels[..., color][frequent]) for color in range(3)]
    low, high = (tuple(level + distance for level in background) for distance in (-_MIN_CONTRAST, _MIN_CONTRAST))
    return cv2.inRange(pixels, low, high) == 0


def _median_level(levels: Any) -> int:
    """Return the median of levels from 0 to 255, rounded down."""
    import numpy as np

    counts = np.bincount(levels).cumsum()
    middle = np.searchsorted(counts, [(len(levels) - 1) // 2, len(levels) // 2], side="right")
    return int(middle.sum()) // 2


def _components(mask: Any, gap: int) -> list[Box]:
    """Return the boxes of connected components, with gaps up to `gap` pixels bridged and photographs separated."""
    import cv2
    import numpy as np

    height, width = mask.shape
    bridged = cv2.dilate(mask.astype(np.uint8), np.ones((gap, gap), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bridged)
    boxes = []
    for label, (left, top, part_width, part_height, _) in enumerate(stats[1:], 1):
        if part_width * part_height < _SPECK * width * height:
            continue
        area = (slice(top, top + part_height), slice(left, left + part_width))
        part = mask[area] & (labels[area] == label)
        for x0, y0, x1, y1 in _cut(part, _MAX_CUTS, _MIN_PART * mask.size):
            boxes.append(Box((left + x0) / width, (top + y0) / height, (left + x1) / width, (top + y1) / height))
    return [Box(*(float(value) for value in box)) for box in boxes]


def _cut(part: Any, depth: int, min_pixels: float) -> list[tuple[int, int, int, int]]:
    """Return the box around the set pixels, or the boxes of the photographs it consists of."""
    import numpy as np

    rows, columns = np.nonzero(part.any(axis=1))[0], np.nonzero(part.any(axis=0))[0]
    if not len(rows):
        return []
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    part = part[top:bottom, left:right]
    cut = _cut_between_photographs(part, min_pixels) if depth else None
    if cut is None:
        return [(left, top, right, bottom)]
    at, across = cut
    first, second = _halves(part, at, across)
    x, y = (at, 0) if across else (0, at)
    return [
        (left + x0 + dx, top + y0 + dy, left + x1 + dx, top + y1 + dy)
        for piece, dx, dy in ((first, 0, 0), (second, x, y))
        for x0, y0, x1, y1 in _cut(piece, depth - 1, min_pixels)
    ]


def _cut_between_photographs(part: Any, min_pixels: float) -> tuple[int, bool] | None:
    """Return where to cut, and whether between columns (else rows); None if the part is one figure."""
    (area, at), across = min((_best_cut(part), False), (_best_cut(part.T), True))
    if area <= _MAX_FILL * part.size and all(_trimmed(piece).size >= min_pixels for piece in _halves(part, at, across)):
        return at, across
    (gap, at), across = max((_widest_gap(part), False), (_widest_gap(part.T), True))
    if gap and all(_is_photograph(piece, min_pixels) for piece in _halves(part, at, across)):
        return at, across
    return None


def _halves(part: Any, at: int, across: bool) -> tuple[Any, Any]:
    return (part[:, :at], part[:, at:]) if across else (part[:at], part[at:])


def _trimmed(part: Any) -> Any:
    """Return the part without the empty rows and columns around its set pixels."""
    import numpy as np

    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else part[:0]


def _is_photograph(part: Any, min_pixels: float) -> bool:
    trimmed = _trimmed(part)
    return trimmed.size >= min_pixels and bool(trimmed.mean() >= _MIN_DENSITY)


def _widest_gap(part: Any) -> tuple[int, int]:
    """Return the height of the highest band of empty rows and the row in its middle; (0, 0) without such a band."""
    import numpy as np

    rows = np.flatnonzero(part.any(axis=1))
    gaps = np.diff(rows)
    if not len(gaps) or gaps.max() < 2:
        return 0, 0
    at = int(gaps.argmax())
    return int(gaps[at]) - 1, int(rows[at] + gaps[at] // 2)


def _best_cut(part: Any) -> tuple[float, int]:
    """Return the row at which a cut gives two parts with the smallest total area of their boxes, and that area first.

    Cuts through too many set pixels are skipped: they would cut off the tops of a chart's highest bars.
    """
    import numpy as np

    count, width = part.shape
    if count < 2:
        return float("inf"), 0
    filled = part.any(axis=1)
    first = np.where(filled, part.argmax(axis=1), width)
    last = np.where(filled, width - part[:, ::-1].argmax(axis=1), 0)

    def boxes(first: Any, last: Any, filled: Any) -> tuple[Any, Any]:
        """Return, for each row, the width and height of the box around the set pixels in the rows up to it."""
        number = np.arange(count)
        wide = np.maximum(np.maximum.accumulate(last) - np.minimum.accumulate(first), 0)
        begin = np.minimum.accumulate(np.where(filled, number, count))
        end = np.maximum.accumulate(np.where(filled, number + 1, 0))
        return wide, np.maximum(end - begin, 0)

    wide, high = (side[:-1] for side in boxes(first, last, filled))
    wide_below, high_below = (side[::-1][1:] for side in boxes(first[::-1], last[::-1], filled[::-1]))
    crossed = (part[:-1] & part[1:]).sum(axis=1) > _MAX_CROSSED * np.minimum(wide, wide_below)
    total = np.where(crossed, np.inf, wide * high + wide_below * high_below)
    at = int(total.argmin())
    return float(total[at]), at + 1


def _is_figure(box: Box, edges: Any) -> bool:
    height, width = edges.shape
    short_side = min(box.x1 - box.x0, box.y1 - box.y0)
    if not (_MIN_AREA <= box.area < _MAX_AREA and short_side >= _MIN_SIDE):
        return False
    left, top, right, bottom = _padded_box(box, width, height, -3)
    return right > left and bottom > top and float(edges[top:bottom, left:right].mean()) >= _MIN_EDGES


def _padded_box(box: Box, width: int, height: int, padding: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in pixels, with `padding` pixels added on each side."""
    left, top = max(0, int(box.x0 * width) - padding), max(0, int(box.y0 * height) - padding)
    return left, top, min(width, round(box.x1 * width) + padding), min(height, round(box.y1 * height) + padding)
