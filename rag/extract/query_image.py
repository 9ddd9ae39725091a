"""Screenshots sent with a question, decoded and rewritten by the extraction process only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rag.errors import NotFound, Unreadable
from rag.extract.file_types import TIFF
from rag.extract.ocr import OCR_LONG_SIDE
from rag.model.extraction import WHOLE_PAGE, ExtractedPage
from rag.ports import Extractor

MAX_PARTS = 4
"""Pages of a tall screenshot that are searched for, from the top."""


class QueryImage:
    """A picture as the extraction process drew it, while that still recognizes its words.

    `drawn`: JPEGs of its parts, as they were sent; only a tall picture has more than one.
    """

    def __init__(self, drawn: Sequence[Path], folder: Path, pages: Future[list[ExtractedPage]]) -> None:
        """`pages` are being extracted to `folder`."""
        self.drawn = drawn
        self._folder = folder
        self._pages = pages

    def read(self) -> list[tuple[Path, ExtractedPage]]:
        """Wait for the words. Return a JPEG of each part, turned upright, and the page extracted from it.

        Raise Unreadable if the first part cannot be read.
        """
        pages = self._pages.result()
        first = pages[0]
        if first.error is not None or first.render is None:
            raise Unreadable(first.error or "The picture couldn't be read.", "Send it as a PNG or JPEG.")
        return [(self._folder / page.render, page) for page in pages if page.render is not None]


@contextmanager
def open_query_image(path: Path, extractor: Extractor, folder: Path) -> Iterator[QueryImage]:
    """Yield a picture, of which JPEGs are written to `folder`. Close the extractor at the end, even if it still reads.

    The calling process holds secrets, so it must not decode the picture itself. Raise NotFound, or Unreadable if the
    file is not a picture.
    """
    if not path.is_file():
        raise NotFound(f"The file {path} doesn't exist.", "Check the name.")
    found = extractor.inspect(path)
    if not found.media_type.startswith("image/"):
        raise Unreadable("The file isn't a picture.", "Send it as a PNG or JPEG.")
    # Further frames of a TIFF are other pictures.
    count = 1 if found.media_type == TIFF else min(found.page_count, MAX_PARTS)
    as_sent, upright = folder / "as-sent", folder / "upright"
    as_sent.mkdir()
    upright.mkdir()
    drawn = [
        extractor.draw_region(path, number, WHOLE_PAGE, OCR_LONG_SIDE, 0, as_sent) for number in range(1, count + 1)
    ]
    with ThreadPoolExecutor(1, thread_name_prefix="query-image") as reader:
        try:
            yield QueryImage(drawn, upright, reader.submit(extractor.extract, path, 1, count, upright))
        finally:
            extractor.close()
