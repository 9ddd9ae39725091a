"""Extraction of pictures: one page, one page per frame of a TIFF or of an animation, or several of a tall picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import Unreadable
from rag.extract.file_types import HEIC, PICTURES
from rag.extract.key_frames import animation_notes, page_frames
from rag.extract.layout.analysis import Layout
from rag.extract.ocr import OCR_LONG_SIDE, TextRecognizer
from rag.extract.protocol import Request
from rag.extract.render import (
    MAX_REGION_PIXELS,
    StageTimer,
    drawn_region,
    is_blank,
    page_name,
    pixel_box,
    save_crops,
    save_render,
    turned_image,
)
from rag.extract.scan import picture_blocks
from rag.extract.tall_pictures import count_parts, cut_part
from rag.images import upright_rgb
from rag.model.extraction import ExtractedPage, Inspection, Recognition, TextSource
from rag.setting_groups import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_POINTS = 72 / 96
"""Points per pixel at 96 dpi, the usual resolution of a screen."""

_MAX_PAGE_ASPECT = 3
"""The layout model knows pages. In pictures that are longer, it takes text for figures and footers."""


class PictureExtractor:
    """Extracts the pages of pictures. `layout` and `ocr` are None if they are turned off."""

    def __init__(self, settings: ReadSettings, layout: Layout | None, ocr: TextRecognizer | None) -> None:
        self._settings = settings
        self._layout = layout
        self._ocr = ocr

    @contextmanager
    def _open(self, path: Path, media_type: str) -> Iterator[Image]:
        """Open a picture and check its size. Decoding errors inside the `with` block are raised as Unreadable."""
        from PIL import Image

        if media_type == HEIC:
            from pillow_heif import register_heif_opener

            register_heif_opener()
        limit = self._settings.max_megapixels
        Image.MAX_IMAGE_PIXELS = limit * 1_000_000
        too_large = Unreadable(
            f"The picture has more than {limit} megapixels.", "Save it smaller, or raise `read.max_megapixels`."
        )
        try:
            with Image.open(path, formats=[PICTURES[media_type]]) as image:
                if image.width * image.height > limit * 1_000_000:
                    raise too_large
                yield image
        except Image.DecompressionBombError as error:
            raise too_large from error
        except (
            OSError,
            SyntaxError,
            ValueError,
            EOFError,
            RuntimeError,
        ) as error:  # Pillow's decoders raise any of these
            raise Unreadable("The picture is damaged and can't be displayed.", "Save or download it again.") from error

    def inspect(self, path: Path, media_type: str) -> Inspection:
        with self._open(path, media_type) as image:
            frames = page_frames(image, media_type)
            count = len(frames.numbers) if len(frames.numbers) > 1 else count_parts(image)
            if count > self._settings.max_pages:
                raise Unreadable(
                    f"The picture has {count:,} pages; the limit is {self._settings.max_pages:,}.",
                    "Split it, or raise `read.max_pages`.",
                )
            image.load()
            return Inspection(media_type, count, None, animation_notes(image, media_type, frames))

    @contextmanager
    def open_pages(self, path: Path, media_type: str, into: Path) -> Iterator[Callable[[int], ExtractedPage]]:
        """Yield a function that extracts a page by its number and writes its pictures to `into`."""
        with self._open(path, media_type) as image:
            frames = page_frames(image, media_type).numbers
            yield lambda number: self._extract(image, frames, number, into)

    def text_layer(self, _path: Path, _media_type: str, number: int) -> ExtractedPage:
        """Return a page without words: a picture has no text layer."""
        return ExtractedPage(number, None, 0, 0, TextSource.NONE, (), None)

    def draw_region(self, path: Path, media_type: str, request: Request, into: Path) -> ExtractedPage:
        """Draw a part of a page of the picture, turned clockwise by `request.turn` degrees; it is never enlarged."""
        with self._open(path, media_type) as opened:
            image = self._page_image(opened, page_frames(opened, media_type).numbers, request.first)
        image = turned_image(image, request.turn)
        image = image.crop(pixel_box(request.region, image.size))
        image.thumbnail((request.width, MAX_REGION_PIXELS // max(1, request.width)))
        return drawn_region(image, request.first, into)

    def _page_image(self, opened: Image, frames: Sequence[int], number: int) -> Image:
        """Return a page in full size, with its EXIF orientation applied."""
        if len(frames) > 1:
            opened.seek(frames[number - 1])
            if opened.width * opened.height > self._settings.max_megapixels * 1_000_000:
                raise Unreadable(f"This page has more than {self._settings.max_megapixels} megapixels.")
        image = upright_rgb(opened)
        return image if len(frames) > 1 else cut_part(image, number)

    def _extract(self, opened: Image, frames: Sequence[int], number: int, into: Path) -> ExtractedPage:
        timer = StageTimer()
        with timer("parse"):
            image = self._page_image(opened, frames, number)
        found = Recognition()
        has_content = self._ocr is not None and not is_blank(image)
        if self._ocr is not None and has_content:
            with timer("ocr"):
                found = self._ocr.recognize(image)
        with timer("render"):
            image = turned_image(image, found.turn)
            width, height = image.size
            image.thumbnail((side := max(self._settings.render_px, OCR_LONG_SIDE), side))
            save_render(image, into / page_name(number), self._settings.render_px)
        with timer("layout"):
            is_page = max(image.size) <= _MAX_PAGE_ASPECT * min(image.size)
            blocks = picture_blocks(image, found.lines, self._layout if is_page else None) if has_content else []
        with timer("render"):
            cropped = save_crops(blocks, image, number, into)
        return ExtractedPage(
            number=number,
            label=None,
            width=width * _POINTS,
            height=height * _POINTS,
            text_source=TextSource.OCR if any(block.lines for block in cropped) else TextSource.NONE,
            blocks=cropped,
            render=page_name(number),
            stage_ms=timer.ms,
            notes=found.notes,
        )
