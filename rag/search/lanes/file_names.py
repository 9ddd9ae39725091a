"""Find documents by their names: those that they are shared under, or that they have as attachments."""

from __future__ import annotations

from typing import ClassVar

from rag.catalog import Catalog
from rag.model.search import Scope
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.lanes.shared_files import MIN_COVERAGE, rank_first_pages
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking


class FileNamesLane:
    """Rank the first page of each document whose name has enough words of the question."""

    name: ClassVar[str] = "file-names"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(self, catalog: Catalog, depth: int) -> None:
        self._catalog = catalog
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if not query.terms or (query.named and query.references):
            return None
        asked = {term.text for term in query.terms}
        held = {match: len(match.terms & asked) for match in query.name_matches}
        kept = [match for match, number in held.items() if query.named or number >= MIN_COVERAGE * len(asked)]
        best = sorted(kept, key=lambda match: -held[match])[: self._depth]
        with query.clock.measure("words"), self._catalog.read_transaction() as connection:
            shares = {match.document: match.share for match in best}
            return rank_first_pages(connection, self.name, shares, scope, self._depth)
