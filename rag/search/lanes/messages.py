"""Find documents by the words of the messages that share them: "the budget" beside a picture without words."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rag.catalog import Catalog
from rag.catalog.pages import first_pages
from rag.catalog.share_words import search_share_words, shares_with
from rag.model import Scope
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking, rank_pages

_MIN_COVERAGE = 0.5
"""Share of the question's words that a message must contain. Messages are short, and one common word says little."""


class MessagesLane:
    """Rank the first page of each document by the BM25 score of its best message."""

    name: ClassVar[str] = "messages"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(self, catalog: Catalog, depth: int) -> None:
        self._catalog = catalog
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if not query.terms:
            return None
        with query.clock.measure("words"), self._catalog.read_transaction() as connection:
            matches = search_share_words(connection, query.terms, scope, self._depth)
            if not matches:
                return None
            holding = list(shares_with(connection, query.terms, scope).values())
            enough = _MIN_COVERAGE * len(holding)
            kept = {
                match.document: match.share
                for match in matches
                if sum(match.share in shares for shares in holding) >= enough
            }
            first = first_pages(connection, kept)
        found = [first[document] for document in kept if document in first]
        if not found:
            return None
        ranking = rank_pages(self.name, found, self._depth)
        return replace(ranking, shares={page: kept[page[0]] for page in ranking.pages})
