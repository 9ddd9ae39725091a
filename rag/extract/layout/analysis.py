"""PyMuPDF's layout model, loaded with a limited number of threads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import Region, clamped_box
from rag.extract.invisible_text import InvisibleText, InvisibleTextFonts
from rag.extract.limits import is_out_of_memory
from rag.model.extraction import BlockKind, Line

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger("magpie.read")

_KINDS = {
    "title": BlockKind.TITLE,
    "section-header": BlockKind.HEADING,
    "list-item": BlockKind.LIST,
    "table": BlockKind.TABLE,
    "picture": BlockKind.FIGURE,
    "caption": BlockKind.CAPTION,
    "footnote": BlockKind.FOOTNOTE,
    "page-header": BlockKind.HEADER,
    "page-footer": BlockKind.FOOTER,
}
"""PyMuPDF's class names; all others (text, formula) are treated as text."""


_PAGE_LONG_SIDE = 792
"""Long side, in points, of the page that a picture is analyzed as: the model was trained on pages of this size."""


_REPLACING = threading.Lock()
"""Held while `onnxruntime.InferenceSession` is replaced."""


@contextmanager
def limited_onnx_threads(threads: int) -> Iterator[None]:
    """Limit the threads of onnxruntime sessions that this thread creates during the `with` block.

    PyMuPDF creates its layout sessions with one thread per core and has no setting for that: a page then takes 1.7
    times the processor time, and two extraction processes slow each other down.
    """
    import onnxruntime

    with _REPLACING:
        original, owner = onnxruntime.InferenceSession, threading.get_ident()

        class LimitedSession(original):  # type: ignore[misc, valid-type]
            def __init__(self, model: Any, sess_options: Any = None, *args: Any, **rest: Any) -> None:
                options = sess_options
                if threading.get_ident() == owner:
                    options = sess_options or onnxruntime.SessionOptions()
                    options.intra_op_num_threads = options.inter_op_num_threads = threads
                super().__init__(model, options, *args, **rest)

        onnxruntime.InferenceSession = LimitedSession
        try:
            yield
        finally:
            onnxruntime.InferenceSession = original


class Layout:
    """PyMuPDF's layout model on `threads` threads. `pymupdf` is the module from `load_pymupdf`."""

    def __init__(self, pymupdf: Any, threads: int) -> None:
        self._pymupdf = pymupdf
        self._fonts = InvisibleTextFonts(pymupdf)
        # The model behind page.get_layout(), which leaves out the rows and columns of tables. The class is not public:
        # pyproject.toml allows the versions that were tested.
        with limited_onnx_threads(threads):
            from pymupdf.layout.onnx.BoxRFDGNN import BoxRFDGNN

            self.model = BoxRFDGNN(use_sort=True)

    def regions(self, page: Any) -> list[Region]:
        """Return regions in reading order, as fractions of the displayed page; [] if the analysis fails."""
        rotation, rect = page.rotation, page.rect
        if rotation == 0:
            return self._analyze(page, rect)
        # The model ignores rotation, so it gets an upright copy, made from the page without its rotation.
        page.set_rotation(0)
        try:
            with self._pymupdf.open() as copy:
                upright = copy.new_page(width=rect.width, height=rect.height)
                upright.show_pdf_page(upright.rect, page.parent, page.number, rotate=-rotation)
                return self._analyze(upright, rect)
        finally:
            page.set_rotation(rotation)

    def regions_of_picture(self, image: Image, lines: Sequence[Line]) -> list[Region]:
        """Return regions of a page that is a picture, as fractions of it; `lines` are its recognized lines.

        The model gets words only from a text layer, so it analyzes a page with the picture and invisible words.
        """
        module = self._pymupdf
        scale = _PAGE_LONG_SIDE / max(image.size)
        width, height = image.width * scale, image.height * scale
        with module.open() as copy:
            page = copy.new_page(width=width, height=height)
            pixmap = module.Pixmap(module.csRGB, image.width, image.height, image.tobytes(), False)
            page.insert_image(page.rect, pixmap=pixmap)
            text_layer = InvisibleText(module, self._fonts, page.rect)
            for line in lines:
                line_height = (line.box.y1 - line.box.y0) * height
                for word in line.words:
                    word_width = (word.box.x1 - word.box.x0) * width
                    text_layer.add_word(word.text, word.box.x0 * width, word.box.y1 * height, word_width, line_height)
            text_layer.write(page)
            return self._analyze(page, page.rect)

    def _analyze(self, page: Any, rect: Any) -> list[Region]:
        try:
            groups = self.model.predict(page, return_raw=True)
        except Exception as error:  # fall back to the file's text blocks
            if is_out_of_memory(error):
                raise MemoryError from error
            log.warning("Layout analysis of page %s failed (%s).", page.number + 1, type(error).__name__)
            return []
        return _regions(groups, rect.width, rect.height)


def open_layout(pymupdf: Any, threads: int) -> tuple[Layout | None, str]:
    """Return the layout model and "", or None and why it cannot be loaded: blocks then come from the file alone."""
    try:
        return Layout(pymupdf, threads), ""
    except Exception as error:  # the library is another version, or incomplete
        if is_out_of_memory(error):
            raise MemoryError from error
        return None, f"{type(error).__name__}: {error}"


def _regions(groups: Iterable[Any], width: float, height: float) -> list[Region]:
    regions = []
    for group in groups:
        x0, y0, x1, y1 = (float(value) for value in group["group_bbox"][:4])
        box = clamped_box(x0 / width, y0 / height, x1 / width, y1 / height)
        if box.area > 0:
            grid = group.get("table_grid")
            rows = [(y0 + float(line)) / height for line in grid.h_lines] if grid else []
            columns = [(x0 + float(line)) / width for line in grid.v_lines] if grid else []
            regions.append(
                Region(
                    _KINDS.get(group["class_name"], BlockKind.TEXT),
                    box,
                    tuple(sorted(row for row in rows if box.y0 < row < box.y1)),
                    tuple(sorted(column for column in columns if box.x0 < column < box.x1)),
                )
            )
    return regions
