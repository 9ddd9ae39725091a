"""Find the page that a picture shows, by comparing pixels."""

from __future__ import annotations

from typing import ClassVar

from rag.model.search import Scope
from rag.search.lanes.lane import LaneStatus
from rag.search.page_match.matcher import PageMatcher
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking, rank_pages


class PageMatchLane:
    """Rank the pages that a picture is proved to show, each by the chunk that fills most of the matched region."""

    name: ClassVar[str] = "pixels"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.PICTURE})
    needs_candidates: ClassVar[bool] = True

    def __init__(self, matcher: PageMatcher, depth: int) -> None:
        self._matcher = matcher
        self._depth = depth

    def status(self) -> LaneStatus:
        return LaneStatus(self._matcher.unavailable)

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        if query.picture is None:
            return None
        with query.clock.measure("pixels"):
            result = self._matcher.match(query.picture, query.candidates, scope)
            chunks = [(match.chunk, page) for page, match in result.matches.items()]
            return rank_pages(self.name, chunks, self._depth, match=result)
