"""The words of pages, with their places, inside a scope."""

from __future__ import annotations

import json
import zlib

from sqlalchemy import Connection, select

from rag.catalog.scope import documents_in
from rag.catalog.tables import document, page
from rag.model import Box, Scope, Word


def words_on(connection: Connection, document_id: int, number: int, scope: Scope) -> tuple[Word, ...]:
    """The words of a page in reading order, of its text layer or recognised; none where the scope has it not."""
    rows = (
        select(page.c.words)
        .join(document, document.c.reading_id == page.c.reading_id)
        .where(document.c.id == document_id, page.c.number == number, document.c.id.in_(documents_in(scope)))
    )
    packed = connection.scalar(rows)
    if packed is None:
        return ()
    return tuple(Word(text, Box(*box)) for text, *box in json.loads(zlib.decompress(packed)))
