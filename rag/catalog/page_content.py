"""Read one page of a document that is named by its SHA-256."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select

from rag.catalog.pages import page_images, page_words
from rag.catalog.scope import documents_in, shape_of, shares_shown, values_of
from rag.catalog.tables import document, extraction, page
from rag.errors import NotFound
from rag.model.search import PageContent, Scope


def read_page(connection: Connection, sha256: str, number: int, scope: Scope, data: Path) -> PageContent:
    """Return a page of a document in scope. `sha256`: the beginning of its SHA-256; `data`: the data folder.

    Raise NotFound if no document in scope, or more than one, begins like this, or if it has no such page.
    """
    rows = select(document.c.id, document.c.sha256, document.c.extraction_id, extraction.c.pages_done)
    rows = rows.join(extraction, extraction.c.id == document.c.extraction_id)
    matching = document.c.sha256.startswith(sha256.lower(), autoescape=True)
    rows = rows.where(matching, document.c.id.in_(documents_in(shape_of(scope))))
    found = connection.execute(rows, values_of(scope)).all()
    shown = shares_shown(connection, [row.id for row in found], scope)
    if len(found) != 1 or found[0].id not in shown:
        raise NotFound("No document here has this id.", "Search again: the file may have been removed.")
    one, file = found[0], shown[found[0].id]
    matching = (page.c.extraction_id == one.extraction_id) & (page.c.number == number)
    row = connection.execute(select(page.c.label).where(matching)).one_or_none()
    if row is None:
        raise NotFound(f"The document has no page {number}.", f"It has {one.pages_done} pages, counted from 1.")
    words = " ".join(word.text for word in page_words(connection, one.id, number, scope))
    picture = page_images(connection, [(one.id, number)], scope).get((one.id, number))
    return PageContent(
        one.id,
        one.sha256,
        file.name,
        file.attachment,
        number,
        one.pages_done,
        row.label,
        words,
        data / picture if picture else None,
    )
