"""PDF pages through PyMuPDF. Boxes leave here as fractions of the page as it is displayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import Unreadable
from rag.extract.file_types import meaningful_title
from rag.extract.geometry import Placed, clamped, holds, lines_of, with_lines
from rag.extract.layout import figures
from rag.extract.layout.analysis import Layout
from rag.extract.ocr import LONG_SIDE, Recogniser, is_garbage, uncovered, wanted_figures, wants_whole_page
from rag.extract.render import Stages, is_blank, page_name, save_render, with_crops
from rag.extract.scan import Marks, blocks_of_page, blocks_of_picture
from rag.model import Block, BlockKind, Box, Inspection, Line, PageReading, TextSource, Word
from rag.settings import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_FEW_PATHS = 200
"""Pages with more paths have drawings enough; their paths are not looked at one by one."""
_LONGEST_LABEL = 40
_LONGEST_WORD = 200
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 0xAD, 0x200B, 0xFEFF, 0xFFFD))
"""Control characters, soft hyphens, zero-width marks, and what stands for letters the font does not name."""


class PdfPages:
    """Reads PDFs; `layout` and `ocr` are None when they are switched off."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, layout: Layout | None, ocr: Recogniser | None) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._layout = layout
        self._ocr = ocr

    @contextmanager
    def _open(self, path: Path) -> Iterator[Any]:
        try:
            document = self._pymupdf.open(str(path), filetype="pdf")
        except (self._pymupdf.FileDataError, RuntimeError, ValueError) as error:
            raise Unreadable("The PDF is damaged and cannot be opened.", "Export or download it again.") from error
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
                    "Split it, or raise read.max_pages.",
                )
            return Inspection(media_type, count, meaningful_title((document.metadata or {}).get("title")))

    @contextmanager
    def opened(self, path: Path, _media_type: str, into: Path) -> Iterator[Callable[[int], PageReading]]:
        """A function that reads one page by its number; render and crops are written to `into`."""
        try:
            with self._open(path) as document:
                yield lambda number: self._read(document, number, into)
        finally:
            # MuPDF keeps up to 256 MB of what it decoded, of documents that are closed as well.
            self._pymupdf.TOOLS.store_shrink(100)

    def _read(self, document: Any, number: int, into: Path) -> PageReading:
        stages = Stages()
        with stages("parse"):
            page = document[number - 1]
            label = _label(page)
            words = [] if self._ocr is not None and self._is_garbage(page) else self._words(page)
            marks = self._marks(page)
        with stages("render"):
            image = self._render(page)
            save_render(image, into / page_name(number), self._settings.render_px)
            blank = not words and is_blank(image)
        characters = sum(len(placed.word.text) for placed in words)
        whole = wants_whole_page(characters, len(words), background=figures.background(marks.pictures))
        if whole and self._ocr is not None and not blank:
            with stages("ocr"):
                read = uncovered(self._ocr.whole(image), [placed.word.box for placed in words])
            with stages("layout"):
                blocks = blocks_of_picture(image, [*lines_of(words), *read], self._layout)
        else:
            with stages("layout"):
                # The analysis groups words: on a page without any it finds nothing, after all its work.
                regions = self._layout.regions(page) if words and self._layout is not None else []
                blocks = blocks_of_page(image, words, regions, marks)
            if self._ocr is not None and not blank:
                with stages("ocr"):
                    blocks = _recognise(self._ocr, image, blocks, [placed.word.box for placed in words])
        with stages("render"):
            done = with_crops(blocks, image, number, into)
        return PageReading(
            number=number,
            label=label,
            width=page.rect.width,
            height=page.rect.height,
            text_source=_source(done),
            blocks=done,
            render=page_name(number),
            stage_ms=stages.ms,
        )

    def _render(self, page: Any) -> Image:
        from PIL import Image

        rect = page.rect
        scale = max(self._settings.render_px, LONG_SIDE) / max(rect.width, rect.height)
        pixmap = page.get_pixmap(matrix=self._pymupdf.Matrix(scale, scale), alpha=False)
        if not pixmap.width or not pixmap.height:  # millions of times as wide as high: its words may still be read
            return Image.new("RGB", (max(1, pixmap.width), max(1, pixmap.height)), "white")
        return Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)

    def _words(self, page: Any) -> list[Placed]:
        """The text layer's words inside the page. Ligatures come apart, so that "fi" is found."""
        module = self._pymupdf
        flags = module.TEXTFLAGS_WORDS & ~module.TEXT_PRESERVE_LIGATURES & ~module.TEXT_CID_FOR_UNKNOWN_UNICODE
        whole = Box(0, 0, 1, 1)
        found = []
        for x0, y0, x1, y1, text, block, line, _ in page.get_text("words", flags=flags):
            clean = text.translate(_CONTROLS).strip()[:_LONGEST_WORD]
            raw = self._displayed(page, (x0, y0, x1, y1))
            if clean and holds(whole, raw):
                found.append(Placed(Word(clean, clamped(*raw)), (block << 20) + line, block))
        return found

    def _is_garbage(self, page: Any) -> bool:
        flags = self._pymupdf.TEXTFLAGS_WORDS & ~self._pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
        return is_garbage(page.get_text("text", flags=flags).split())

    def _marks(self, page: Any) -> Marks:
        pictures: list[Box] = []
        paths: list[Box] = []
        for kind, rect, *_ in page.get_bboxlog():
            into = pictures if "image" in kind else paths if "path" in kind or "shade" in kind else None
            if into is not None:
                box = clamped(*self._displayed(page, rect))
                if box.x1 > box.x0 or box.y1 > box.y0:
                    into.append(box)
        return Marks(pictures, paths, self._shapes(page) if len(paths) <= _FEW_PATHS else [])

    def _shapes(self, page: Any) -> list[Box]:
        """Paths with a slanted line, or of curves alone: triangles and circles, not panels with round corners."""
        return [
            clamped(*self._displayed(page, path["rect"])) for path in page.get_drawings() if _is_shape(path["items"])
        ]

    def _displayed(self, page: Any, rect: Sequence[float]) -> Box:
        """A rectangle of the unrotated page as fractions of the displayed one."""
        x0, y0, x1, y1 = self._pymupdf.Rect(rect) * page.rotation_matrix if page.rotation else rect
        width, height = page.rect.width, page.rect.height
        return Box(x0 / width, y0 / height, x1 / width, y1 / height)


def _label(page: Any) -> str | None:
    try:
        label = page.get_label() or ""
    except Exception:  # noqa: BLE001 - damaged labels raise all sorts of errors; none of them costs the page
        return None
    return label.translate(_CONTROLS).strip()[:_LONGEST_LABEL] or None


def _is_shape(items: Sequence[Any]) -> bool:
    kinds = {item[0] for item in items}
    slanted = any(
        item[0] == "l" and abs(item[1].x - item[2].x) > 1 and abs(item[1].y - item[2].y) > 1 for item in items
    )
    return slanted or kinds == {"c"}


def _recognise(ocr: Recogniser, image: Image, blocks: list[Block], layer: Sequence[Box]) -> list[Block]:
    """The blocks with what is recognised in the figures the layer has no words for; at most one run."""
    wanted = wanted_figures(blocks, layer)
    if not wanted:
        return blocks
    owners: dict[Box, list[Line]] = {box: [] for box in wanted}  # smallest first
    for line in uncovered(ocr.parts(image, wanted), layer):
        owner = next((box for box in wanted if holds(box, line.box)), None)
        if owner is not None:
            owners[owner].append(line)
    figure = BlockKind.FIGURE
    return [with_lines(block, owners.get(block.box, []) if block.kind is figure else []) for block in blocks]


def _source(blocks: Sequence[Block]) -> TextSource:
    kinds = {line.ocr for block in blocks for line in block.lines}
    if kinds == {True, False}:
        return TextSource.BOTH
    if kinds == {True}:
        return TextSource.OCR
    return TextSource.LAYER if kinds else TextSource.NONE
