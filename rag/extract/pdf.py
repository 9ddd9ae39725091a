"""Extraction of PDF pages with PyMuPDF. All boxes are fractions of the page as displayed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import Unreadable
from rag.extract.file_types import meaningful_title
from rag.extract.geometry import PlacedWord, append_lines, clamped_box, contains_center, group_into_lines
from rag.extract.layout.analysis import Layout
from rag.extract.layout.figures import has_background
from rag.extract.layout.reading_order import text_blocks
from rag.extract.ocr import (
    OCR_LONG_SIDE,
    TextRecognizer,
    figures_for_ocr,
    is_garbled,
    lines_outside_words,
    needs_page_ocr,
)
from rag.extract.protocol import Request
from rag.extract.render import (
    MAX_REGION_PIXELS,
    StageTimer,
    drawn_region,
    is_blank,
    page_name,
    save_crops,
    save_render,
    turned_image,
)
from rag.extract.scan import PageGraphics, page_blocks, picture_blocks
from rag.extract.scan_size import scan_image
from rag.extract.turned_text import add_turned_words, may_be_turned, split_words, text_turn, turned_areas
from rag.model import WHOLE_PAGE, Block, BlockKind, Box, ExtractedPage, Inspection, Line, Note, TextSource, Word
from rag.settings import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_INSPECTED_PATHS = 200
"""On pages with more paths, the clusters of paths are enough to find drawings; single paths are not inspected."""
_MAX_LABEL_CHARS = 40
_MAX_WORD_CHARS = 200
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 0xAD, 0x200B, 0xFEFF, 0xFFFD))
"""Control characters, soft hyphens, zero-width marks, and the replacement character for unmapped glyphs."""


class PdfExtractor:
    """Extracts the pages of PDFs. `layout` and `ocr` are None if they are turned off."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, layout: Layout | None, ocr: TextRecognizer | None) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._layout = layout
        self._ocr = ocr

    @contextmanager
    def _open(self, path: Path) -> Iterator[Any]:
        try:
            document = self._pymupdf.open(str(path), filetype="pdf")
        except (self._pymupdf.FileDataError, RuntimeError, ValueError) as error:
            raise Unreadable("The PDF is damaged and can't be opened.", "Export or download it again.") from error
        with document:
            if document.needs_pass:
                raise Unreadable("The PDF is encrypted with a password.", "Save it without the password.")
            yield document

    def inspect(self, path: Path, media_type: str) -> Inspection:
        with self._open(path) as document:
            count = document.page_count
            if count < 1:
                raise Unreadable("The PDF is damaged: it has no pages.", "Export or download it again.")
            if count > self._settings.max_pages:
                raise Unreadable(
                    f"The document has {count:,} pages; the limit is {self._settings.max_pages:,}.",
                    "Split it, or raise `read.max_pages`.",
                )
            return Inspection(media_type, count, meaningful_title((document.metadata or {}).get("title")))

    @contextmanager
    def open_pages(self, path: Path, _media_type: str, into: Path) -> Iterator[Callable[[int], ExtractedPage]]:
        """Yield a function that extracts a page by its number and writes its pictures to `into`."""
        try:
            with self._open(path) as document:
                yield lambda number: self._extract(document, number, into)
        finally:
            # MuPDF caches up to 256 MB of decoded data, even of closed documents.
            self._pymupdf.TOOLS.store_shrink(100)

    def text_layer(self, path: Path, _media_type: str, number: int) -> ExtractedPage:
        """Return the words of a page's text layer, without drawing the page; none if they are garbled."""
        with self._open(path) as document:
            page = document[number - 1]
            words, turned = self._upright_words(page, [] if self._is_garbled(page) else self._words(page))
            rest = [placed for group in turned.values() for placed in group]
            blocks = (*text_blocks(group_into_lines(words)), *text_blocks(group_into_lines(rest)))
            width, height = page.rect.width, page.rect.height
            return ExtractedPage(number, _label(page), width, height, _text_source(blocks), blocks, None)

    def draw_region(self, path: Path, _media_type: str, request: Request, into: Path) -> ExtractedPage:
        """Draw a part of a page, turned upright as far as its text layer says, and by `request.turn` more."""
        from PIL import Image

        module, region = self._pymupdf, request.region
        with self._open(path) as document:
            page = document[request.first - 1]
            self._upright_words(page, self._words(page))
            page.set_rotation((page.rotation + request.turn) % 360)
            width, height = page.rect.width, page.rect.height
            clip = module.Rect(region.x0 * width, region.y0 * height, region.x1 * width, region.y1 * height)
            scale = min(request.width / clip.width, math.sqrt(MAX_REGION_PIXELS / (clip.width * clip.height)))
            pixmap = page.get_pixmap(matrix=module.Matrix(scale, scale), clip=clip, alpha=False)
            image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
            return drawn_region(image, request.first, into)

    def _extract(self, document: Any, number: int, into: Path) -> ExtractedPage:
        timer = StageTimer()
        with timer("parse"):
            page = document[number - 1]
            label = _label(page)
            words = [] if self._ocr is not None and self._is_garbled(page) else self._words(page)
            words, turned = self._upright_words(page, words)
            graphics = self._graphics(page)
        with timer("render"):
            image = self._render(page)
            save_render(image, into / page_name(number), self._settings.render_px)
            blank = not words and not turned and is_blank(image)
        layer = _boxes(words, turned)
        characters = sum(len(placed.word.text) for group in (words, *turned.values()) for placed in group)
        is_scan = needs_page_ocr(characters, len(layer), background=has_background(graphics.pictures))
        notes: tuple[Note, ...] = ()
        if is_scan and self._ocr is not None and not blank:
            with timer("ocr"):
                found = self._ocr.recognize(scan_image(page, self._pymupdf, image))
                notes = found.notes
            if found.turn:
                with timer("render"):
                    page.set_rotation((page.rotation + found.turn) % 360)
                    words, turned = split_words(self._words(page), turned_areas(page, self._pymupdf))
                    layer = _boxes(words, turned)
                    image = turned_image(image, found.turn)
                    save_render(image, into / page_name(number), self._settings.render_px)
            with timer("layout"):
                recognized = lines_outside_words(found.lines, layer)
                blocks = picture_blocks(image, [*group_into_lines(words), *recognized], self._layout)
        else:
            with timer("layout"):
                # The layout model groups words; on a page without words it takes as long and finds nothing.
                regions = self._layout.regions(page) if words and self._layout is not None else []
                blocks = page_blocks(image, words, regions, graphics)
            if self._ocr is not None and not blank:
                with timer("ocr"):
                    blocks, notes = _recognize_figures(self._ocr, image, blocks, layer)
        if turned:
            with timer("layout"):
                blocks = add_turned_words(image, blocks, turned)
        with timer("render"):
            cropped = save_crops(blocks, image, number, into)
        return ExtractedPage(
            number=number,
            label=label,
            width=page.rect.width,
            height=page.rect.height,
            text_source=_text_source(cropped),
            blocks=cropped,
            render=page_name(number),
            stage_ms=timer.ms,
            notes=notes,
        )

    def _upright_words(
        self, page: Any, words: list[PlacedWord]
    ) -> tuple[list[PlacedWord], dict[int, list[PlacedWord]]]:
        """Turn the page if most of its text is turned. Return the upright words, and turned ones by their turn."""
        if not may_be_turned(words, page.rect.width, page.rect.height):
            return words, {}
        if turn := text_turn(page, self._pymupdf):
            page.set_rotation((page.rotation + turn) % 360)
            words = self._words(page)
        return split_words(words, turned_areas(page, self._pymupdf))

    def _render(self, page: Any) -> Image:
        from PIL import Image

        rect = page.rect
        scale = max(self._settings.render_px, OCR_LONG_SIDE) / max(rect.width, rect.height)
        pixmap = page.get_pixmap(matrix=self._pymupdf.Matrix(scale, scale), alpha=False)
        if not pixmap.width or not pixmap.height:  # millions of times wider than high; its words can still be extracted
            return Image.new("RGB", (max(1, pixmap.width), max(1, pixmap.height)), "white")
        return Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)

    def _words(self, page: Any) -> list[PlacedWord]:
        """Return the words of the text layer that are on the page. Ligatures are split, so that "fi" can be found."""
        module = self._pymupdf
        flags = module.TEXTFLAGS_WORDS & ~module.TEXT_PRESERVE_LIGATURES & ~module.TEXT_CID_FOR_UNKNOWN_UNICODE
        words = []
        for x0, y0, x1, y1, text, block, line, _ in page.get_text("words", flags=flags):
            clean = text.translate(_CONTROLS).strip()[:_MAX_WORD_CHARS]
            box = self._displayed(page, (x0, y0, x1, y1))
            if clean and contains_center(WHOLE_PAGE, box):
                words.append(PlacedWord(Word(clean, clamped_box(*box)), (block << 20) + line, block))
        return words

    def _is_garbled(self, page: Any) -> bool:
        flags = self._pymupdf.TEXTFLAGS_WORDS & ~self._pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
        return is_garbled(page.get_text("text", flags=flags).split())

    def _graphics(self, page: Any) -> PageGraphics:
        pictures: list[Box] = []
        paths: list[Box] = []
        for kind, rect, *_ in page.get_bboxlog():
            boxes = pictures if "image" in kind else paths if "path" in kind or "shade" in kind else None
            if boxes is not None:
                box = clamped_box(*self._displayed(page, rect))
                if box.x1 > box.x0 or box.y1 > box.y0:
                    boxes.append(box)
        return PageGraphics(pictures, paths, self._shapes(page) if len(paths) <= _MAX_INSPECTED_PATHS else [])

    def _shapes(self, page: Any) -> list[Box]:
        """Return the boxes of paths with a slanted line, or with curves only: not of panels with rounded corners."""
        return [
            clamped_box(*self._displayed(page, path["rect"]))
            for path in page.get_drawings()
            if _is_shape(path["items"])
        ]

    def _displayed(self, page: Any, rect: Sequence[float]) -> Box:
        """Convert a rectangle of the unrotated page, in points, to fractions of the displayed page."""
        x0, y0, x1, y1 = self._pymupdf.Rect(rect) * page.rotation_matrix if page.rotation else rect
        width, height = page.rect.width, page.rect.height
        return Box(x0 / width, y0 / height, x1 / width, y1 / height)


def _boxes(words: Sequence[PlacedWord], turned: Mapping[int, Sequence[PlacedWord]]) -> list[Box]:
    return [placed.word.box for group in (words, *turned.values()) for placed in group]


def _label(page: Any) -> str | None:
    try:
        label = page.get_label() or ""
    except Exception:  # noqa: BLE001 - damaged labels raise anything; the page itself may be fine
        return None
    return label.translate(_CONTROLS).strip()[:_MAX_LABEL_CHARS] or None


def _is_shape(items: Sequence[Any]) -> bool:
    kinds = {item[0] for item in items}
    slanted = any(
        item[0] == "l" and abs(item[1].x - item[2].x) > 1 and abs(item[1].y - item[2].y) > 1 for item in items
    )
    return slanted or kinds == {"c"}


def _recognize_figures(
    ocr: TextRecognizer, image: Image, blocks: list[Block], words: Sequence[Box]
) -> tuple[list[Block], tuple[Note, ...]]:
    """Add recognized lines to figures without words in the text layer, in at most one OCR call.

    Return all blocks, and notes about text that was not recognized.
    """
    figures = figures_for_ocr(blocks, words)  # smallest first
    if not figures:
        return blocks, ()
    found = ocr.recognize_regions(image, figures)
    lines_by_figure: dict[Box, list[Line]] = {box: [] for box in figures}
    for line in lines_outside_words(found.lines, words):
        figure = next((box for box in figures if contains_center(box, line.box)), None)
        if figure is not None:
            lines_by_figure[figure].append(line)
    completed = [
        append_lines(block, lines_by_figure.get(block.box, []) if block.kind is BlockKind.FIGURE else [])
        for block in blocks
    ]
    return completed, found.notes


def _text_source(blocks: Sequence[Block]) -> TextSource:
    kinds = {line.ocr for block in blocks for line in block.lines}
    if kinds == {True, False}:
        return TextSource.BOTH
    if kinds == {True}:
        return TextSource.OCR
    return TextSource.LAYER if kinds else TextSource.NONE
