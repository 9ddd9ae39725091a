"""Search by CLIP's vectors: pictures by a question or by a picture, and texts by a question."""

from __future__ import annotations

from typing import ClassVar

from rag.model.extraction import Modality
from rag.model.search import Scope
from rag.ports import Vector
from rag.search.lanes.lane import LaneStatus
from rag.search.lanes.nearest import VectorRanker
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking
from rag.vectors.indexes import ClipIndex


class ImageVectorsLane:
    """Rank pages by the similarity of their pictures (figures and the page image) to a question or a picture."""

    name: ClassVar[str] = "clip-picture"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset(QueryKind)
    needs_candidates: ClassVar[bool] = False

    def __init__(self, ranker: VectorRanker[ClipIndex]) -> None:
        self._ranker = ranker

    def status(self) -> LaneStatus:
        return self._ranker.status()

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        index = self._ranker.index
        return self._ranker.rank(self.name, Modality.PICTURE, query, scope, lambda: _embed(index, query))


class ClipTextLane:
    """Rank pages by the similarity of their texts to a question, by CLIP's text tower."""

    name: ClassVar[str] = "clip-text"
    accepts: ClassVar[frozenset[QueryKind]] = frozenset({QueryKind.QUESTION})
    needs_candidates: ClassVar[bool] = False

    def __init__(self, ranker: VectorRanker[ClipIndex]) -> None:
        self._ranker = ranker

    def status(self) -> LaneStatus:
        return self._ranker.status()

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        index = self._ranker.index
        return self._ranker.rank(self.name, Modality.TEXT, query, scope, lambda: _embed(index, query))


def _embed(index: ClipIndex, query: Query) -> list[Vector]:
    return index.embed_query(query.text) if query.picture is None else index.embed_picture(query.picture)
