"""Find documents by the names that they are shared under."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rag.catalog import Catalog
from rag.catalog.pages import first_pages
from rag.catalog.share_names import search_names
from rag.model import Scope
from rag.search.lanes.lane import ON, LaneStatus
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking, rank_pages

_MIN_COVERAGE = 0.5
"""Share of the question's words that a name must have. Names are short, and one common word says little."""

_MAX_NAMES = 200
"""Names with most words of the question."""


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
        with query.clock.measure("words"), self._catalog.read_transaction() as connection:
            found = search_names(connection, query.terms, scope, _MAX_NAMES)
            enough = _MIN_COVERAGE * len(query.terms)
            kept = [one for one in found if one.document in query.named or len(one.terms) >= enough][: self._depth]
            shares = {match.document: match.share for match in kept}
            first = first_pages(connection, shares)
        if not first:
            return None
        ranking = rank_pages(self.name, [first[document] for document in shares if document in first], self._depth)
        return replace(ranking, shares={page: shares[page[0]] for page in ranking.pages})
