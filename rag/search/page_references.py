"""The pages that a question names: by number, as the first or last, by the statement that stands there."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from rag.catalog.pages import pages_named
from rag.model import Scope
from rag.ports import WordIndex
from rag.search.fusion import Page
from rag.search.query_analysis import Places
from rag.search.statements import pages_of

_REPORTS = 2
"""Documents whose statements are looked for: a question may compare two companies."""


def pages_asked(
    connection: Connection, words: WordIndex, asked: Places, found: Mapping[Page, int], scope: Scope
) -> list[tuple[int, Page]]:
    """(chunk, page) of the pages asked for, in the documents of the pages `found`, which are given with their ranks.

    What has a number goes before statements, and these before first pages, which are those of the best document alone.
    Where a number is one page's as counted and another's as printed, both are meant, in the order in which they were
    found, else the printed one first: that is what a reader sees.
    """
    order = {document: None for document, _ in sorted(found, key=lambda page: found[page])}
    rank = {document: number for number, document in enumerate(order)}
    last = len(found)
    named: list[tuple[int, Page]] = []
    if asked.pages or asked.from_end or asked.printed:
        rows = pages_named(connection, order, asked.pages, asked.from_end, asked.printed)
        rows.sort(
            key=lambda one: (rank[one.document], found.get((one.document, one.page), last), not one.printed, one.page)
        )
        named = [(one.chunk, (one.document, one.page)) for one in rows]
    if asked.statements:
        named += pages_of(connection, words, list(order)[:_REPORTS], asked.statements, scope)
    if asked.front:
        first = pages_named(connection, list(order)[:1], [1], [], [])
        named += [(one.chunk, (one.document, one.page)) for one in first if one.page == 1]
    once: dict[Page, int] = {}
    for chunk, page in named:
        once.setdefault(page, chunk)
    return [(chunk, page) for page, chunk in once.items()]
