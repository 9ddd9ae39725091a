"""Search in page images by late interaction: by the tokens of a question, or of a screenshot."""

from __future__ import annotations

from typing import ClassVar

from rag.errors import OperatorMustAct, StoreBroken, TryAgain
from rag.model.search import Scope
from rag.ports import Vector
from rag.search.lanes.lane import ON, LaneStatus, LaneUnavailable
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.vectors.page_images import PageImageIndex


class PageImagesLane:
    """Rank the pages that other lanes found, and those whose mean vector is near, by MaxSim over their tokens."""

    name: ClassVar[str] = "page-images"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset(QueryKind)
    needs_candidates: ClassVar[bool] = True

    def __init__(self, index: PageImageIndex, depth: int) -> None:
        self._index = index
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON if self._index.identity() is not None else LaneStatus(self._index.off, self._index.fix)

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        try:
            with query.clock.measure("embed"):
                tokens = query.vectors.get(type(self._index).__name__, lambda: self._embed(query))
        except (OperatorMustAct, TryAgain) as error:
            raise LaneUnavailable(self._index.off or str(error), self._index.fix) from error
        try:
            with query.clock.measure("page-images"):
                found = self._index.search(tokens, query.candidates, scope, self._depth)
        except TryAgain as error:
            raise LaneUnavailable("busy") from error
        except StoreBroken as error:
            raise LaneUnavailable(str(error)) from error
        if not found:
            return None
        return Ranking(
            self.name,
            tuple(match.page for match in found),
            {match.page: (match.chunk,) for match in found},
            tuple(match.score for match in found),
            regions={match.page: match.region for match in found},
        )

    def _embed(self, query: Query) -> list[Vector]:
        if query.picture is not None:
            return self._index.embed_picture(query.picture)
        return self._index.embed_question(query.text)
