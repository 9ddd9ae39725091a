"""Read chunks, the units that are indexed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from rag.catalog.any_of import are_in, as_list, is_in
from rag.catalog.scope import is_current
from rag.catalog.tables import chunk, document, page
from rag.model.extraction import Box, Kind
from rag.model.search import PageKey

_CHUNKS_BY_ID = (
    select(chunk, page.c.label, page.c.image.label("page_image"))
    .join(document, is_current())
    .join(page, (page.c.extraction_id == chunk.c.extraction_id) & (page.c.number == chunk.c.page))
    .where(is_in(chunk.c.id, "ids"))
)
_ON_PAGES = are_in((chunk.c.document_id, chunk.c.page), "pages")
_CHUNKS_ON_PAGES = select(chunk.c.id, chunk.c.document_id, chunk.c.page).join(document, is_current()).where(_ON_PAGES)
_TEXTS_ON_PAGES = (
    select(chunk.c.document_id, chunk.c.page, chunk.c.text)
    .join(document, is_current())
    .where(_ON_PAGES)
    .order_by(chunk.c.id)
)
"""Statements that are built once: a search executes some of them several times."""


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk, with the label and image of its page."""

    id: int
    document: int
    extraction: int
    page: int
    label: str | None
    kind: Kind
    text: str
    heading: str
    caption: str
    box: Box
    line_boxes: tuple[Box, ...]
    picture: str | None
    page_image: str | None


@dataclass(frozen=True, slots=True)
class ChunkText:
    """The words of a chunk."""

    heading: str
    caption: str
    text: str


def chunks_by_id(connection: Connection, ids: Iterable[int]) -> Mapping[int, ChunkRow]:
    """Return {id: chunk} for the given chunks that can be searched."""
    return {
        row.id: ChunkRow(
            row.id,
            row.document_id,
            row.extraction_id,
            row.page,
            row.label,
            Kind(row.kind),
            row.text,
            row.heading,
            row.caption,
            Box(*json.loads(row.box)),
            tuple(Box(*box) for box in json.loads(row.line_boxes)),
            row.image,
            row.page_image,
        )
        for row in connection.execute(_CHUNKS_BY_ID, {"ids": as_list(ids)})
    }


def chunk_ids(connection: Connection) -> set[int]:
    """Return the ids of all chunks."""
    return set(connection.scalars(select(chunk.c.id)))


def chunk_texts(connection: Connection) -> list[ChunkText]:
    """Return the words of all chunks that can be searched."""
    rows = select(chunk.c.heading, chunk.c.caption, chunk.c.text).join(document, is_current())
    return [ChunkText(*row) for row in connection.execute(rows)]


def pages_by_chunk(connection: Connection, pages: Sequence[PageKey]) -> dict[int, PageKey]:
    """Return {chunk: page} for the chunks on these pages."""
    rows = connection.execute(_CHUNKS_ON_PAGES, {"pages": as_list(pages)}) if pages else ()
    return {row.id: (row.document_id, row.page) for row in rows}


def page_texts(connection: Connection, pages: Sequence[PageKey]) -> dict[PageKey, str]:
    """Return {page: the text of its chunks} for the given pages that have chunks."""
    found: dict[PageKey, str] = {}
    for row in connection.execute(_TEXTS_ON_PAGES, {"pages": as_list(pages)}) if pages else ():
        key = (row.document_id, row.page)
        found[key] = f"{found.get(key, '')} {row.text}"
    return found
