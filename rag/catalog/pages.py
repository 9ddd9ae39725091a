"""Read pages: their words, their images, and the pages that a person refers to."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from rag.catalog.any_of import are_any_of, as_list, is_any_of, is_in
from rag.catalog.page_labels import labels_with
from rag.catalog.scope import Shape, documents_in, is_current, shape_of, values_of
from rag.catalog.tables import chunk, document, extraction, page
from rag.model.extraction import Box, Word
from rag.model.search import PageKey, Scope


@dataclass(frozen=True, slots=True)
class NamedPage:
    """A page, the chunk that represents it, and whether only its printed label matched."""

    document: int
    page: int
    chunk: int
    printed: bool


def page_words(connection: Connection, document_id: int, number: int, scope: Scope) -> tuple[Word, ...]:
    """Return the words of a page in reading order, from its text layer or OCR; none when it is not in scope."""
    rows = (
        select(page.c.words)
        .join(document, document.c.extraction_id == page.c.extraction_id)
        .where(document.c.id == document_id, page.c.number == number, document.c.id.in_(documents_in(shape_of(scope))))
    )
    packed = connection.scalar(rows, values_of(scope))
    if packed is None:
        return ()
    return tuple(Word(text, Box(*box)) for text, *box in json.loads(zlib.decompress(packed)))


def page_images(connection: Connection, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], str]:
    """Return {(document, page): path of its image below the data folder} for the given pages in scope."""
    rows = (
        select(document.c.id, page.c.number, page.c.extraction_id, page.c.image)
        .join(page, page.c.extraction_id == document.c.extraction_id)
        .where(are_any_of((document.c.id, page.c.number), pages), document.c.id.in_(documents_in(shape_of(scope))))
        .where(page.c.image.is_not(None))
    )
    found = connection.execute(rows, values_of(scope))
    return {(row.id, row.number): f"pictures/{row.extraction_id}/{row.image}" for row in found}


def first_pages(connection: Connection, ids: Iterable[int], scope: Scope) -> dict[int, tuple[int, PageKey]]:
    """Return {document: (chunk, page)} of the first page of each of these documents that is in scope."""
    rows = connection.execute(_first_pages(shape_of(scope)), values_of(scope, documents=as_list(ids)))
    return {row.document_id: (row.chunk, (row.document_id, row.page)) for row in rows}


@cache
def _first_pages(shape: Shape) -> Select[*tuple[Any, ...]]:
    rows = select(chunk.c.document_id, chunk.c.page, func.max(chunk.c.id).label("chunk"))
    rows = rows.join(document, is_current()).where(is_in(chunk.c.document_id, "documents"))
    rows = rows.where(document.c.id.in_(documents_in(shape)))
    return rows.group_by(chunk.c.document_id, chunk.c.page).order_by(chunk.c.page.desc())


def outline_pages(connection: Connection, ids: Iterable[int], pages: int) -> list[tuple[int, PageKey]]:
    """Return (chunk, page) of the pages that show what each of these documents is about, in their order.

    They are the first page and pages where sections begin, spread over the document, at most `pages` of each.
    """
    rows = select(chunk.c.document_id, chunk.c.page, func.min(chunk.c.id).label("chunk"), func.min(chunk.c.heading))
    rows = rows.join(document, is_current()).where(is_any_of(chunk.c.document_id, ids), chunk.c.text != "")
    rows = rows.group_by(chunk.c.document_id, chunk.c.page).order_by(chunk.c.document_id, chunk.c.page)
    found: list[tuple[int, PageKey]] = []
    for document_id, group in groupby(connection.execute(rows), key=lambda row: row.document_id):
        own = list(group)
        starts = [row for before, row in pairwise(own) if row[3] and row[3] != before[3]] or own[1:]
        step = max(1, -(-len(starts) // max(1, pages - 1)))
        found += [(row.chunk, (document_id, row.page)) for row in [own[0], *starts[::step]]]
    return found


def pages_named(
    connection: Connection, ids: Iterable[int], numbers: Sequence[int], from_end: Sequence[int], printed: Sequence[str]
) -> list[NamedPage]:
    """Return the pages of these documents that match one of the references.

    `numbers` are page numbers of the file or printed ones. `from_end` counts from the last page, which is 1. `printed`
    are printed labels in lower case.
    """
    at_end = extraction.c.pages - page.c.number + 1
    labels = [*(label for number in numbers for label in labels_with(number)), *printed]
    rows = (
        select(document.c.id, page.c.number, at_end.label("at_end"), func.max(chunk.c.id).label("chunk"))
        .join(extraction, extraction.c.id == document.c.extraction_id)
        .join(page, page.c.extraction_id == extraction.c.id)
        .join(chunk, (chunk.c.extraction_id == extraction.c.id) & (chunk.c.page == page.c.number))
        .where(is_any_of(document.c.id, ids))
        .where(
            or_(
                is_any_of(page.c.number, numbers),
                is_any_of(func.lower(page.c.label), labels),
                is_any_of(at_end, from_end),
            )
        )
        .group_by(document.c.id, page.c.number, extraction.c.pages)
    )
    return [
        NamedPage(row.id, row.number, row.chunk, row.number not in numbers and row.at_end not in from_end)
        for row in connection.execute(rows)
    ]
