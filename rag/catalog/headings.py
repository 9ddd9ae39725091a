"""Read the headings of documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from rag.catalog.any_of import is_any_of, is_none_of
from rag.catalog.scope import documents_in, is_current, shape_of, values_of
from rag.catalog.tables import chunk, document
from rag.model.search import Scope

HEADING_SEPARATOR = " › "
"""Stands between the parts of a chunk's heading: `title › section`."""

_NEARBY = 20
"""Pages after a chunk whose headings are near it."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a document. `chunk`: the first chunk below it."""

    chunk: int
    document: int
    page: int
    path: str

    @property
    def text(self) -> str:
        """The heading itself, without those above it."""
        return self.path.rpartition(HEADING_SEPARATOR)[2].strip()


def headings_after(connection: Connection, chunks: Sequence[int], scope: Scope, limit: int) -> list[Heading]:
    """Return the headings that follow these chunks in their documents, nearest first, at most `limit` for each chunk.

    Headings of the chunks themselves are left out, and so are documents outside the scope.
    """
    inside = document.c.id.in_(documents_in(shape_of(scope)))
    columns = (chunk.c.id, chunk.c.document_id, chunk.c.page, chunk.c.heading)
    rows = select(*columns).join(document, is_current()).where(is_any_of(chunk.c.id, chunks), inside)
    own = connection.execute(rows, values_of(scope)).all()
    known = [row.heading for row in own]
    found: dict[tuple[int, str], Heading] = {}
    for row in sorted(own, key=lambda row: list(chunks).index(row.id)):
        first = func.min(chunk.c.id)
        near = chunk.c.page.between(row.page, row.page + _NEARBY) & (chunk.c.id > row.id)
        nearby = select(first.label("id"), func.min(chunk.c.page).label("page"), chunk.c.heading)
        nearby = nearby.join(document, is_current()).where(chunk.c.document_id == row.document_id, near, inside)
        nearby = nearby.where(chunk.c.heading != "", is_none_of(chunk.c.heading, known)).group_by(chunk.c.heading)
        for next_row in connection.execute(nearby.order_by(first).limit(limit), values_of(scope)):
            heading = Heading(next_row.id, row.document_id, next_row.page, next_row.heading)
            found.setdefault((heading.document, heading.path), heading)
    return list(found.values())


def find_heading(connection: Connection, chunk_id: int, scope: Scope) -> Heading | None:
    """Return the heading of a chunk; None if its document was read again, or is not in the scope."""
    columns = (chunk.c.id, chunk.c.document_id, chunk.c.page, chunk.c.heading)
    rows = select(*columns).join(document, is_current()).where(chunk.c.id == chunk_id, chunk.c.heading != "")
    rows = rows.where(document.c.id.in_(documents_in(shape_of(scope))))
    row = connection.execute(rows, values_of(scope)).one_or_none()
    return None if row is None else Heading(*row)
