"""Pictures that somebody sent, as the reading process writes them anew: nothing else decodes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rag.errors import NotFound, Unreadable
from rag.model import PageReading
from rag.ports import Reader


def rendered(path: Path, open_reader: Callable[[], Reader], folder: Path) -> tuple[Path, PageReading]:
    """Return a JPEG of the picture in `folder`, and what was read on it.

    The process that calls this holds the tokens, so it never opens the picture itself. Raise NotFound, or Unreadable
    for a file that is not a picture.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", "Check the name.")
    with closing(open_reader()) as reader:
        if not reader.inspect(path).media_type.startswith("image/"):
            raise Unreadable("The file is not a picture.", "Send it as a PNG or JPEG.")
        page = reader.read(path, 1, 1, folder)[0]
    if page.error is not None or page.render is None:
        raise Unreadable(page.error or "The picture could not be read.", "Send it as a PNG or JPEG.")
    return folder / page.render, page
