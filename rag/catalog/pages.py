"""Pages: their words, their images, and how a reader names them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from rag.catalog.page_labels import labels_with
from rag.catalog.scope import documents_in
from rag.catalog.tables import chunk, document, extraction, page
from rag.model import Box, Scope, Word


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A page, the chunk that stands for it, and whether it was found by its printed label only."""

    document: int
    page: int
    chunk: int
    printed: bool


def page_words(connection: Connection, document_id: int, number: int, scope: Scope) -> tuple[Word, ...]:
    """Return the words of a page in reading order, from its text layer or OCR; none when it is not in scope."""
    rows = (
        select(page.c.words)
        .join(document, document.c.extraction_id == page.c.extraction_id)
        .where(document.c.id == document_id, page.c.number == number, document.c.id.in_(documents_in(scope)))
    )
    packed = connection.scalar(rows)
    if packed is None:
        return ()
    return tuple(Word(text, Box(*box)) for text, *box in json.loads(zlib.decompress(packed)))


def page_images(connection: Connection, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], str]:
    """Return {(document, page): path of its image below the data folder} of those of these pages in scope."""
    rows = (
        select(document.c.id, page.c.number, page.c.extraction_id, page.c.image)
        .join(page, page.c.extraction_id == document.c.extraction_id)
        .where(document.c.id.in_({each for each, _ in pages}), document.c.id.in_(documents_in(scope)))
        .where(page.c.number.in_({number for _, number in pages}), page.c.image.is_not(None))
    )
    found = {(row.id, row.number): f"pictures/{row.extraction_id}/{row.image}" for row in connection.execute(rows)}
    return {key: path for key, path in found.items() if key in set(pages)}


def pages_named(
    connection: Connection, ids: Iterable[int], numbers: Sequence[int], from_end: Sequence[int], printed: Sequence[str]
) -> list[NamedPage]:
    """Return the pages of these documents with one of the numbers, counted or printed, at one of the places from the
    end (the last page: 1), or with one of the printed labels (lower case)."""
    at_end = extraction.c.pages - page.c.number + 1
    labels = [*(label for number in numbers for label in labels_with(number)), *printed]
    rows = (
        select(document.c.id, page.c.number, at_end.label("at_end"), func.max(chunk.c.id).label("chunk"))
        .join(extraction, extraction.c.id == document.c.extraction_id)
        .join(page, page.c.extraction_id == extraction.c.id)
        .join(chunk, (chunk.c.extraction_id == extraction.c.id) & (chunk.c.page == page.c.number))
        .where(document.c.id.in_(list(ids)))
        .where(or_(page.c.number.in_(numbers), func.lower(page.c.label).in_(labels), at_end.in_(from_end)))
        .group_by(document.c.id, page.c.number)
    )
    return [
        NamedPage(row.id, row.number, row.chunk, row.number not in numbers and row.at_end not in from_end)
        for row in connection.execute(rows)
    ]
