"""The size at which a scanned page is drawn for OCR."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rag.extract.ocr import MAX_OCR_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

_LARGE_PAGE = 1300
"""Points of the long side of a page that is larger than A3: at the usual size, its letters are too small for OCR."""

_POINT_PIXELS = 2.0
"""Pixels per point at which letters of 8 points are read well."""

_LARGE_PICTURE, _MAX_ON_PAPER = 3600, 3840
"""Pixels of the long side of a picture that has more detail than a scan of A4 at 300 dpi, such as a screenshot of a
4K screen, and the long side at which a page up to A3 with such a picture is drawn."""


def scan_image(page: Any, pymupdf: Any, image: Image) -> Image:
    """Return the page's picture for OCR: `image`, or for large pages and detailed pictures a larger one."""
    from PIL import Image as pillow

    rect = page.rect
    long_side = max(rect.width, rect.height)
    usual = max(image.size) / long_side
    scale = min(_wanted_scale(long_side, _picture_sides(page)), math.sqrt(MAX_OCR_PIXELS / (rect.width * rect.height)))
    if scale < 1.25 * usual:
        return image
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), alpha=False)
    return pillow.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def _picture_sides(page: Any) -> tuple[int, float]:
    """Return the long side in pixels of the page's largest picture, and the most pixels per point of any picture."""
    longest, density = 0, 0.0
    for info in page.get_image_info():
        x0, y0, x1, y1 = info["bbox"]
        longest = max(longest, info["width"], info["height"])
        sides = max(x1 - x0, y1 - y0), max(info["width"], info["height"])
        density = max(density, sides[1] / sides[0] if sides[0] > 0 else 0.0)
    return longest, density


def _wanted_scale(long_side: float, pictures: tuple[int, float]) -> float:
    longest, density = pictures
    if long_side > _LARGE_PAGE:
        return max(min(density, _POINT_PIXELS), min(density, longest / long_side))
    return min(density, _MAX_ON_PAPER / long_side) if longest >= _LARGE_PICTURE else 0.0
