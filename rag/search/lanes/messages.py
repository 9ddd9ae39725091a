"""Find documents by the words of the messages that share them: "the budget" beside a picture without words."""

from __future__ import annotations

from typing import ClassVar

from rag.catalog import Catalog
from rag.catalog.share_words import search_share_words, shares_with
from rag.model.search import Scope
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.lanes.shared_files import MIN_COVERAGE, rank_first_pages
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking


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
            enough = MIN_COVERAGE * len(holding)
            kept = {
                match.document: match.share
                for match in matches
                if sum(match.share in shares for shares in holding) >= enough
            }
            return rank_first_pages(connection, self.name, kept, scope, self._depth)
