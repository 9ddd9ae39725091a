"""Whether anything was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from rag.catalog.scope import serving
from rag.catalog.tables import chunk, document
from rag.fuse import Page
from rag.model import Scope
from rag.ports import WordIndex


@dataclass(frozen=True, slots=True)
class Mass:
    """Shares, 0 to 1, of a question's IDF mass: known in the scope, and held by the best page."""

    known: float
    on_page: float
    why: str


def mass_of(
    connection: Connection, words: WordIndex, wanted: Sequence[str], scope: Scope, pages: Sequence[Page]
) -> Mass:
    """How much of the words' IDF mass the scope knows at all, and how much one of these pages holds."""
    total = words.count(connection, scope)
    on_page = _chunks_of(connection, pages)
    held = dict.fromkeys(pages, 0.0)
    missing = []
    weights = []
    for word, holders in words.holders(connection, wanted, scope).items():
        if not holders:
            missing.append(word)
            continue
        # BM25's IDF, never negative.
        weights.append(math.log(1 + (total - len(holders) + 0.5) / (len(holders) + 0.5)))
        for page in {on_page[chunk_id] for chunk_id in holders & on_page.keys()}:
            held[page] += weights[-1]
    known = sum(weights)
    # A word that nobody has weighs as much as the rarest that is there, for it may be as telling and no more.
    whole = known + len(missing) * max(weights, default=1.0)
    if not wanted:
        return Mass(0.0, 0.0, "The question has no words to search for.")
    if len(missing) == len(wanted):
        return Mass(0.0, 0.0, "None of its words occurs in the files I may use here.")
    why = f"Nowhere in the files I may use here: {', '.join(missing[:5])}."
    return Mass(known / whole, max(held.values(), default=0.0) / whole, why)


def _chunks_of(connection: Connection, pages: Sequence[Page]) -> dict[int, Page]:
    """{chunk: page} of these pages."""
    if not pages:
        return {}
    rows = (
        select(chunk.c.id, chunk.c.document_id, chunk.c.page)
        .join(document, serving())
        .where(or_(*((chunk.c.document_id == doc) & (chunk.c.page == number) for doc, number in pages)))
    )
    return {row.id: (row.document_id, row.page) for row in connection.execute(rows)}
