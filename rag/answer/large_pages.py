"""Parts of large pages, drawn again from the document: letters are too small in the saved picture of such a page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.catalog import Catalog
from rag.catalog.documents import sha256_of
from rag.data_dir import temporary_folder
from rag.errors import ExtractorStopped, Unreadable
from rag.model.extraction import Box
from rag.model.search import Hit
from rag.ports import RegionDrawer

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 64
_SAME = 0.8
"""Correlation of two pictures of this side from which they show the same region."""


@dataclass(frozen=True)
class LargePages:
    """Draws regions of documents in the data folder, each with a new process from `open_drawer`."""

    catalog: Catalog
    data: Path
    open_drawer: Callable[[], RegionDrawer]

    def draw(self, hit: Hit, saved: Image.Image, region: Box, width: int) -> Image.Image | None:
        """Return a region of the hit's page, `width` pixels wide or less; None if the document can't be drawn.

        `saved` is the saved picture of the page. A scan may have been turned when it was recognized: of the four
        orientations, the one that looks like the saved picture is returned.
        """
        with self.catalog.read_transaction() as connection:
            sha256 = sha256_of(connection, hit.document)
        path = self.data / "files" / (sha256 or "")
        if sha256 is None or not path.is_file():
            return None
        expected = _thumbnail(_cut(saved, region))
        best: tuple[float, Image.Image] | None = None
        try:
            with temporary_folder("evidence", self.data) as folder, closing(self.open_drawer()) as drawer:
                for turn in (0, 90, 180, 270):
                    image = _load(drawer.draw_region(path, hit.page, region, width, turn, Path(folder)))
                    likeness = _correlation(_thumbnail(image), expected)
                    if best is None or likeness > best[0]:
                        best = likeness, image
                    if likeness >= _SAME:
                        break
        except (Unreadable, ExtractorStopped, OSError):
            return None
        return best[1] if best is not None else None


def _load(path: Path) -> Image.Image:
    from PIL import Image

    with Image.open(path, formats=("JPEG",)) as opened:
        return opened.convert("RGB")


def _cut(page: Image.Image, region: Box) -> Image.Image:
    left, top = int(region.x0 * page.width), int(region.y0 * page.height)
    right, bottom = round(region.x1 * page.width), round(region.y1 * page.height)
    return page.crop((left, top, max(left + 1, right), max(top + 1, bottom)))


def _thumbnail(image: Image.Image) -> list[float]:
    return [float(value) for value in image.convert("L").resize((_SIDE, _SIDE)).tobytes()]


def _correlation(one: list[float], other: list[float]) -> float:
    """Return the correlation of two pictures, -1 to 1; 1 if neither has any contrast."""
    import numpy as np

    a, b = np.array(one), np.array(other)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 1.0
