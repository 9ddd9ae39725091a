"""PyMuPDF, opened with bounded threads, and its layout analysis."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rag.extract.geometry import Region, clamped
from rag.extract.invisible_text import UnseenFonts, UnseenText
from rag.extract.limits import out_of_memory
from rag.model import BlockKind, Line

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
"""PyMuPDF's names; text, formula and whatever it may yet invent are text."""


_PAGE_SIDE = 792
"""Points of a picture's long side as the analysis sees it: a page's, which is what the model was trained on."""


@contextmanager
def _bounded_sessions(threads: int) -> Iterator[None]:
    """Give onnxruntime's session class a default number of threads for as long as this lasts.

    PyMuPDF builds its layout sessions on every core and has no setting for it: a page then takes 1.7 times the
    processor time, and two readers wait for each other.
    """
    import onnxruntime

    original = onnxruntime.InferenceSession

    class Bounded(original):  # type: ignore[misc, valid-type]
        def __init__(self, model: Any, sess_options: Any = None, **rest: Any) -> None:
            options = sess_options or onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = threads
            super().__init__(model, sess_options=options, **rest)

    onnxruntime.InferenceSession = Bounded
    try:
        yield
    finally:
        onnxruntime.InferenceSession = original


def load_pymupdf(threads: int) -> Any:
    """The module `pymupdf`, quiet. Importing it builds layout sessions, so `threads` matters here already."""
    with _bounded_sessions(threads):
        import pymupdf
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf


class Layout:
    """PyMuPDF's layout model on `threads` threads. `pymupdf` is what load_pymupdf returned."""

    def __init__(self, pymupdf: Any, threads: int) -> None:
        self._pymupdf = pymupdf
        self._fonts = UnseenFonts(pymupdf)
        # The model behind page.get_layout(), asked itself: it alone tells where a table's cells meet.
        with _bounded_sessions(threads):
            from pymupdf.layout.onnx.BoxRFDGNN import BoxRFDGNN

            self._model = BoxRFDGNN(use_sort=True)

    def regions(self, page: Any) -> list[Region]:
        """Regions in reading order, boxes as the page is displayed; [] where the analysis fails or finds nothing."""
        rotation, rect = page.rotation, page.rect
        if rotation == 0:
            return self._analyse(page, rect)
        # The analysis knows no rotation: it gets an upright copy. The copying asks for the page unrotated.
        page.set_rotation(0)
        try:
            with self._pymupdf.open() as copy:
                upright = copy.new_page(width=rect.width, height=rect.height)
                upright.show_pdf_page(upright.rect, page.parent, page.number, rotate=-rotation)
                return self._analyse(upright, rect)
        finally:
            page.set_rotation(rotation)

    def regions_of_picture(self, image: Image, lines: Sequence[Line]) -> list[Region]:
        """Regions of a page that is a picture, boxes as fractions of it; `lines` are what was recognised on it.

        The analysis sees words through a text layer alone, so it gets a page with the picture and the words, unseen.
        """
        module = self._pymupdf
        scale = _PAGE_SIDE / max(image.size)
        width, height = image.width * scale, image.height * scale
        with module.open() as copy:
            page = copy.new_page(width=width, height=height)
            pixmap = module.Pixmap(module.csRGB, image.width, image.height, image.tobytes(), False)
            page.insert_image(page.rect, pixmap=pixmap)
            unseen = UnseenText(module, self._fonts, page.rect)
            for line in lines:
                tall = (line.box.y1 - line.box.y0) * height
                for word in line.words:
                    wide = (word.box.x1 - word.box.x0) * width
                    unseen.put(word.text, word.box.x0 * width, word.box.y1 * height, wide, tall)
            unseen.write(page)
            return self._analyse(page, page.rect)

    def _analyse(self, page: Any, rect: Any) -> list[Region]:
        try:
            groups = self._model.predict(page, return_raw=True)
        except Exception as error:  # a model's failure on one page; plain text blocks serve instead
            if out_of_memory(error):
                raise MemoryError from error
            log.warning("no layout for page %s (%s)", page.number + 1, type(error).__name__)
            return []
        return _regions(groups, rect.width, rect.height)


def _regions(groups: Iterable[Any], width: float, height: float) -> list[Region]:
    found = []
    for group in groups:
        x0, y0, x1, y1 = (float(value) for value in group["group_bbox"][:4])
        box = clamped(x0 / width, y0 / height, x1 / width, y1 / height)
        if box.area > 0:
            grid = group.get("table_grid")
            rows = [(y0 + float(line)) / height for line in grid.h_lines] if grid else []
            columns = [(x0 + float(line)) / width for line in grid.v_lines] if grid else []
            found.append(
                Region(
                    _KINDS.get(group["class_name"], BlockKind.TEXT),
                    box,
                    tuple(sorted(row for row in rows if box.y0 < row < box.y1)),
                    tuple(sorted(column for column in columns if box.x0 < column < box.x1)),
                )
            )
    return found
