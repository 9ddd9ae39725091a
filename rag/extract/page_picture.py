"""The picture of a PDF page, and what it is without the page's text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Mask = NDArray[np.bool_]
    Pixels = NDArray[np.uint8]
    Rows = NDArray[np.float64]

Area = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""

MIN_CONTRAST = 16
"""Of the 255 levels of a color. Fainter text, such as white on nearly white, is not seen."""

_MIN_CHECKED_SCALE, _MAX_CHECKED_PIXELS = 1.0, 12_000_000
"""Pixels per point at which words are judged, if the page has fewer pixels than the limit at this scale."""

_PAPER = 255
"""Level of each color where nothing is painted."""

_CELL = 16
"""Side, in pixels, of the squares of which it is known whether words, and anything else, are in them."""

_SPREAD = 2
"""Pixels that a thin line or a picture may extend beyond its rectangle."""

_MAX_AREAS = 8
"""Areas of a page that are drawn one by one. If there are more, the area around all of them is drawn."""

_EVERYWHERE = 1e6


class PagePicture:
    """The picture of a page, `scale` pixels per point large, and where its text changes it."""

    def __init__(self, pymupdf: Any, page: Any, scale: float) -> None:
        self._pymupdf = pymupdf
        self._displayed = page.get_displaylist()
        self._rotation = page.rotation_matrix
        self.scale = scale
        self._seen = self._drawn = self._draw(scale)
        self._without_text: dict[Area, Pixels] = {}
        pixels_per_point = (_MAX_CHECKED_PIXELS / max(page.rect.width * page.rect.height, 1)) ** 0.5
        self.checked_scale = max(scale, min(_MIN_CHECKED_SCALE, pixels_per_point))

    @cached_property
    def image(self) -> Image.Image:
        """The picture, `scale` pixels per point large."""
        from PIL import Image

        height, width, _ = self._drawn.shape
        return Image.frombytes("RGB", (width, height), self._drawn)

    def text_ink(self, words: Rows, others: Rows) -> Mask:
        """Return the pixels, at the checked scale, that are different without the page's text.

        Only the pixels in `words` are right: rectangles in pixels, one a row. Nothing but text is painted outside of
        `others`, rectangles of the page without its rotation, except for repeated patterns.
        """
        import cv2

        if self.checked_scale != self.scale:
            self._seen = self._draw(self.checked_scale)
        height, width, _ = self._seen.shape
        if _has_patterns(self._pymupdf, self._displayed):
            areas = [(0, 0, width, height)]
        else:
            areas = _common_areas(words, self.pixels(others), width, height)
        same = cv2.inRange(self._seen, (_PAPER - MIN_CONTRAST + 1,) * 3, (_PAPER,) * 3)
        for x0, y0, x1, y1 in areas:
            below = self._without_text[x0, y0, x1, y1] = self._draw_without_text((x0, y0, x1, y1))
            difference = cv2.absdiff(self._seen[y0:y1, x0:x1], below)
            same[y0:y1, x0:x1] = cv2.inRange(difference, (0, 0, 0), (MIN_CONTRAST - 1,) * 3)
        different: Mask = same == 0
        return different

    def _draw(self, scale: float) -> Pixels:
        matrix = self._pymupdf.Matrix(scale, scale)
        return _pixels(self._displayed.get_pixmap(matrix=matrix, alpha=False))

    def _draw_without_text(self, area: Area) -> Pixels:
        mupdf = self._pymupdf.mupdf
        rgb = mupdf.FzColorspace(mupdf.FzColorspace.Fixed_RGB)
        pixmap = mupdf.fz_new_pixmap_with_bbox(rgb, mupdf.FzIrect(*area), mupdf.FzSeparations(), 0)
        mupdf.fz_clear_pixmap_with_value(pixmap, _PAPER)
        drawing = mupdf.fz_new_draw_device(mupdf.FzMatrix(), pixmap)
        everywhere = mupdf.fz_rect()
        everywhere.x0 = everywhere.y0 = -_EVERYWHERE
        everywhere.x1 = everywhere.y1 = _EVERYWHERE
        culling = mupdf.fz_new_culling_device_with_rects2(drawing, mupdf.vector_fz_rect([everywhere]))
        scale = mupdf.FzMatrix(self.checked_scale, 0, 0, self.checked_scale, 0, 0)
        mupdf.fz_run_display_list(self._displayed.this, culling, scale, mupdf.FzRect(*area), mupdf.FzCookie())
        mupdf.fz_close_device(culling)
        mupdf.fz_close_device(drawing)
        return _pixels(self._pymupdf.Pixmap("raw", pixmap))

    def has_background(self, rect: Area, color: int) -> bool:
        """Return whether text of this color could not be seen in a rectangle. Call `text_ink` before."""
        import numpy as np
        from PIL import Image, ImageStat

        x0, y0, x1, y1 = rect
        seen = self._seen[y0:y1, x0:x1]
        below = np.full_like(seen, _PAPER)
        for (left, top, right, bottom), drawn in self._without_text.items():
            a0, b0, a1, b1 = max(x0, left), max(y0, top), min(x1, right), min(y1, bottom)
            if a0 < a1 and b0 < b1:
                below[b0 - y0 : b1 - y0, a0 - x0 : a1 - x0] = drawn[b0 - top : b1 - top, a0 - left : a1 - left]
        medians = (ImageStat.Stat(Image.fromarray(part)).median for part in (below, seen))
        colors = zip(*medians, color.to_bytes(3, "big"), strict=True)
        return all(max(of_one) - min(of_one) < MIN_CONTRAST for of_one in colors)

    def pixels(self, rects: Rows) -> Rows:
        """Return rectangles of the page without its rotation, one a row, in pixels at the checked scale."""
        import numpy as np

        corners = rects.reshape(-1, 2, 2)
        a, b, c, d, e, f = self._rotation
        x, y = corners[..., 0], corners[..., 1]
        moved = np.stack([a * x + c * y + e, b * x + d * y + f], axis=-1) * self.checked_scale
        return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def _common_areas(words: Rows, others: Rows, width: int, height: int) -> list[Area]:
    """Return the areas of a page, in pixels, in which there are both words and anything else."""
    import cv2
    import numpy as np

    shape = -(-height // _CELL), -(-width // _CELL)
    common = _cells(words, shape) & _cells(others, shape)
    if not common.any():
        return []
    _, _, stats, _ = cv2.connectedComponentsWithStats(common.view(np.uint8), connectivity=8)
    parts = stats[1:, :4].astype(int)
    found = np.concatenate([parts[:, :2], parts[:, :2] + parts[:, 2:]], axis=1)
    if len(found) > _MAX_AREAS:
        found = np.concatenate([found[:, :2].min(axis=0), found[:, 2:].max(axis=0)]).reshape(1, 4)
    areas = np.minimum(found * _CELL, (width, height, width, height)).tolist()
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in areas]


def _cells(rects: Rows, shape: tuple[int, int]) -> Mask:
    """Return the cells of a page that rectangles, in pixels, reach into."""
    import numpy as np

    limit = np.array([shape[1], shape[0]]) - 1
    numbers = np.nan_to_num(rects, nan=0, posinf=_EVERYWHERE, neginf=-_EVERYWHERE)
    start = np.clip((numbers[:, :2] - _SPREAD) // _CELL, 0, limit).astype(int)
    end = np.clip((numbers[:, 2:] + _SPREAD) // _CELL, 0, limit).astype(int) + 1
    # One more where a rectangle starts and one less where it ends; the sums are the numbers of rectangles.
    changes = np.zeros((shape[0] + 1, shape[1] + 1), dtype=int)
    np.add.at(changes, (start[:, 1], start[:, 0]), 1)
    np.add.at(changes, (end[:, 1], end[:, 0]), 1)
    np.add.at(changes, (start[:, 1], end[:, 0]), -1)
    np.add.at(changes, (end[:, 1], start[:, 0]), -1)
    reached: Mask = changes.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
    return reached


def _has_patterns(pymupdf: Any, displayed: Any) -> bool:
    """Return whether a page has repeated patterns. The log of paintings has only the first repetition."""
    mupdf = pymupdf.mupdf
    found: list[bool] = []
    device = _pattern_finder(mupdf.FzDevice2)(lambda: found.append(True))
    everywhere = mupdf.FzRect(mupdf.FzRect.Fixed_INFINITE)
    mupdf.fz_run_display_list(displayed.this, device, mupdf.FzMatrix(), everywhere, mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return bool(found)


@cache
def _pattern_finder(device: Any) -> Any:
    class PatternFinder(device):  # type: ignore[misc]
        def __init__(self, report: Callable[[], None]) -> None:
            super().__init__()
            self._report = report
            self.use_virtual_begin_tile()

        def begin_tile(self, *_: Any) -> int:
            self._report()
            return 0

    return PatternFinder


def _pixels(pixmap: Any) -> Pixels:
    import numpy as np

    width, height = pixmap.width, pixmap.height
    if not width or not height:  # millions of times wider than high; its words can still be extracted
        return np.full((max(1, height), max(1, width), 3), _PAPER, dtype=np.uint8)
    return np.frombuffer(pixmap.samples, dtype=np.uint8).reshape(height, width, 3)
