"""Pictures of pages: JPEG renders, crops of figures and tables, and detection of blank pages."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, TextSource

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITY = 80
_MARGIN = 0.02
"""Margin around a crop, as a fraction of the page: CLIP crops to a square and would cut the corners of a tight crop."""

MAX_REGION_PIXELS = 8_000_000
"""Pixels of a part of a page that is drawn again."""

_INK_CONTRAST = 40
_BLANK = 5e-5
"""A page is blank if a smaller fraction of its pixels differs by _INK_CONTRAST gray levels from the median.

A single digit on a page is above this.
"""


class StageTimer:
    """Measures the milliseconds that each stage of a page takes; call it with a stage's name in a `with` statement."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {"parse": 0.0, "layout": 0.0, "render": 0.0, "ocr": 0.0}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = round(self.ms[name] + (time.perf_counter() - start) * 1000, 1)


def turned_image(image: Image, turn: int) -> Image:
    """Return the picture turned clockwise by 0, 90, 180 or 270 degrees; the same object for 0."""
    from PIL import Image as pillow

    if turn == 0:
        return image
    methods = {90: pillow.Transpose.ROTATE_270, 180: pillow.Transpose.ROTATE_180, 270: pillow.Transpose.ROTATE_90}
    return image.transpose(methods[turn])


def page_name(number: int, crop: int | None = None) -> str:
    """Return the file name of a page's picture (p0012.jpg), or of one of its crops (p0012-3.jpg)."""
    return f"p{number:04d}.jpg" if crop is None else f"p{number:04d}-{crop}.jpg"


def save_render(image: Image, path: Path, long_side: int) -> None:
    """Write a JPEG, scaled down to at most `long_side` pixels."""
    if max(image.size) > long_side:
        image = image.copy()
        image.thumbnail((long_side, long_side))
    _save_jpeg(image, path)


def page_region(pymupdf: Any, page: Any, region: Box, width: int) -> Image:
    """Return a part of a PDF page, `width` pixels wide unless that is more than MAX_REGION_PIXELS in all."""
    from PIL import Image as pillow

    across, down = page.rect.width, page.rect.height
    clip = pymupdf.Rect(region.x0 * across, region.y0 * down, region.x1 * across, region.y1 * down)
    scale = min(width / clip.width, math.sqrt(MAX_REGION_PIXELS / (clip.width * clip.height)))
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), clip=clip, alpha=False)
    return pillow.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def drawn_region(image: Image, number: int, into: Path) -> ExtractedPage:
    """Write a picture of a part of a page to `into`; return a page that has only this picture."""
    _save_jpeg(image, into / page_name(number))
    return ExtractedPage(number, None, image.width, image.height, TextSource.NONE, (), page_name(number))


def save_crops(blocks: list[Block], image: Image, number: int, into: Path) -> tuple[Block, ...]:
    """Write a crop of each figure and table to `into`, upright; return the blocks with the names of their crops."""
    cropped: list[Block] = []
    count = 0
    for block in blocks:
        if block.kind in (BlockKind.FIGURE, BlockKind.TABLE) and block.box.area > 0:
            count += 1
            name = page_name(number, count)
            crop = image.crop(pixel_box(block.box, image.size, _MARGIN))
            _save_jpeg(turned_image(crop, block.turn), into / name)
            block = replace(block, picture=name)
        cropped.append(block)
    return tuple(cropped)


def _save_jpeg(image: Image, path: Path) -> None:
    image.save(path, "JPEG", quality=_QUALITY)


def pixel_box(box: Box, size: tuple[int, int], margin: float = 0.0) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in pixels of a picture of this size; at least one pixel wide and high."""
    width, height = size
    left = min(max(0, int((box.x0 - margin) * width)), width - 1)
    top = min(max(0, int((box.y0 - margin) * height)), height - 1)
    right = max(left + 1, min(width, round((box.x1 + margin) * width)))
    bottom = max(top + 1, min(height, round((box.y1 + margin) * height)))
    return left, top, right, bottom


def is_blank(image: Image) -> bool:
    """Return whether the picture has one shade, except for specks."""
    import numpy as np

    gray = np.asarray(image.convert("L"), dtype=np.int16)
    return bool((np.abs(gray - np.median(gray)) > _INK_CONTRAST).mean() < _BLANK)
