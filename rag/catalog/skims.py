"""Skimmed pages: their words can be found until the extraction that they belong to has come to them.

A page of an extraction is skimmed if its number is above `pages_done`. Nothing but words is known of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, select, update

from rag.analysis.languages import detect_languages
from rag.catalog.any_of import is_any_of
from rag.catalog.dialects import greatest
from rag.catalog.page_writing import insert_pages
from rag.catalog.states import OPEN_EXTRACTION
from rag.catalog.tables import chunk, document, extraction, page
from rag.model.extraction import ExtractedPage, NewChunk
from rag.ports import FullTextIndex


def has_to_be_skimmed() -> ColumnElement[bool]:
    """Return the condition that a document has pages that were not skimmed, and cannot be found either.

    While a document is extracted again, its earlier pages are found.
    """
    first = exists().where(document.c.id == extraction.c.document_id, document.c.extraction_id == extraction.c.id)
    gone_over = greatest(extraction.c.pages_skimmed, extraction.c.pages_done)
    return and_(gone_over < greatest(extraction.c.pages, 1), first)


def is_extracted() -> ColumnElement[bool]:
    """Return the condition that a chunk is of a page that was extracted, and not only skimmed."""
    return exists().where(extraction.c.id == chunk.c.extraction_id, extraction.c.pages_done >= chunk.c.page)


def pages_found() -> ColumnElement[int]:
    """Return how many pages of an extraction can be found while it is its document's first one; else 0."""
    pages = select(func.count()).where(page.c.extraction_id == extraction.c.id).correlate(extraction).scalar_subquery()
    first = exists().where(document.c.id == extraction.c.document_id, document.c.extraction_id == extraction.c.id)
    return case((and_(extraction.c.state.in_(OPEN_EXTRACTION), first), pages), else_=0)


def put_skimmed(
    connection: Connection,
    words: FullTextIndex,
    extraction_id: int,
    document_id: int,
    title: str,
    pages: Sequence[ExtractedPage],
    chunks: Sequence[NewChunk],
    last: int,
) -> None:
    """Write skimmed pages with their chunks, and that the pages up to `last` were skimmed.

    The language of all is detected in one of the chunks: each is detected when it is extracted.
    """
    middle = [chunks[len(chunks) // 2].text] if chunks else []
    [language] = detect_languages(middle) or [""]
    insert_pages(connection, words, extraction_id, document_id, title, pages, [(new, language) for new in chunks])
    connection.execute(update(extraction).where(extraction.c.id == extraction_id).values(pages_skimmed=last))


def unread_pages(connection: Connection, documents: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return {document: (first, last) page that is not extracted yet} of those whose first extraction is not done."""
    ids = list(documents)
    rows = select(document.c.id, extraction.c.pages_done, extraction.c.pages)
    rows = rows.join(extraction, extraction.c.id == document.c.extraction_id)
    rows = rows.where(is_any_of(document.c.id, ids), extraction.c.state.in_(OPEN_EXTRACTION))
    found = connection.execute(rows.where(extraction.c.pages_done < extraction.c.pages))
    return {row.id: (row.pages_done + 1, row.pages) for row in found}
