"""Extraction of PDF pages with PyMuPDF. All boxes are fractions of the page as displayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import Unreadable
from rag.extract.annotations import comment_blocks
from rag.extract.beside_text import DocumentNotes, beside_text, read_document_notes
from rag.extract.covered_places import CoveredPlaces
from rag.extract.file_types import meaningful_title
from rag.extract.form_fields import without_tick_marks
from rag.extract.geometry import PlacedWord, Region, append_lines, clamped_box, contains_center, group_into_lines
from rag.extract.layout.analysis import Layout
from rag.extract.layout.figures import has_background
from rag.extract.layout.reading_order import text_blocks
from rag.extract.ocr import (
    OCR_LONG_SIDE,
    TextRecognizer,
    figures_for_ocr,
    lines_outside_words,
    needs_page_ocr,
)
from rag.extract.page_picture import PagePicture
from rag.extract.page_structure import read_structure
from rag.extract.page_words import CONTROLS, Frame, is_layer_garbled, seen_page_words, uncovered_page_words
from rag.extract.pdf_shells import portfolio_notes, refuse_shell
from rag.extract.protocol import Request
from rag.extract.render import (
    StageTimer,
    drawn_region,
    is_blank,
    page_name,
    page_region,
    save_crops,
    save_render,
)
from rag.extract.scan import PageGraphics, page_blocks, picture_blocks
from rag.extract.scan_size import scan_image
from rag.extract.skim import SCALE as SKIM_SCALE
from rag.extract.skim import skim_blocks, skim_words
from rag.extract.text_layer import LayerWord, read_words
from rag.extract.turned_text import (
    DirectedLine,
    add_turned_words,
    directed_lines,
    may_be_turned,
    split_words,
    text_turn,
    turned_areas,
)
from rag.extract.visibility import DrawingOrder, split_seen
from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, Inspection, Line, Note, TextSource
from rag.setting_groups import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_INSPECTED_PATHS = 200
"""On pages with more paths, the clusters of paths are enough to find drawings; single paths are not inspected."""
_MAX_LABEL_CHARS = 40


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a page shows as it is displayed now. `turned`: words by the degrees clockwise that make them upright."""

    frame: Frame
    image: Image
    graphics: PageGraphics
    words: list[PlacedWord]
    turned: dict[int, list[PlacedWord]]
    watermarks: list[Block]
    notes: tuple[Note, ...]

    @property
    def all_words(self) -> list[PlacedWord]:
        return [placed for group in (self.words, *self.turned.values()) for placed in group]

    @property
    def boxes(self) -> list[Box]:
        return [placed.word.box for placed in self.all_words]

    @property
    def is_scan(self) -> bool:
        characters = sum(len(placed.word.text) for placed in self.all_words)
        return needs_page_ocr(characters, len(self.boxes), background=has_background(self.graphics.pictures))

    @property
    def is_blank(self) -> bool:
        return not self.all_words and is_blank(self.image)


class PdfExtractor:
    """Extracts the pages of PDFs. `layout` and `ocr` are None if they are turned off."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, layout: Layout | None, ocr: TextRecognizer | None) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._layout = layout
        self._ocr = ocr
        self._last_notes: tuple[tuple[str, int, int], DocumentNotes] | None = None

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
            refuse_shell(document)
            title = meaningful_title((document.metadata or {}).get("title"))
            return Inspection(media_type, count, title, portfolio_notes(document))

    @contextmanager
    def open_pages(self, path: Path, _media_type: str, into: Path) -> Iterator[Callable[[int], ExtractedPage]]:
        """Yield a function that extracts a page by its number and writes its pictures to `into`."""
        try:
            with self._open(path) as document:
                notes = self._notes(path, document)
                yield lambda number: self._extract(document, number, into, notes)
        finally:
            # MuPDF caches up to 256 MB of decoded data, even of closed documents.
            self._pymupdf.TOOLS.store_shrink(100)

    @contextmanager
    def open_skim(self, path: Path) -> Iterator[Callable[[int], ExtractedPage]]:
        """Yield a function that returns the words that are seen on a page, by its number; see `rag.extract.skim`."""
        try:
            with self._open(path) as document:
                yield lambda number: self._skim(document[number - 1], number)
        finally:
            self._pymupdf.TOOLS.store_shrink(100)

    def _skim(self, page: Any, number: int) -> ExtractedPage:
        words = skim_words(self._pymupdf, page)
        blocks = self._seen_blocks(page) if words is None else skim_blocks(words)
        source = TextSource.LAYER if blocks else TextSource.NONE
        return ExtractedPage(number, _label(page), page.rect.width, page.rect.height, source, blocks, None)

    def _seen_blocks(self, page: Any) -> tuple[Block, ...]:
        """Return the words that are seen on a page, turned upright, in blocks."""
        layer = read_words(self._pymupdf, page)
        lines = self._turn_upright(page, layer)
        picture = PagePicture(self._pymupdf, page, SKIM_SCALE)
        seen, _ = split_seen(layer, picture, DrawingOrder(page, page.get_bboxlog()))
        words, turned = split_words(Frame(self._pymupdf, page).place(seen), turned_areas(page, lines))
        return tuple(block for group in (words, *turned.values()) for block in text_blocks(group_into_lines(group)))

    def text_layer(self, path: Path, _media_type: str, number: int) -> ExtractedPage:
        """Return the words of a page's text layer, without drawing the page; none if they are garbled.

        Words that something may cover are left out.
        """
        with self._open(path) as document:
            page = document[number - 1]
            layer = read_words(self._pymupdf, page)
            layer = [] if is_layer_garbled(layer) else layer
            lines = self._turn_upright(page, layer)
            found = uncovered_page_words(layer, Frame(self._pymupdf, page), DrawingOrder(page, page.get_bboxlog()))
            words, turned = split_words(found.words, turned_areas(page, lines))
            groups = [words, *turned.values()]
            blocks = tuple(block for group in groups for block in text_blocks(group_into_lines(group)))
            return ExtractedPage(
                number=number,
                label=_label(page),
                width=page.rect.width,
                height=page.rect.height,
                text_source=_text_source(blocks),
                blocks=blocks,
                render=None,
                notes=found.notes,
            )

    def draw_region(self, path: Path, _media_type: str, request: Request, into: Path) -> ExtractedPage:
        """Draw a part of a page, turned upright as far as its text layer says, and by `request.turn` more."""
        with self._open(path) as document:
            page = document[request.first - 1]
            self._turn_upright(page, read_words(self._pymupdf, page))
            page.set_rotation((page.rotation + request.turn) % 360)
            image = page_region(self._pymupdf, page, request.region, request.width)
            return drawn_region(image, request.first, into)

    def _notes(self, path: Path, document: Any) -> DocumentNotes:
        """Return the document's notes, which are kept while it is extracted in ranges of pages."""
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        if self._last_notes is None or self._last_notes[0] != key:
            self._last_notes = (key, read_document_notes(document))
        return self._last_notes[1]

    def _extract(self, document: Any, number: int, into: Path, document_notes: DocumentNotes) -> ExtractedPage:
        timer = StageTimer()
        with timer("parse"):
            page = document[number - 1]
            label = _label(page)
            layer = read_words(self._pymupdf, page)
            if self._ocr is not None and is_layer_garbled(layer):
                layer = []
            structure = read_structure(document, page)
            lines = self._turn_upright(page, layer)
        shown = self._look(page, layer, lines, timer)
        notes = shown.notes if structure is None else (*shown.notes, *structure.notes)
        if structure is None and shown.is_scan and self._ocr is not None and not shown.is_blank:
            with timer("ocr"):
                found = self._ocr.recognize(scan_image(page, self._pymupdf, shown.image))
            notes = (*notes, *found.notes)
            if found.turn:
                page.set_rotation((page.rotation + found.turn) % 360)
                shown = self._look(page, layer, lines or directed_lines(page, self._pymupdf), timer)
            with timer("layout"):
                recognized = lines_outside_words(found.lines, shown.boxes)
                blocks = picture_blocks(shown.image, [*group_into_lines(shown.words), *recognized], self._layout)
        else:
            with timer("layout"):
                regions = self._regions(page, shown.words) if structure is None else structure.regions
                blocks = page_blocks(shown.image, shown.words, regions, shown.graphics)
            if self._ocr is not None and not shown.is_blank:
                with timer("ocr"):
                    blocks, unread = _recognize_figures(self._ocr, shown.image, blocks, shown.boxes)
                notes = (*notes, *unread)
        if shown.turned:
            with timer("layout"):
                blocks = add_turned_words(shown.image, blocks, shown.turned)
        with timer("render"):
            save_render(shown.image, into / page_name(number), self._settings.render_px)
            cropped = save_crops([*blocks, *shown.watermarks], shown.image, number, into)
        with timer("parse"):
            printed = [word for block in cropped for line in block.lines for word in line.words]
            covered = CoveredPlaces(shown.image, shown.frame, layer, printed)
            beside, damage = beside_text(page, printed, document_notes, shown.frame.displayed, covered.is_covered)
            comments = comment_blocks(page, shown.frame.displayed)
        return ExtractedPage(
            number=number,
            label=label,
            width=page.rect.width,
            height=page.rect.height,
            text_source=_text_source(cropped),
            blocks=(*cropped, *beside, *comments),
            render=page_name(number),
            stage_ms=timer.ms,
            notes=(*notes, *damage),
        )

    def _turn_upright(self, page: Any, layer: Sequence[LayerWord]) -> list[DirectedLine]:
        """Turn the page if most of its text is turned. Return its lines if some of them may still be."""
        if page.rotation == 0 and all(word.upright for word in layer):
            return []
        rect = page.rect
        if not may_be_turned(Frame(self._pymupdf, page).place(layer), rect.width, rect.height):
            return []
        lines = directed_lines(page, self._pymupdf)
        page.set_rotation((page.rotation + text_turn(page, lines)) % 360)
        return lines

    def _look(self, page: Any, layer: Sequence[LayerWord], lines: Sequence[DirectedLine], timer: StageTimer) -> _Shown:
        """Draw the page, and return it with the words of its text layer that are seen on it.

        `lines` are those of the text layer if some may be turned.
        """
        with timer("parse"):
            frame = Frame(self._pymupdf, page)
            paintings = page.get_bboxlog()
            graphics = self._graphics(page, frame, paintings)
        with timer("render"):
            scale = max(self._settings.render_px, OCR_LONG_SIDE) / max(page.rect.width, page.rect.height)
            picture = PagePicture(self._pymupdf, page, scale)
        with timer("parse"):
            order = DrawingOrder(page, paintings)
            seen = seen_page_words(layer, frame, picture, order, graphics.pictures, self._ocr)
            words = without_tick_marks(page, seen.words, frame.displayed)
            words, turned = split_words(words, turned_areas(page, lines))
        return _Shown(frame, picture.image, graphics, words, turned, seen.watermarks, seen.notes)

    def _regions(self, page: Any, words: Sequence[PlacedWord]) -> Sequence[Region]:
        """Return the layout's regions. On a page without words the model takes as long and finds nothing."""
        return self._layout.regions(page) if words and self._layout is not None else []

    def _graphics(self, page: Any, frame: Frame, paintings: Sequence[tuple[Any, ...]]) -> PageGraphics:
        pictures: list[Box] = []
        paths: list[Box] = []
        for kind, rect, *_ in paintings:
            boxes = pictures if "image" in kind else paths if "path" in kind or "shade" in kind else None
            if boxes is not None:
                box = clamped_box(*frame.displayed(rect))
                if box.x1 > box.x0 or box.y1 > box.y0:
                    boxes.append(box)
        # Paths with a slanted line, or with curves only: not panels with rounded corners.
        drawings = page.get_cdrawings() if len(paths) <= _MAX_INSPECTED_PATHS else []
        shapes = [clamped_box(*frame.displayed(path["rect"])) for path in drawings if _is_shape(path["items"])]
        return PageGraphics(pictures, paths, shapes)


def _label(page: Any) -> str | None:
    try:
        label = page.get_label() or ""
    except Exception:  # noqa: BLE001 - damaged labels raise anything; the page itself may be fine
        return None
    return label.translate(CONTROLS).strip()[:_MAX_LABEL_CHARS] or None


def _is_shape(items: Sequence[Any]) -> bool:
    kinds = {item[0] for item in items}
    slanted = any(
        item[0] == "l" and abs(item[1][0] - item[2][0]) > 1 and abs(item[1][1] - item[2][1]) > 1 for item in items
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
