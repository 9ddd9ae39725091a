"""Screenshots sent with a question, decoded and rewritten by the extraction process only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rag.errors import NotFound, Unreadable
from rag.extract.file_types import TIFF
from rag.model.extraction import ExtractedPage
from rag.ports import Extractor

MAX_PARTS = 4
"""Pages of a tall screenshot that are searched for, from the top."""


def extract_query_image(
    path: Path, open_extractor: Callable[[], Extractor], folder: Path
) -> list[tuple[Path, ExtractedPage]]:
    """Return the path of a JPEG of the picture, written to `folder`, and the page extracted from it.

    A tall screenshot has several pages. The calling process holds secrets, so it must not decode the picture itself.
    Raise NotFound, or Unreadable if the file is not a picture.
    """
    if not path.is_file():
        raise NotFound(f"The file {path} doesn't exist.", "Check the name.")
    with closing(open_extractor()) as extractor:
        found = extractor.inspect(path)
        if not found.media_type.startswith("image/"):
            raise Unreadable("The file isn't a picture.", "Send it as a PNG or JPEG.")
        # Further frames of a TIFF are other pictures.
        count = 1 if found.media_type == TIFF else min(found.page_count, MAX_PARTS)
        pages = extractor.extract(path, 1, count, folder)
    first = pages[0]
    if first.error is not None or first.render is None:
        raise Unreadable(first.error or "The picture couldn't be read.", "Send it as a PNG or JPEG.")
    return [(folder / page.render, page) for page in pages if page.render is not None]
