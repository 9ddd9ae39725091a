"""Screenshots sent with a question, decoded and rewritten by the extraction process only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rag.errors import NotFound, Unreadable
from rag.model import ExtractedPage
from rag.ports import Extractor


def extract_query_image(
    path: Path, open_extractor: Callable[[], Extractor], folder: Path
) -> tuple[Path, ExtractedPage]:
    """Return the path of a JPEG of the picture, written to `folder`, and the page extracted from it.

    The calling process holds secrets, so it must not decode the picture itself. Raise NotFound, or Unreadable if the
    file is not a picture.
    """
    if not path.is_file():
        raise NotFound(f"The file {path} doesn't exist.", "Check the name.")
    with closing(open_extractor()) as extractor:
        if not extractor.inspect(path).media_type.startswith("image/"):
            raise Unreadable("The file isn't a picture.", "Send it as a PNG or JPEG.")
        page = extractor.extract(path, 1, 1, folder)[0]
    if page.error is not None or page.render is None:
        raise Unreadable(page.error or "The picture couldn't be read.", "Send it as a PNG or JPEG.")
    return folder / page.render, page
