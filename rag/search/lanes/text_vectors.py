"""Search by the vectors of the text embedder."""

from __future__ import annotations

from typing import ClassVar

from rag.model.extraction import Modality
from rag.model.search import Scope
from rag.search.lanes.lane import ON, LaneStatus, LaneUnavailable
from rag.search.lanes.nearest import VectorRanker
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.vectors.text_indexes import TextIndexes


class TextVectorsLane:
    """Rank pages by the similarity of their texts to a question."""

    name: ClassVar[str] = "text-vectors"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(self, indexes: TextIndexes, depth: int) -> None:
        self._indexes = indexes
        self._depth = depth

    def status(self) -> LaneStatus:
        return ON if self._indexes.answering() is not None else LaneStatus(self._indexes.off, self._indexes.fix)

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        # One index for both steps: another may take over between them.
        index = self._indexes.answering()
        if index is None:
            raise LaneUnavailable(self._indexes.off, self._indexes.fix)
        ranker = VectorRanker(index, self._depth)
        return ranker.rank(self.name, Modality.TEXT, query, scope, lambda: index.embed_query(query.text))
