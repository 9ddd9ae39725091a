"""PyMuPDF, opened with bounded threads, and its layout analysis."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rag.model import BlockKind
from rag.read.limits import out_of_memory
from rag.read.words import Region, clamped

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
        # The model behind page.get_layout(), but without its table grids: nobody here reads them, and they
        # cost 0.2 s a table.
        with _bounded_sessions(threads):
            from pymupdf.layout.onnx.BoxRFDGNN import BoxRFDGNN

            self._model = BoxRFDGNN(use_sort=True)
        self._model.table_grid_extractor = None

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

    def _analyse(self, page: Any, rect: Any) -> list[Region]:
        try:
            rows = self._model.predict(page)
        except Exception as error:  # a model's failure on one page; plain text blocks serve instead
            if out_of_memory(error):
                raise MemoryError from error
            log.warning("no layout for page %s: %r", page.number + 1, error)
            return []
        return _regions(rows, rect.width, rect.height)


def _regions(rows: Iterable[Any], width: float, height: float) -> list[Region]:
    found = []
    for x0, y0, x1, y1, kind in rows:
        box = clamped(x0 / width, y0 / height, x1 / width, y1 / height)
        if box.area > 0:
            found.append(Region(_KINDS.get(kind, BlockKind.TEXT), box))
    return found
