"""Evidence pictures: choose the part of a page to show and the lines to highlight, and draw each picture once."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rag.answer.evidence_drawing import (
    LIGHT,
    MAX_WIDTH,
    MEDIUM,
    MIN_WIDTH,
    STRONG,
    PageView,
    add_caption_bar,
    draw_frame,
    highlight,
    view_page,
)
from rag.answer.highlight import match_lines
from rag.data_dir import temporary_folder
from rag.ingest.markdown_rows import text_lines
from rag.model.extraction import WHOLE_PAGE, Box, Kind
from rag.model.search import Hit

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger("magpie")

Redraw: TypeAlias = "Callable[[Hit, Image.Image, Box, int], Image.Image | None]"
"""Draws a region of the hit's page at a width in pixels; see LargePages.draw."""

_MAX_REGION = 0.6
"""A region that is a larger share of the page is shown as the whole page."""

_MARGIN_X, _MARGIN_Y = 0.035, 0.03
"""Surroundings shown on each side, as shares of the page."""

_LONG_TEXT, _MAX_FOCUS = 0.3, 0.6
"""A text that is taller than the first share of the page is shown only around its highlighted lines, if these take less
than the second share of its area: the whole text would be too small to read on a phone."""

_LINE_GAP = 0.006
"""Share of the page between the edge of the picture and a line left out of it."""

_MIN_HEIGHT = 0.16
"""Smallest share of the page's height that is shown, so that a single line has some context."""

_SMALL_LINE, _READABLE_LINE = 11, 26
"""Height in pixels of a line: in the saved picture of a page, it can't be read below the first (on A4, lines of 10
points have 20); drawn again, it has the second."""

_MAX_MARK = 0.35
"""A line that is a larger share of the page stands for a picture or the page itself, as speaker notes do: it is framed,
since color all over it would hide what it shows."""

_COMPRESSION = 3
"""Level of zlib. On pages of real documents it takes half the time of Pillow's default, 6, and most files are a fifth
smaller."""

_DRAWING_VERSION = 4
"""Part of the file name. Increase it when the same region would be drawn differently."""


class _PageSize(NamedTuple):
    """Size of a page's picture in pixels, and how much smaller the saved picture is, at most 1."""

    width: int
    height: int
    scale: float = 1.0


def draw_evidence(hit: Hit, folder: Path, sentences: Sequence[str] = (), redraw: Redraw | None = None) -> Path | None:
    """Return a PNG of the hit's region with its surroundings, highlighted, above a bar that names the place.

    Lines that support one of the sentences are highlighted strongly, and only the surroundings of these lines are
    shown of a long text. The same evidence has the same file name and is drawn once. None if the page's picture is
    missing or damaged. On large pages, `redraw` draws the region again from the document, and only the surroundings of
    the highlighted lines are shown.
    """
    if hit.page_image is None or not hit.page_image.is_file():
        return None
    path = folder / f"{hit.chunk}-{_digest(hit, sentences)}.png"
    return path if _mark_used(path) else _save(path, hit, lambda page: _draw_region(page, hit, sentences, redraw))


def draw_page(hit: Hit, folder: Path) -> Path | None:
    """Return a PNG of the hit's whole page with its box framed; otherwise like draw_evidence."""
    if hit.page_image is None or not hit.page_image.is_file():
        return None
    path = folder / f"{hit.chunk}-{_digest(hit, ())}-page.png"
    return path if _mark_used(path) else _save(path, hit, lambda page: _draw_page(page, hit))


def _mark_used(path: Path) -> bool:
    """Return whether a picture was drawn already, and keep it from being evicted soon."""
    try:
        os.utime(path, ns=(time_ns(), path.stat().st_mtime_ns))
    except OSError:
        return False
    return True


def _save(path: Path, hit: Hit, draw: Callable[[Image.Image], Image.Image]) -> Path | None:
    """Draw on the hit's page and save the result, in one step; None if the page cannot be read, or nothing saved."""
    from PIL import Image

    try:
        with Image.open(str(hit.page_image), formats=("JPEG",)) as opened:
            page = opened.convert("RGB")
    except OSError:  # damaged, or deleted a moment ago: the answer goes without this picture
        return None
    picture = draw(page)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with temporary_folder("evidence", path.parent.parent) as folder:  # leftovers of a crash are deleted from there
            part = Path(folder) / path.name
            picture.save(part, "PNG", compress_level=_COMPRESSION)
            os.replace(part, path)
    except OSError as error:  # on a full disk the answer goes without this picture, too
        log.warning("A picture of a cited place could not be saved: %s.", error.strerror or type(error).__name__)
        return None
    return path


def _digest(hit: Hit, sentences: Sequence[str]) -> str:
    """Return 12 hex digits that identify everything that the picture depends on."""
    key = (_DRAWING_VERSION, hit.region_label, hit.kind.value, tuple(hit.box), [tuple(box) for box in hit.line_boxes])
    shown = (*key, sorted(sentences))
    return hashlib.sha256(f"{shown} {hit.page_image}".encode("utf-8", "replace")).hexdigest()[:12]


def _draw_region(page: Image.Image, hit: Hit, sentences: Sequence[str], redraw: Redraw | None) -> Image.Image:
    matched = _match_marks(hit, sentences)
    view = _redrawn_view(page, hit, matched, redraw) if redraw is not None else None
    whole = False
    if view is None:
        focus = _focus(hit, matched)
        whole = focus.area > _MAX_REGION or focus.area <= 0
        crop = (0, 0, page.width, page.height)
        if not whole:
            crop = _crop(_PageSize(*page.size), focus, hit.line_boxes if focus != hit.box else ())
        view = view_page(page, crop)
    marked = _draw_marks(view, hit, matched, whole=whole)
    return add_caption_bar(marked, hit.title, hit.region_label.removeprefix(hit.title))


def _redrawn_view(page: Image.Image, hit: Hit, matched: Sequence[bool], redraw: Redraw) -> PageView | None:
    """Return the surroundings of the matched lines, drawn again from the document, if the saved lines are too small."""
    marked = [box for box, is_match in zip(hit.line_boxes, matched, strict=True) if is_match] or list(hit.line_boxes)
    heights = sorted(min(box.y1 - box.y0, (box.x1 - box.x0) * page.width / page.height) for box in marked)
    line = heights[len(heights) // 2] if heights else 0.0
    if not 0 < line * page.height < _SMALL_LINE:
        return None
    scale = _READABLE_LINE / (line * page.height)
    size = _PageSize(round(page.width * scale), round(page.height * scale), 1 / scale)
    focus = _readable_part(hit.box, marked if any(matched) else [], size)
    left, top, right, bottom = _crop(size, focus)
    region = Box(left / size.width, top / size.height, right / size.width, bottom / size.height)
    width = min(right - left, MAX_WIDTH)
    image = redraw(hit, page, region, width)
    if image is None:
        return None
    shown = width / (right - left)
    whole = round(size.width * shown), round(size.height * shown)
    image = image.resize((width, max(1, round((bottom - top) * shown))))
    return PageView(image, round(left * shown), round(top * shown), 1.0, *whole)


def _readable_part(region: Box, marked: Sequence[Box], size: _PageSize) -> Box:
    """Return the box around as many of the marked lines, from the first on, as can be shown at a readable size."""
    if not marked:
        return region
    shown = marked[0]
    for box in marked[1:]:
        union = shown.union(box)
        if (union.x1 - union.x0) * size.width <= MAX_WIDTH and (union.y1 - union.y0) * size.height <= MAX_WIDTH:
            shown = union
    return shown


def _draw_page(page: Image.Image, hit: Hit) -> Image.Image:
    view = _draw_marks(view_page(page, (0, 0, page.width, page.height)), hit, whole=hit.box.area > _MAX_REGION)
    return add_caption_bar(view, hit.title, hit.region_label.removeprefix(hit.title))


def _draw_marks(view: PageView, hit: Hit, matched: Sequence[bool] = (), *, whole: bool) -> Image.Image:
    """Highlight the lines of a text; draw a frame around any other region and highlight its matched lines.

    With `whole`, the frame goes around the whole page.
    """
    lines = [box for box in hit.line_boxes if box.area <= _MAX_MARK]
    pairs = zip(hit.line_boxes, matched, strict=False)
    strong = [(view.place(box), STRONG) for box, is_match in pairs if is_match and box.area <= _MAX_MARK]
    if hit.kind is Kind.TEXT and lines:
        all_lines = [(view.place(box), LIGHT if strong else MEDIUM) for box in lines]
        return highlight(view.image, [*all_lines, *strong])  # the strong color is drawn over the light one
    return highlight(draw_frame(view.image, view.place(WHOLE_PAGE if whole else hit.box), whole=whole), strong)


def _match_marks(hit: Hit, sentences: Sequence[str]) -> list[bool]:
    """Return for each mark whether its line supports one of the sentences; all False if marks and lines differ."""
    texts = text_lines(hit.text)[: len(hit.line_boxes)]
    return match_lines(texts, sentences) if len(texts) == len(hit.line_boxes) else [False] * len(hit.line_boxes)


def _focus(hit: Hit, matched: Sequence[bool]) -> Box:
    """Return the box that has to be visible: the region, or the matched lines of a long text if they are close."""
    boxes = [box for box, is_match in zip(hit.line_boxes, matched, strict=True) if is_match]
    if hit.kind is not Kind.TEXT or not boxes:
        return hit.box
    around = boxes[0]
    for box in boxes[1:]:
        around = around.union(box)
    is_long = hit.box.y1 - hit.box.y0 > _LONG_TEXT
    return around if is_long and around.area < _MAX_FOCUS * hit.box.area else hit.box


def _crop(page: _PageSize, box: Box, lines: Sequence[Box] = ()) -> tuple[int, int, int, int]:
    """Return the pixels to show: the box, its surroundings, and enough of the page to be legible.

    No line is cut horizontally, and lines of another column are left out.
    """
    width = max(box.x1 - box.x0 + 2 * _MARGIN_X * page.scale, min(1.0, MIN_WIDTH / page.width))
    height = max(box.y1 - box.y0 + 2 * _MARGIN_Y * page.scale, _MIN_HEIGHT * page.scale)
    x0, x1 = _interval((box.x0 + box.x1) / 2, width)
    y0, y1 = _interval((box.y0 + box.y1) / 2, height)
    for line in lines:
        if line.x1 <= box.x0 and x0 < line.x1:
            x0 = min(line.x1 + _LINE_GAP, box.x0)
        if line.x0 >= box.x1 and x1 > line.x0:
            x1 = max(line.x0 - _LINE_GAP, box.x1)
    visible = [line for line in lines if line.x1 > x0 and line.x0 < x1]
    y0 = min((line.y0 for line in visible if line.y0 < y0 < line.y1), default=y0)
    y1 = max((line.y1 for line in visible if line.y0 < y1 < line.y1), default=y1)
    return (
        math.floor(max(0.0, x0) * page.width),
        math.floor(max(0.0, y0) * page.height),
        math.ceil(min(1.0, x1) * page.width),
        math.ceil(min(1.0, y1) * page.height),
    )


def _interval(center: float, size: float) -> tuple[float, float]:
    """Return an interval of this size (at most 1) around the center, moved to lie between 0 and 1."""
    size = min(1.0, size)
    low = min(max(0.0, center - size / 2), 1.0 - size)
    return low, low + size
