"""Full-text search with BM25."""

from __future__ import annotations

from typing import ClassVar

from rag.catalog import Catalog
from rag.model.search import Scope
from rag.ports import FullTextIndex
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking, rank_pages

_CHUNKS_PER_PAGE = 6
"""Chunks requested for each page to rank; few pages have more text chunks."""


class WordsLane:
    """Rank pages by the BM25 score of their best chunk."""

    name: ClassVar[str] = "words"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset(QueryKind)
    needs_candidates: ClassVar[bool] = False

    def __init__(self, catalog: Catalog, words: FullTextIndex, depth: int) -> None:
        self._catalog = catalog
        self._words = words
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if not query.search_terms:
            return None
        with query.clock.measure("words"):
            with self._catalog.read_transaction() as connection:
                rows = self._words.search(connection, query.search_terms, scope, self._depth * _CHUNKS_PER_PAGE)
            chunks = [(chunk_id, (document, page)) for chunk_id, document, page, _ in rows]
            scores = {chunk_id: score for chunk_id, _, _, score in rows}
            return rank_pages(self.name, chunks, self._depth, scores=scores)
