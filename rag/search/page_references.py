"""Find the pages that a question names: by number, as the first or last one, or by their kind."""

from __future__ import annotations

from sqlalchemy import Connection

from rag.catalog.pages import pages_named
from rag.model.search import PageKey, Scope
from rag.ports import FullTextIndex
from rag.search.page_kinds import find_pages_of_kinds
from rag.search.query import Query

_MAX_DOCUMENTS = 2
"""Documents in which page kinds are looked for: a question may compare two reports."""


def find_referenced_pages(
    connection: Connection, words: FullTextIndex, query: Query, scope: Scope
) -> list[tuple[int, PageKey]]:
    """Return (chunk, page) of the pages that a query refers to, in the documents of its candidates, or that it names.

    Numbered pages come before page kinds, and page kinds before the first page of the best document. If a number is
    the position of one page and printed on another, both are returned: in the order of the candidates, otherwise the
    printed one first, because readers see printed numbers.
    """
    references, found = query.references, query.candidates
    ranks = {page: rank for rank, page in enumerate(found)}
    best_documents = list(dict.fromkeys([document for document, _ in found] + sorted(query.named)))
    document_ranks = {document: rank for rank, document in enumerate(best_documents)}
    named: list[tuple[int, PageKey]] = []
    if references.pages or references.from_end or references.printed:
        rows = pages_named(connection, best_documents, references.pages, references.from_end, references.printed)
        rows.sort(
            key=lambda row: (
                document_ranks[row.document],
                ranks.get((row.document, row.page), len(ranks)),
                not row.printed,
                row.page,
            )
        )
        named = [(row.chunk, (row.document, row.page)) for row in rows]
    if references.kinds:
        named += find_pages_of_kinds(connection, words, best_documents[:_MAX_DOCUMENTS], references.kinds, scope)
    if references.front:
        first = pages_named(connection, best_documents[:1], [1], [], [])
        named += [(row.chunk, (row.document, row.page)) for row in first if row.page == 1]
    chunks: dict[PageKey, int] = {}
    for chunk, page in named:
        chunks.setdefault(page, chunk)
    return [(chunk, page) for page, chunk in chunks.items()]
