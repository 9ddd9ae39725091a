"""The languages of chunks."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, Select, func, select

from rag.catalog.scope import EVERYTHING, Shape, documents_in, shape_of, values_of
from rag.catalog.tables import chunk, extraction
from rag.model.search import Scope


def languages_in(connection: Connection, scope: Scope) -> frozenset[str]:
    """Return the languages of the chunks in scope; never those of other documents."""
    return frozenset(connection.scalars(_distinct_languages(shape_of(scope)), values_of(scope)))


def common_languages(connection: Connection, scope: Scope) -> list[str]:
    """Return the languages of the chunks in scope, that of most chunks first."""
    rows = _languages(shape_of(scope)).group_by(chunk.c.language).order_by(func.count().desc(), chunk.c.language)
    return list(connection.scalars(rows, values_of(scope)))


@cache
def _distinct_languages(shape: Shape) -> Select[str]:
    return _languages(shape).distinct()


def _languages(shape: Shape) -> Select[str]:
    rows = select(chunk.c.language).where(chunk.c.language.is_not(None))
    return rows if shape == EVERYTHING else rows.where(chunk.c.document_id.in_(documents_in(shape)))


def main_language(connection: Connection, document_id: int) -> str:
    """Return the language of most extracted chunks of a document; an empty string if it has none yet."""
    rows = select(chunk.c.language).where(chunk.c.document_id == document_id, chunk.c.language.is_not(None))
    rows = rows.join(extraction, extraction.c.id == chunk.c.extraction_id)
    rows = rows.where(chunk.c.page <= extraction.c.pages_done)
    most = rows.group_by(chunk.c.language).order_by(func.count().desc(), chunk.c.language).limit(1)
    return connection.scalar(most) or ""
