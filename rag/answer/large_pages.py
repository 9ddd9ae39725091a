"""Pages drawn from the document: parts of large ones, in whose saved picture letters are too small, and whole ones that
were only skimmed, so that they have no saved picture yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rag.catalog import Catalog
from rag.catalog.documents import sha256_of
from rag.data_dir import temporary_folder
from rag.errors import ExtractorStopped, Unreadable
from rag.model.extraction import WHOLE_PAGE, Box
from rag.model.search import Hit
from rag.ports import RegionDrawer

if TYPE_CHECKING:
    from PIL import Image

_WIDTH = 1200
"""Pixels of a whole page."""

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
        path = self._document(hit)
        if path is None:
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

    @contextmanager
    def drawn(self, hit: Hit) -> Iterator[Hit]:
        """Yield a hit on a page without a saved picture with one that is drawn now, if that is possible."""
        path = None if hit.page_image is not None else self._document(hit)
        if path is None:
            yield hit
            return
        with temporary_folder("evidence", self.data) as folder:
            try:
                with closing(self.open_drawer()) as drawer:
                    image = drawer.draw_region(path, hit.page, WHOLE_PAGE, _WIDTH, 0, Path(folder))
            except (Unreadable, ExtractorStopped, OSError):
                image = None
            yield replace(hit, page_image=image)

    def _document(self, hit: Hit) -> Path | None:
        """Return the file of the hit's document, if it is still there."""
        with self.catalog.read_transaction() as connection:
            sha256 = sha256_of(connection, hit.document)
        path = self.data / "files" / (sha256 or "")
        return path if sha256 is not None and path.is_file() else None


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
