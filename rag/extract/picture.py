"""Pictures as documents: one page, or one for each frame of a TIFF."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import Unreadable
from rag.extract.file_types import PICTURES, TIFF
from rag.extract.layout.analysis import Layout
from rag.extract.ocr import LONG_SIDE, Recogniser
from rag.extract.render import Stages, is_blank, page_name, save_render, with_crops
from rag.extract.scan import blocks_of_picture
from rag.images import upright
from rag.model import Block, Inspection, PageReading, TextSource
from rag.settings import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_POINTS = 72 / 96
"""Points of a pixel: what a screen shows at its usual 96 dots an inch."""


class PicturePages:
    """Reads pictures; `layout` and `ocr` are None when they are switched off."""

    def __init__(self, settings: ReadSettings, layout: Layout | None, ocr: Recogniser | None) -> None:
        self._settings = settings
        self._layout = layout
        self._ocr = ocr

    @contextmanager
    def _open(self, path: Path, media_type: str) -> Iterator[Image]:
        """The picture with its size checked. Decoding errors inside the block become Unreadable."""
        from PIL import Image

        limit = self._settings.max_megapixels
        Image.MAX_IMAGE_PIXELS = limit * 1_000_000
        too_large = Unreadable(
            f"The picture has more than {limit} megapixels.", "Save it smaller, or raise read.max_megapixels."
        )
        try:
            with Image.open(path, formats=[PICTURES[media_type]]) as image:
                if image.width * image.height > limit * 1_000_000:
                    raise too_large
                yield image
        except Image.DecompressionBombError as error:
            raise too_large from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's decoders raise on broken files
            raise Unreadable("The picture is damaged and cannot be shown.", "Save or download it again.") from error

    def inspect(self, path: Path, media_type: str) -> Inspection:
        with self._open(path, media_type) as image:
            count = getattr(image, "n_frames", 1) if media_type == TIFF else 1
            if count > self._settings.max_pages:
                raise Unreadable(
                    f"The picture has {count:,} pages; the limit is {self._settings.max_pages:,}.",
                    "Split it, or raise read.max_pages.",
                )
            image.load()
        return Inspection(media_type, count, None)

    @contextmanager
    def opened(self, path: Path, media_type: str, into: Path) -> Iterator[Callable[[int], PageReading]]:
        """A function that reads one page by its number; its render is written to `into`."""
        with self._open(path, media_type) as image:
            yield lambda number: self._read(image, number, into)

    def _read(self, opened: Image, number: int, into: Path) -> PageReading:
        stages = Stages()
        with stages("parse"):
            if number > 1:
                opened.seek(number - 1)
                if opened.width * opened.height > self._settings.max_megapixels * 1_000_000:
                    raise Unreadable(f"This page has more than {self._settings.max_megapixels} megapixels.")
            image = upright(opened)
            width, height = image.size
            image.thumbnail((side := max(self._settings.render_px, LONG_SIDE), side))
        with stages("render"):
            save_render(image, into / page_name(number), self._settings.render_px)
        blocks: list[Block] = []
        if self._ocr is not None and not is_blank(image):
            with stages("ocr"):
                lines = self._ocr.whole(image)
            with stages("layout"):
                blocks = blocks_of_picture(image, lines, self._layout)
        with stages("render"):
            done = with_crops(blocks, image, number, into)
        return PageReading(
            number=number,
            label=None,
            width=width * _POINTS,
            height=height * _POINTS,
            text_source=TextSource.OCR if any(block.lines for block in done) else TextSource.NONE,
            blocks=done,
            render=page_name(number),
            stage_ms=stages.ms,
        )
