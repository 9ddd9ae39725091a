"""Read and write the token vectors of page images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, and_, bindparam, delete, func, insert, select

from rag.catalog.any_of import are_in, as_list, is_any_of
from rag.catalog.scope import Shape, documents_in, is_current, shape_of, values_of
from rag.catalog.tables import chunk, chunk_vector, document, page_tokens
from rag.model.search import PageKey, Scope
from rag.ports import PageTokens


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page in scope with its token vectors, and the chunk that shows it as a whole."""

    document: int
    page: int
    chunk: int
    tokens: PageTokens


def put_page_tokens(connection: Connection, embedder: str, tokens: Mapping[int, PageTokens]) -> None:
    """Write the token vectors of pages, by their chunks, which must exist."""
    rows = [
        {
            "embedder": embedder,
            "chunk_id": chunk_id,
            "vectors": np.ascontiguousarray(page.vectors, np.int8).tobytes(),
            "boxes": np.ascontiguousarray(page.boxes, np.uint8).tobytes(),
        }
        for chunk_id, page in tokens.items()
    ]
    if rows:
        connection.execute(insert(page_tokens), rows)


def read_page_tokens(connection: Connection, embedder: str, pages: Sequence[PageKey], scope: Scope) -> list[StoredPage]:
    """Return the given pages that are in scope and have token vectors."""
    values = values_of(scope, pages=as_list(pages), embedder=embedder)
    rows = connection.execute(_pages(shape_of(scope)), values)
    return [StoredPage(row.document_id, row.page, row.id, _tokens(row.vectors, row.boxes)) for row in rows]


@cache
def _pages(shape: Shape) -> Select[*tuple[Any, ...]]:
    """Return the statement for the scopes of a shape."""
    # The sum keeps SQLite from reading all chunks of the scope's documents to find these few pages.
    inside = (chunk.c.document_id + 0).in_(documents_in(shape))
    mine = and_(page_tokens.c.chunk_id == chunk.c.id, page_tokens.c.embedder == bindparam("embedder"))
    return (
        select(chunk.c.document_id, chunk.c.page, chunk.c.id, page_tokens.c.vectors, page_tokens.c.boxes)
        .join(document, is_current())
        .join(page_tokens, mine)
        .where(are_in((chunk.c.document_id, chunk.c.page), "pages"), inside)
    )


def _tokens(vectors: bytes, boxes: bytes) -> PageTokens:
    placed = np.frombuffer(boxes, np.uint8).reshape(-1, 4)
    return PageTokens(np.frombuffer(vectors, np.int8).reshape(len(placed), -1), placed)


def largest_page(connection: Connection, embedder: str) -> int:
    """Return the bytes of the largest page's vectors; 0 without any."""
    size = func.max(func.length(page_tokens.c.vectors) + func.length(page_tokens.c.boxes))
    return connection.scalar(select(size).where(page_tokens.c.embedder == embedder)) or 0


def list_embedders(connection: Connection) -> list[str]:
    """Return the embedders that have token vectors, in use or replaced."""
    return list(connection.scalars(select(page_tokens.c.embedder).distinct()))


def delete_replaced(connection: Connection, embedder: str, limit: int) -> int:
    """Delete an embedder's vectors of `limit` pages; return of how many pages."""
    few = select(page_tokens.c.chunk_id).where(page_tokens.c.embedder == embedder).limit(limit)
    chunks = list(connection.scalars(few))
    for table in (chunk_vector, page_tokens):
        connection.execute(delete(table).where(table.c.embedder == embedder, is_any_of(table.c.chunk_id, chunks)))
    return len(chunks)
