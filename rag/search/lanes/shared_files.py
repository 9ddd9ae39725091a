"""What the lanes share that find a file by a short text beside it: a message that shares it, or its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from rag.catalog.pages import first_pages
from rag.model.search import Scope
from rag.search.ranking import Ranking, rank_pages

MIN_COVERAGE = 0.5
"""Share of the question's words that such a text must have. It is short, and one common word says little."""


def rank_first_pages(
    connection: Connection, lane: str, shares: Mapping[int, int], scope: Scope, depth: int
) -> Ranking | None:
    """Rank the first page of each document in scope, in their order; None if there are none.

    `shares`: the share that explains each document.
    """
    first = first_pages(connection, shares, scope) if shares else {}
    if not first:
        return None
    ranking = rank_pages(lane, [first[document] for document in shares if document in first], depth)
    return replace(ranking, shares={page: shares[page[0]] for page in ranking.pages})
