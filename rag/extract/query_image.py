"""Screenshots sent with a question, decoded and rewritten by the extraction process only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rag.errors import NotFound, Unreadable
from rag.model import PageReading
from rag.ports import Reader


def extract_query_image(path: Path, open_reader: Callable[[], Reader], folder: Path) -> tuple[Path, PageReading]:
    """Return the path of a JPEG of the picture, written to `folder`, and the page extracted from it.

    The calling process holds secrets, so it must not decode the picture itself. Raise NotFound, or Unreadable if the
    file is not a picture.
    """
    if not path.is_file():
        raise NotFound(f"The file {path} doesn't exist.", "Check the name.")
    with closing(open_reader()) as reader:
        if not reader.inspect(path).media_type.startswith("image/"):
            raise Unreadable("The file isn't a picture.", "Send it as a PNG or JPEG.")
        page = reader.read(path, 1, 1, folder)[0]
    if page.error is not None or page.render is None:
        raise Unreadable(page.error or "The picture couldn't be read.", "Send it as a PNG or JPEG.")
    return folder / page.render, page
