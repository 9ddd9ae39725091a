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
from rag.pixels.lane import Seen
from rag.ports import WordIndex

_SAME_PAGE = 0.5
"""Share of a screenshot's IDF mass that a page must hold to be the one it shows; OCR misreads some."""

_DISPUTED = 0.8
"""The same, where the pixels were compared and do not agree: many pages have half of another's words."""

_LEAST_WORDS = 3
"""Recognised words from which a screenshot can be identified by them alone."""


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
    for word in wanted:
        holders = words.holders(connection, word, scope)
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


def page_shown(words: int, mass: Mass, pages: Sequence[Page], *, twin: bool, seen: Seen) -> tuple[bool, float, str]:
    """Whether a picture of so many words is on a page here, how sure that is, and why not.

    `pages` are those that `mass` was measured on, `twin` says that a picture here has nearly its vector. Surely is
    from _SAME_PAGE.
    """
    if seen.proofs:
        return True, max(shown.proof.agreement for shown in seen.proofs.values()), ""
    disputed = bool(pages) and seen.compared.issuperset(pages)
    sure = mass.on_page * (_SAME_PAGE / _DISPUTED if disputed else 1.0)
    if words < _LEAST_WORDS:
        found, why = twin, "The picture has too few words to be found by, and no picture here is like it."
    else:
        found, why = twin or sure >= _SAME_PAGE, "No page here has enough of the picture's words."
        why = f"{why} None of those that come nearest looks like it." if disputed else why
    return found, max(sure, _SAME_PAGE) if found else min(sure, math.nextafter(_SAME_PAGE, 0.0)), why


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
