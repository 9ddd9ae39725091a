"""Check the vector indexes by using them, for `magpie doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rag.errors import MagpieError
from rag.model.operations import Check
from rag.setting_groups import PageImageSettings
from rag.vectors.indexes import ClipIndex
from rag.vectors.page_images import PageImageIndex
from rag.vectors.text_indexes import TextIndexes

_PAGES = "page images"


def check_page_images(
    index: PageImageIndex | None, settings: PageImageSettings, picture: Path, shown: str
) -> Iterator[Check]:
    """Check late interaction by embedding a picture, and a question about the words `shown` in it."""
    if index is None:
        detail = "pages are found by words and vectors; set MAGPIE_PAGE_IMAGES__MODEL to search in their images"
        yield Check(_PAGES, "off", detail)
        return
    identity = index.identity(at_once=True)
    if identity is None:
        yield Check(_PAGES, "warn", f"off: {index.off}", index.fix)
        return
    try:
        tokens, question = index.embed_picture(picture), index.embed_question(shown)
    except MagpieError as error:
        yield Check(_PAGES, "fail", str(error), error.hint)
        return
    size = index.bytes_of_largest_page() / 1024
    detail = f"{identity}, {len(tokens)} vectors of {len(question[0])} dimensions for a picture"
    stored = f"; at most {size:.0f} KB a page" if size else ""
    yield from check_stored(index, _PAGES, detail + stored, "store of page images")
    if settings.floor is None:
        detail = "they rank pages, but a question that no word answers is declined"
        remedy = "Set MAGPIE_PAGE_IMAGES__FLOOR; docs/search-quality.md tells how to choose it."
        yield Check("page images alone", "warn", detail, remedy)


def check_stored(
    index: ClipIndex | TextIndexes | PageImageIndex, name: str, detail: str, store: str
) -> Iterator[Check]:
    """Check that every chunk has its vectors, and that the store returns them."""
    waiting = index.count_waiting()
    if waiting:
        yield Check(name, "warn", f"{detail}; {waiting} chunks wait for vectors", "magpie index, on any file")
    else:
        yield Check(name, "ok", detail)
    try:
        sound = index.probe()
    except MagpieError as error:
        yield Check(store, "fail", str(error), "magpie index, on any file: it is rebuilt from the catalog")
        return
    if sound:
        yield Check(store, "ok", "a sample of stored vectors was found by searching for them")
    else:
        yield Check(
            store, "fail", "stored vectors are missing", "magpie index, on any file: it is rebuilt from the catalog"
        )
