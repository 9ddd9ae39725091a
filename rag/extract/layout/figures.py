"""Figures of a page: pictures found by the layout analysis, embedded pictures, and clusters of drawn paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rag.extract.geometry import bounding_box, box_rows, clamped_box
from rag.model.extraction import Box

if TYPE_CHECKING:
    from rag.extract.geometry import Rows

MAX_FIGURES = 12
"""Maximum number of figures of one page."""

_GRID_SIZE = 160
"""Cells per side of the grid on which paths are clustered: paths up to about 1.2 % of the page apart are joined."""

_MAX_MARKED_CELLS = 1_000_000
"""After this many marked cells (about half a second), further paths mark only their corners."""

_MIN_PICTURE_AREA = 0.02
_MIN_LAYOUT_AREA = 0.01
_MIN_DRAWING_AREA = 0.03
_SEAM_TOLERANCE = 0.004
"""Maximum distance between the edges of adjacent tiles."""

_MIN_SIDE = 0.06
"""A box with a shorter side is a rule, a strip of a tiled picture, or an ornament."""

_BACKGROUND = 0.85
_BACKGROUND_PATH = 0.6
_MIN_PATHS = 5
"""Fewer paths are a frame or a colored panel, not a drawing, unless one of them is a shape that panels don't have."""

_COLLAGE_SIZE, _COLLAGE_FILL = 3, 0.6
"""At least this many figures that fill this share of the box around them are also one figure together."""

_OVERLAP, _MAX_GROWTH = 0.2, 1.5
"""A layout picture is extended by a drawing if it covers this share of it, unless the drawing is this much larger."""

_MAX_TEXT_BEHIND = 0.15
"""An embedded picture with more of its area under text regions is the background of the text."""

_MAX_WORDS, _MAX_BODY_TEXT = 0.5, 0.04
"""A layout picture with more of its area under words is large type; with more under body text, it includes the text
beside a figure."""

_SAME_FRAME = 0.8
"""A frame and a figure that cover this share of each other are the same."""

_MIN_TEXT_FILL = 0.25
"""A text region with less of its area under words is made of labels that are scattered over a chart."""

_MAX_DRAWING_TEXT = 0.25
"""A drawing with more of its area under words of the text layer is a panel or a ruled table behind them."""


def figure_boxes(
    *,
    layout: Sequence[Box],
    pictures: Sequence[Box],
    inked: Sequence[Box],
    paths: Sequence[Box],
    shapes: Sequence[Box],
    words: Sequence[Box],
    tables: Sequence[Box],
    texts: Sequence[Box],
    body_lines: Sequence[Box],
    frames: Sequence[Box] = (),
) -> list[Box]:
    """Return at most MAX_FIGURES figures from top to bottom.

    None overlaps another, except one around all of them, and frames that others go over.

    `layout` (pictures), `tables` and `texts` are regions of the layout analysis; `pictures` are embedded pictures;
    `inked` are the figures found in the page's pixels; `paths` are drawn paths, `shapes` those of them that are not
    (rounded) rectangles; `words` are all words; `body_lines` are the lines of body text; `frames` are the lines drawn
    around something.
    """
    small = [box for box in paths if box.area < _BACKGROUND_PATH]
    drawings = cluster_boxes(small)
    parts = [drawing for drawing, _ in drawings] + list(pictures)
    word_rows, text_rows, body_rows = box_rows(words), box_rows(texts), box_rows(body_lines)
    large = [box for box in layout if box.area >= _MIN_LAYOUT_AREA]
    found = [_extended(box, parts) for box in large if _is_picture(box, inked, word_rows, body_rows)]
    found += [box for box in _embedded(pictures) if _text_share(box, text_rows) < _MAX_TEXT_BEHIND]
    filled = [box for box in texts if _text_share(box, word_rows) >= _MIN_TEXT_FILL]
    found += _inked(inked, tables, box_rows(filled))
    found += _drawn(drawings, shapes, word_rows, tables, text_rows)
    kept = [box for box in merge_overlapping(found) if not any(table.covers(box) > 0.7 for table in tables)]
    kept += _collage(kept)
    kept += _framed(frames, kept, tables)
    kept.sort(key=lambda box: -box.area)
    return sorted(kept[:MAX_FIGURES], key=lambda box: (box.y0, box.x0))


def _framed(frames: Sequence[Box], found: Sequence[Box], tables: Sequence[Box]) -> list[Box]:
    """Return the frames that are not found yet, none inside another."""
    framed: list[Box] = []
    for box in sorted(frames, key=lambda box: -box.area):
        is_inside = any(other.covers(box) > _SAME_FRAME for other in framed)
        is_known = any(min(other.covers(box), box.covers(other)) > _SAME_FRAME for other in found)
        if not (is_inside or is_known or _is_table(box, tables)):
            framed.append(box)
    return framed


def _collage(boxes: Sequence[Box]) -> list[Box]:
    """Return the box around figures that are close together, since people refer to them as one figure; else []."""
    if len(boxes) < _COLLAGE_SIZE:
        return []
    whole = bounding_box(boxes)
    is_filled = sum(box.area for box in boxes) >= _COLLAGE_FILL * whole.area
    return [whole] if is_filled and whole.area < _BACKGROUND else []


def has_background(pictures: Iterable[Box]) -> bool:
    """Return whether one embedded picture fills the page."""
    return any(box.area >= _BACKGROUND for box in pictures)


def merge_overlapping(boxes: Iterable[Box]) -> list[Box]:
    """Replace overlapping boxes by the box around them until no boxes overlap."""
    left = list(boxes)
    done: list[Box] = []
    while left:
        box = left.pop()
        overlapping = [other for other in left + done if _overlap(box, other)]
        if not overlapping:
            done.append(box)
            continue
        left = [other for other in left if other not in overlapping]
        done = [other for other in done if other not in overlapping]
        left.append(bounding_box([box, *overlapping]))
    return done


def _overlap(a: Box, b: Box) -> bool:
    shared = a.intersection(b)
    return shared > 0.5 * min(a.area, b.area) or (min(a.area, b.area) == 0 and a == b)


def _embedded(pictures: Sequence[Box]) -> list[Box]:
    """Return embedded pictures large enough to be figures; tiles and strips of one picture are joined first."""
    small = [box for box in pictures if _short_side(box) < _MIN_SIDE or box.area < _MIN_PICTURE_AREA]
    whole = [box for box in pictures if box not in small]
    whole += [box for box, count in cluster_boxes(small) if count > 1]
    return [
        box
        for box in _join_tiles(whole)
        if _MIN_PICTURE_AREA <= box.area < _BACKGROUND and _short_side(box) >= _MIN_SIDE
    ]


def _join_tiles(boxes: Sequence[Box]) -> list[Box]:
    """Join boxes that share a whole edge until no boxes do."""
    left = list(dict.fromkeys(boxes))
    done: list[Box] = []
    while left:
        box = left.pop()
        tile = next((other for other in left + done if _share_edge(box, other)), None)
        if tile is None:
            done.append(box)
        else:
            left = [other for other in left if other != tile] + [bounding_box([box, tile])]
            done = [other for other in done if other != tile]
    return done


def _share_edge(a: Box, b: Box) -> bool:
    def near(x: float, y: float) -> bool:
        return abs(x - y) < _SEAM_TOLERANCE

    return (near(a.y0, b.y0) and near(a.y1, b.y1) and (near(a.x1, b.x0) or near(b.x1, a.x0))) or (
        near(a.x0, b.x0) and near(a.x1, b.x1) and (near(a.y1, b.y0) or near(b.y1, a.y0))
    )


def _extended(box: Box, drawings: Sequence[Box]) -> Box:
    """Return a layout picture extended by the drawings it overlaps: the layout model often ends it at the last word."""
    overlapping = [other for other in drawings if box.covers(other) > _OVERLAP and other.area < _MAX_GROWTH * box.area]
    return bounding_box([box, *overlapping])


def _drawn(
    drawings: Sequence[tuple[Box, int]],
    shapes: Sequence[Box],
    words: Rows,
    tables: Sequence[Box],
    texts: Rows,
) -> list[Box]:
    return [
        box
        for box, count in drawings
        if (count >= _MIN_PATHS or any(box.intersection(shape) > 0.5 * box.area for shape in shapes))
        and box.area >= _MIN_DRAWING_AREA
        and _short_side(box) >= _MIN_SIDE
        and not _is_table(box, tables)
        and _text_share(box, words) < _MAX_DRAWING_TEXT
        and _text_share(box, texts) < 0.5
    ]


def _is_picture(box: Box, inked: Sequence[Box], words: Rows, body_lines: Rows) -> bool:
    """Return whether a layout picture is a picture, not large type or a chart together with the text beside it."""
    if _text_share(box, words) > _MAX_WORDS:
        return False
    return _text_share(box, body_lines) < _MAX_BODY_TEXT or not any(box.covers(other) > 0.7 for other in inked)


def _text_share(box: Box, texts: Rows) -> float:
    """Return the area that texts have in the box, as a share of the box; texts over each other count twice."""
    import numpy as np

    size = np.minimum(box[2:], texts[:, 2:]) - np.maximum(box[:2], texts[:, :2])
    return float(np.maximum(size, 0).prod(axis=1).sum()) / box.area if box.area else 0.0


def _inked(inked: Sequence[Box], tables: Sequence[Box], texts: Rows) -> list[Box]:
    return [
        box for box in inked if box.area < _BACKGROUND and not _is_table(box, tables) and _text_share(box, texts) < 0.5
    ]


def _is_table(box: Box, tables: Sequence[Box]) -> bool:
    return any(table.covers(box) > 0.5 or box.covers(table) > 0.7 for table in tables)


def _short_side(box: Box) -> float:
    return min(box.x1 - box.x0, box.y1 - box.y0)


def cluster_boxes(boxes: Sequence[Box]) -> list[tuple[Box, int]]:
    """Cluster boxes that touch or nearly touch; return the box around each cluster and the number of its boxes.

    Time grows linearly with the number of boxes.
    """
    import numpy as np

    cells = np.full((_GRID_SIZE + 2, _GRID_SIZE + 2), -1)
    parent = list(range(len(boxes)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    marks = 0
    seen: set[tuple[int, int, int, int]] = set()
    for index, box in enumerate(boxes):
        span = (int(box.x0 * _GRID_SIZE), int(box.y0 * _GRID_SIZE), int(box.x1 * _GRID_SIZE), int(box.y1 * _GRID_SIZE))
        if span in seen:  # the ten thousand dots of a map occupy few cells
            parent[index] = root(int(cells[span[0], span[1]]))
            continue
        seen.add(span)
        step_x, step_y = (1, 1) if marks < _MAX_MARKED_CELLS else (span[2] - span[0] + 1, span[3] - span[1] + 1)
        marked = cells[span[0] : span[2] + 2 : step_x, span[1] : span[3] + 2 : step_y]
        marks += marked.size
        for owner in set(marked.ravel().tolist()) - {-1}:
            parent[root(owner)] = root(index)
        marked[...] = index
    groups: dict[int, list[Box]] = {}
    for index, box in enumerate(boxes):
        groups.setdefault(root(index), []).append(box)
    return [(clamped_box(*bounding_box(group)), len(group)) for group in groups.values()]
