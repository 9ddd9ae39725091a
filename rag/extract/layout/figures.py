"""Which rectangles of a page are figures: layout's pictures, embedded pictures, clusters of drawn paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.extract.geometry import around, clamped
from rag.model import Box

AT_MOST = 12
"""Figures of one page."""

_GRID = 160
"""Cells a side of the grid on which drawn paths are joined: paths up to about 1.2 % of the page apart."""

_MARKS = 1_000_000
"""Cells marked before further paths mark only their corners: about half a second."""

_PICTURE_AREA = 0.02
_LAYOUT_AREA = 0.01
_DRAWING_AREA = 0.03
_SEAM = 0.004
"""How exactly the edges of tiles meet."""

_THIN = 0.06
"""A side below this is a rule, a strip of a cut picture, or an ornament."""

_BACKGROUND = 0.85
_BACKGROUND_PATH = 0.6
_PATHS = 5
"""Fewer paths are a frame or a coloured panel, not a drawing, unless one of them is a shape that no panel has."""

_SEVERAL, _CLOSE = 3, 0.65
"""So many figures that fill this share of the box around them are a figure together, too."""

_CUT, _GROWN = 0.2, 1.5
"""A drawing belongs to a layout's picture that holds this share of it, unless it is this much larger."""

_BEHIND = 0.15
"""An embedded picture with more of its area under running text is the paper that was printed on."""

_TYPE, _BESIDE = 0.5, 0.04
"""A layout's picture with more of its area under words is type set large; with more under running text, it holds
what is inked and the text beside it."""

_TEXT_SHARE = 0.25
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
    running: Sequence[Box],
) -> list[Box]:
    """At most AT_MOST figures from top to bottom; none lies over another, but for one around all of them.

    `layout`, `tables` and `texts` are regions the layout analysis named, `pictures` embedded pictures, `inked` what
    the page's picture shows besides running text, `paths` drawn paths, `shapes` those of them that are no rectangles,
    rounded ones included, `words` all words, `running` the lines of running text.
    """
    small = [box for box in paths if box.area < _BACKGROUND_PATH]
    drawings = clusters(small)
    parts = [drawing for drawing, _ in drawings] + list(pictures)
    seen = [box for box in layout if box.area >= _LAYOUT_AREA and _is_pictured(box, inked, words, running)]
    found = [_grown(box, parts) for box in seen]
    found += [box for box in _embedded(pictures) if _text_share(box, texts) < _BEHIND]
    found += _inked(inked, tables, texts)
    found += _drawn(drawings, shapes, words, tables, texts)
    kept = [box for box in merged(found) if not any(table.covers(box) > 0.7 for table in tables)]
    kept += _collage(kept)
    kept.sort(key=lambda box: -box.area)
    return sorted(kept[:AT_MOST], key=lambda box: (box.y0, box.x0))


def _collage(boxes: Sequence[Box]) -> list[Box]:
    """The box around several figures that stand close together: people point at all of them as one."""
    if len(boxes) < _SEVERAL:
        return []
    whole = around(boxes)
    filled = sum(box.area for box in boxes) >= _CLOSE * whole.area
    return [whole] if filled and whole.area < _BACKGROUND else []


def background(pictures: Iterable[Box]) -> bool:
    """Whether one embedded picture fills the page."""
    return any(box.area >= _BACKGROUND for box in pictures)


def merged(boxes: Iterable[Box]) -> list[Box]:
    """Boxes that lie over one another joined, until none does."""
    left = list(boxes)
    done: list[Box] = []
    while left:
        box = left.pop()
        meets = [other for other in left + done if _same(box, other)]
        if not meets:
            done.append(box)
            continue
        left = [other for other in left if other not in meets]
        done = [other for other in done if other not in meets]
        left.append(around([box, *meets]))
    return done


def _same(a: Box, b: Box) -> bool:
    shared = a.intersection(b)
    return shared > 0.5 * min(a.area, b.area) or (min(a.area, b.area) == 0 and a == b)


def _embedded(pictures: Sequence[Box]) -> list[Box]:
    """Pictures worth it; one that was cut into tiles or strips is put together first."""
    small = [box for box in pictures if _sides(box)[0] < _THIN or box.area < _PICTURE_AREA]
    whole = [box for box in pictures if box not in small]
    whole += [box for box, count in clusters(small) if count > 1]
    return [box for box in _untiled(whole) if _PICTURE_AREA <= box.area < _BACKGROUND and _sides(box)[0] >= _THIN]


def _untiled(boxes: Sequence[Box]) -> list[Box]:
    """Pictures that share a whole edge joined, until none does."""
    left = list(dict.fromkeys(boxes))
    done: list[Box] = []
    while left:
        box = left.pop()
        tile = next((other for other in left + done if _abut(box, other)), None)
        if tile is None:
            done.append(box)
        else:
            left = [other for other in left if other != tile] + [around([box, tile])]
            done = [other for other in done if other != tile]
    return done


def _abut(a: Box, b: Box) -> bool:
    def near(x: float, y: float) -> bool:
        return abs(x - y) < _SEAM

    return (near(a.y0, b.y0) and near(a.y1, b.y1) and (near(a.x1, b.x0) or near(b.x1, a.x0))) or (
        near(a.x0, b.x0) and near(a.x1, b.x1) and (near(a.y1, b.y0) or near(b.y1, a.y0))
    )


def _grown(box: Box, drawings: Sequence[Box]) -> Box:
    """A layout's picture with what it cuts through: the analysis sees words, and stops at the last one."""
    cut = [other for other in drawings if box.covers(other) > _CUT and other.area < _GROWN * box.area]
    return around([box, *cut])


def _drawn(
    drawings: Sequence[tuple[Box, int]],
    shapes: Sequence[Box],
    words: Sequence[Box],
    tables: Sequence[Box],
    texts: Sequence[Box],
) -> list[Box]:
    return [
        box
        for box, count in drawings
        if (count >= _PATHS or any(box.intersection(shape) > 0.5 * box.area for shape in shapes))
        and box.area >= _DRAWING_AREA
        and _sides(box)[0] >= _THIN
        and not any(table.covers(box) > 0.5 or box.covers(table) > 0.7 for table in tables)
        and sum(box.intersection(word) for word in words) < _TEXT_SHARE * box.area
        and _text_share(box, texts) < 0.5
    ]


def _is_pictured(box: Box, inked: Sequence[Box], words: Sequence[Box], running: Sequence[Box]) -> bool:
    """Whether a layout's picture is one: not a line of type, nor a paragraph together with the chart beside it."""
    if _text_share(box, words) > _TYPE:
        return False
    return _text_share(box, running) < _BESIDE or not any(box.covers(other) > 0.7 for other in inked)


def _text_share(box: Box, texts: Sequence[Box]) -> float:
    return sum(box.intersection(text) for text in texts) / box.area if box.area else 0.0


def _inked(inked: Sequence[Box], tables: Sequence[Box], texts: Sequence[Box]) -> list[Box]:
    return [
        box
        for box in inked
        if box.area < _BACKGROUND
        and not any(table.covers(box) > 0.5 or box.covers(table) > 0.7 for table in tables)
        and _text_share(box, texts) < 0.5
    ]


def _sides(box: Box) -> tuple[float, float]:
    low, high = sorted((box.x1 - box.x0, box.y1 - box.y0))
    return low, high


def clusters(boxes: Sequence[Box]) -> list[tuple[Box, int]]:
    """Boxes that touch, or nearly, as one box and their number. Time grows with the boxes, not with their pairs."""
    cells: dict[tuple[int, int], int] = {}
    parent = list(range(len(boxes)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    marks = 0
    seen: set[tuple[int, int, int, int]] = set()
    for index, box in enumerate(boxes):
        span = (int(box.x0 * _GRID), int(box.y0 * _GRID), int(box.x1 * _GRID), int(box.y1 * _GRID))
        if span in seen:  # ten thousand dots of a map fall into few cells
            parent[index] = root(cells[span[0], span[1]])
            continue
        seen.add(span)
        step_x, step_y = (1, 1) if marks < _MARKS else (span[2] - span[0] + 1, span[3] - span[1] + 1)
        for x in range(span[0], span[2] + 2, step_x):
            for y in range(span[1], span[3] + 2, step_y):
                marks += 1
                owner = cells.setdefault((x, y), index)
                parent[root(owner)] = root(index)
    groups: dict[int, list[Box]] = {}
    for index, box in enumerate(boxes):
        groups.setdefault(root(index), []).append(box)
    return [(clamped(*around(group)), len(group)) for group in groups.values()]
