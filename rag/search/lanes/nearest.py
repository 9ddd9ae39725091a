"""Nearest-neighbor search by the vectors of one embedder: what the text and the image vector lanes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from rag.errors import OperatorMustAct, StoreBroken, TryAgain
from rag.model import Kind, Modality, PageKey, Scope
from rag.ports import Vector
from rag.search.lanes.lane import ON, LaneStatus, LaneUnavailable
from rag.search.query import Query
from rag.search.ranking import MAX_REGIONS, Ranking, rank_pages
from rag.vectors.indexes import ClipIndex, TextIndex
from rag.vectors.search import NearestChunk

_FIGURE_MARGIN = 0.1
"""How much lower than its page's the cosine of a figure may be for the hit to show the figure instead of the page."""

_Vectors = TypeVar("_Vectors", ClipIndex, TextIndex)


class VectorRanker(Generic[_Vectors]):
    """Rank pages by the cosine of their nearest chunk of one modality."""

    def __init__(self, vectors: _Vectors, depth: int) -> None:
        self.vectors: _Vectors = vectors
        self._depth = depth

    def status(self) -> LaneStatus:
        """Return whether the embedder can be used."""
        return ON if self.vectors.identity() is not None else LaneStatus(self.vectors.off, self.vectors.fix)

    def rank(
        self, lane: str, modality: Modality, query: Query, scope: Scope, embed: Callable[[], list[Vector]]
    ) -> Ranking:
        """Rank the pages in scope; `embed` makes the query's vectors, unless another lane did already.

        Raise LaneUnavailable if the embedder or the vector store fails.
        """
        try:
            with query.clock.measure("embed"):
                queries = query.vectors.get(type(self.vectors).__name__, embed)
        except (OperatorMustAct, TryAgain) as error:
            raise LaneUnavailable(self.vectors.off or str(error), self.vectors.fix) from error
        try:
            with query.clock.measure("vectors"):
                return _rank_nearest(lane, self._find_nearest(queries, modality, scope), self._depth)
        except TryAgain as error:
            raise LaneUnavailable("busy") from error
        except StoreBroken as error:
            raise LaneUnavailable(str(error)) from error

    def _find_nearest(self, queries: Sequence[Vector], modality: Modality, scope: Scope) -> list[NearestChunk]:
        try:
            return self.vectors.nearest(queries, modality, scope, self._depth)
        except TryAgain:  # another process is writing; a second try usually succeeds
            return self.vectors.nearest(queries, modality, scope, self._depth)


def _rank_nearest(lane: str, nearest: Sequence[NearestChunk], depth: int) -> Ranking:
    """Rank pages by their nearest chunk; show a figure instead of its page if both are about as near."""
    chunks = [(one.chunk, (one.document, one.page)) for one in nearest]
    # The chunks are ordered by similarity, so the first chunk of a page has the page's highest.
    ranking = rank_pages(lane, chunks, depth, scores={one.chunk: one.similarity for one in nearest})
    shown: dict[PageKey, NearestChunk] = {}
    for one in nearest:
        first = shown.setdefault((one.document, one.page), one)
        if first.kind is Kind.PAGE is not one.kind and one.similarity >= first.similarity - _FIGURE_MARGIN:
            shown[one.document, one.page] = one
    chunks_shown = {
        page: tuple(dict.fromkeys((shown[page].chunk, *found)))[:MAX_REGIONS] for page, found in ranking.chunks.items()
    }
    return replace(ranking, chunks=chunks_shown)
