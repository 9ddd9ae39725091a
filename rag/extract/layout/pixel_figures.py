"""Where on a rendered page there is something that is no text: photographs, charts, drawings, screenshots.

Works on pixels alone, so it finds what a PDF draws, embeds or scanned, all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import Region, holds
from rag.model import BlockKind, Box

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 640
"""Pixels of the long side on which ink is looked for."""

_SHADE = 40
"""Grey levels, in any of red, green and blue, from which a pixel is no background."""

_GAP = 0.028
"""White, as a share of the long side, that parts two figures."""

_AREA = 0.02
_THIN = 0.06
_WHOLE = 0.9
"""A share of the page over which ink is a background, not a figure."""

_SPECK = 0.002
"""A share of the page below which nothing is looked at."""

_APART = 0.01
"""Photographs that were taken for one thing are apart again when each has at least this share of the page."""

_EMPTY = 0.8
_SOLID = 0.6
"""Two that meet at a corner leave the box around them this empty; two side by side are filled to this share each,
where the bars of a chart would be small and the strokes of a drawing sparse."""

_CROSSED = 0.35
"""How much of the narrower part a cut may go through: photographs that touch share a piece of their edges."""

_CUTS = 4

_EDGES = 0.006
"""Share of a figure's pixels, outside its words, that lie on an edge; a coloured panel has its border alone."""

LABEL_WORDS = 4
"""Lines of at most so many words are labels of the figure they touch, not running text."""

_SELF_CONTAINED = (BlockKind.TITLE, BlockKind.HEADER, BlockKind.FOOTER, BlockKind.FOOTNOTE, BlockKind.CAPTION)
"""Text that is no label, however short."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a page: what runs on for itself, and short lines that may be labels of something drawn."""

    running: Sequence[Box]
    labels: Sequence[Box]


def parted(lines: Sequence[tuple[Box, int]], regions: Sequence[Region]) -> Text:
    """Lines, each with its number of words, parted into running text and labels; `regions` are the layout's."""
    blocks = [region for region in regions if region.kind not in (BlockKind.FIGURE, BlockKind.TABLE)]
    long = [box for box, words in lines if words > LABEL_WORDS]
    running = [
        block.box for block in blocks if block.kind in _SELF_CONTAINED or any(holds(block.box, line) for line in long)
    ]
    short = [box for box, words in lines if words <= LABEL_WORDS]
    return Text([*long, *running], [box for box in short if not any(holds(block, box) for block in running)])


def figures_in(image: Image, text: Text) -> list[Box]:
    """Boxes of what is no running text, with the labels it has."""
    import cv2
    import numpy as np

    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    pixels = np.asarray(small)
    running, labels = _mask(text.running, pixels, 2), _mask(text.labels, pixels, 1)
    edges = (cv2.Canny(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), 60, 160) > 0) & ~running & ~labels
    found: list[Box] = []
    for mask in (_unlike_background(pixels), edges):
        boxes = _components((mask | labels) & ~running, round(_GAP * max(pixels.shape)))
        found = [box for box in boxes if _is_figure(box, edges)]
        if found or not any(box.area >= _WHOLE for box in boxes):
            break
    return found


def _mask(boxes: Sequence[Box], pixels: Any, more: int) -> Any:
    import numpy as np

    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    for box in boxes:
        left, top, right, bottom = _inside(box, width, height, more)
        mask[top:bottom, left:right] = True
    return mask


def _unlike_background(pixels: Any) -> Any:
    """Pixels of another colour than the page, which is the commonest one."""
    import numpy as np

    coarse = (pixels >> 4).astype(np.int32)
    codes = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    values, counts = np.unique(codes, return_counts=True)
    paper = np.median(pixels[codes == values[counts.argmax()]], axis=0)
    return np.abs(pixels.astype(np.int16) - paper.astype(np.int16)).max(axis=2) > _SHADE


def _components(mask: Any, gap: int) -> list[Box]:
    """Boxes of what hangs together when white up to `gap` pixels is bridged, photographs apart."""
    import cv2
    import numpy as np

    height, width = mask.shape
    bridged = cv2.dilate(mask.astype(np.uint8), np.ones((gap, gap), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bridged)
    boxes = []
    for label, (left, top, wide, high, _) in enumerate(stats[1:], 1):
        if wide * high < _SPECK * width * height:
            continue
        part = mask[top : top + high, left : left + wide] & (labels[top : top + high, left : left + wide] == label)
        for x0, y0, x1, y1 in _cut(part, _CUTS, _APART * mask.size):
            boxes.append(Box((left + x0) / width, (top + y0) / height, (left + x1) / width, (top + y1) / height))
    return [Box(*(float(value) for value in box)) for box in boxes]


def _cut(part: Any, depth: int, least: float) -> list[tuple[int, int, int, int]]:
    """The box around the true pixels, or those of the photographs in it."""
    import numpy as np

    rows, columns = np.nonzero(part.any(axis=1))[0], np.nonzero(part.any(axis=0))[0]
    if not len(rows):
        return []
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    part = part[top:bottom, left:right]
    cut = _cut_between_photographs(part, least) if depth else None
    if cut is None:
        return [(left, top, right, bottom)]
    at, across = cut
    first, second = _halves(part, at, across)
    x, y = (at, 0) if across else (0, at)
    return [
        (left + x0 + dx, top + y0 + dy, left + x1 + dx, top + y1 + dy)
        for piece, dx, dy in ((first, 0, 0), (second, x, y))
        for x0, y0, x1, y1 in _cut(piece, depth - 1, least)
    ]


def _cut_between_photographs(part: Any, least: float) -> tuple[int, bool] | None:
    """Where to cut, and whether between columns; None for what is one thing, as the strokes of a drawing are."""
    (area, at), across = min((_best_cut(part), False), (_best_cut(part.T), True))
    if area <= _EMPTY * part.size and all(_tight(piece).size >= least for piece in _halves(part, at, across)):
        return at, across
    (white, at), across = max((_widest_gap(part), False), (_widest_gap(part.T), True))
    if white and all(_is_solid(piece, least) for piece in _halves(part, at, across)):
        return at, across
    return None


def _halves(part: Any, at: int, across: bool) -> tuple[Any, Any]:
    return (part[:, :at], part[:, at:]) if across else (part[:at], part[at:])


def _tight(part: Any) -> Any:
    """The part without the empty rows and columns around its true pixels."""
    import numpy as np

    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else part[:0]


def _is_solid(part: Any, least: float) -> bool:
    tight = _tight(part)
    return tight.size >= least and bool(tight.mean() >= _SOLID)


def _widest_gap(part: Any) -> tuple[int, int]:
    """How many rows the widest band without a true pixel has, and the row in its middle; (0, 0) without any."""
    import numpy as np

    rows = np.flatnonzero(part.any(axis=1))
    gaps = np.diff(rows)
    if not len(gaps) or gaps.max() < 2:
        return 0, 0
    at = int(gaps.argmax())
    return int(gaps[at]) - 1, int(rows[at] + gaps[at] // 2)


def _best_cut(part: Any) -> tuple[float, int]:
    """The least area that the boxes of two parts have together, over every cut between two rows, and that row.

    A cut through much of what it parts is none: that would cut off the top of a chart's highest bars.
    """
    import numpy as np

    count, width = part.shape
    if count < 2:
        return float("inf"), 0
    filled = part.any(axis=1)
    first = np.where(filled, part.argmax(axis=1), width)
    last = np.where(filled, width - part[:, ::-1].argmax(axis=1), 0)

    def boxes(first: Any, last: Any, filled: Any) -> tuple[Any, Any]:
        """For each row, width and height of the box around the true pixels in the rows up to it."""
        number = np.arange(count)
        wide = np.maximum(np.maximum.accumulate(last) - np.minimum.accumulate(first), 0)
        begin = np.minimum.accumulate(np.where(filled, number, count))
        end = np.maximum.accumulate(np.where(filled, number + 1, 0))
        return wide, np.maximum(end - begin, 0)

    wide, high = (side[:-1] for side in boxes(first, last, filled))
    wide_below, high_below = (side[::-1][1:] for side in boxes(first[::-1], last[::-1], filled[::-1]))
    crossed = (part[:-1] & part[1:]).sum(axis=1) > _CROSSED * np.minimum(wide, wide_below)
    total = np.where(crossed, np.inf, wide * high + wide_below * high_below)
    at = int(total.argmin())
    return float(total[at]), at + 1


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
