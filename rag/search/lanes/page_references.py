"""Find the pages that a question names: by number, as the first or last one, or by their kind."""

from __future__ import annotations

from typing import ClassVar

from rag.catalog import Catalog
from rag.model.search import Scope
from rag.ports import FullTextIndex
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.page_references import find_referenced_pages
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking, rank_pages

PLACE = "place"


class PageReferencesLane:
    """Rank the pages that a question names, in the documents that the other lanes found."""

    name: ClassVar[str] = PLACE
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = True

    def __init__(self, catalog: Catalog, words: FullTextIndex, depth: int) -> None:
        self._catalog = catalog
        self._words = words
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if not query.references:
            return None
        with query.clock.measure("words"):
            with self._catalog.read_transaction() as connection:
                found = find_referenced_pages(connection, self._words, query, scope)
            # A page that another lane found is shown by the chunk that this lane found.
            chunks = [(query.candidate_chunks.get(page, chunk_id), page) for chunk_id, page in found]
            return rank_pages(self.name, chunks, self._depth)
