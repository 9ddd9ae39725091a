"""Pictures of pages: JPEG renders, crops of regions, and whether there is anything on a page at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.model import Block, BlockKind, Box

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITY = 80
_MARGIN = 0.02
"""White left around a crop, as a share of the page: a tight crop loses its corners in CLIP's square."""

_INK = 40
_BLANK = 5e-5
"""A page is blank when fewer of its pixels differ by _INK grey levels from the middling one: a lone "2" is more."""


class Stages:
    """How many milliseconds each stage of a page took."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {"parse": 0.0, "layout": 0.0, "render": 0.0, "ocr": 0.0}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = round(self.ms[name] + (time.perf_counter() - start) * 1000, 1)


def page_name(number: int, crop: int | None = None) -> str:
    """p0012.jpg, or p0012-3.jpg for its third crop."""
    return f"p{number:04d}.jpg" if crop is None else f"p{number:04d}-{crop}.jpg"


def save_render(image: Image, path: Path, long_side: int) -> None:
    if max(image.size) > long_side:
        image = image.copy()
        image.thumbnail((long_side, long_side))
    image.save(path, "JPEG", quality=_QUALITY)


def with_crops(blocks: list[Block], image: Image, number: int, into: Path) -> tuple[Block, ...]:
    """The blocks, figures and tables with their crop saved and named."""
    done: list[Block] = []
    count = 0
    for block in blocks:
        if block.kind in (BlockKind.FIGURE, BlockKind.TABLE) and block.box.area > 0:
            count += 1
            name = page_name(number, count)
            cut = image.crop(pixels(block.box, image.size, _MARGIN))
            cut.save(into / name, "JPEG", quality=_QUALITY)
            block = replace(block, picture=name)
        done.append(block)
    return tuple(done)


def pixels(box: Box, size: tuple[int, int], margin: float = 0.0) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in pixels of a picture of this size; at least one pixel each way."""
    width, height = size
    left = min(max(0, int((box.x0 - margin) * width)), width - 1)
    top = min(max(0, int((box.y0 - margin) * height)), height - 1)
    right = max(left + 1, min(width, round((box.x1 + margin) * width)))
    bottom = max(top + 1, min(height, round((box.y1 + margin) * height)))
    return left, top, right, bottom


def is_blank(image: Image) -> bool:
    """Whether the picture is of one shade, but for specks."""
    import numpy as np

    grey = np.asarray(image.convert("L"), dtype=np.int16)
    return bool((np.abs(grey - np.median(grey)) > _INK).mean() < _BLANK)
