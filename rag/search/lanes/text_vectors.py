"""Search by the vectors of the text embedder."""

from __future__ import annotations

from typing import ClassVar

from rag.model import Modality, Scope
from rag.search.lanes.lane import LaneStatus
from rag.search.lanes.nearest import VectorRanker
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.vectors.indexes import TextIndex


class TextVectorsLane:
    """Rank pages by the similarity of their texts to a question."""

    name: ClassVar[str] = "text-vectors"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(self, ranker: VectorRanker[TextIndex]) -> None:
        self._ranker = ranker

    def status(self) -> LaneStatus:
        return self._ranker.status()

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        index = self._ranker.index
        return self._ranker.rank(self.name, Modality.TEXT, query, scope, lambda: index.embed_query(query.text))
