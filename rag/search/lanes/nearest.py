"""Rank pages by nearest-neighbor search; shared by the lanes that use vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from rag.errors import OperatorMustAct, StoreBroken, TryAgain
from rag.model.extraction import Kind, Modality
from rag.model.search import PageKey, Scope
from rag.ports import Vector
from rag.search.lanes.lane import ON, LaneStatus, LaneUnavailable
from rag.search.query import Query
from rag.search.ranking import MAX_REGIONS, Ranking, rank_pages
from rag.vectors.indexes import ClipIndex, TextIndex
from rag.vectors.search import NearestChunk

_FIGURE_MARGIN = 0.1
"""A hit shows a figure instead of its page if the figure's cosine is lower by at most this much."""

_Index = TypeVar("_Index", ClipIndex, TextIndex)


class VectorRanker(Generic[_Index]):
    """Rank pages by the cosine of their nearest chunk of one modality."""

    def __init__(self, index: _Index, depth: int) -> None:
        self.index: _Index = index
        self._depth = depth

    def status(self) -> LaneStatus:
        """Return whether the embedder can be used."""
        return ON if self.index.identity() is not None else LaneStatus(self.index.off, self.index.fix)

    def rank(
        self, lane: str, modality: Modality, query: Query, scope: Scope, embed: Callable[[], list[Vector]]
    ) -> Ranking:
        """Rank the pages in scope. `embed` makes the query's vectors; it is not called if another lane made them.

        Raise LaneUnavailable if the embedder or the vector store fails.
        """
        try:
            with query.clock.measure("embed"):
                queries = query.vectors.get(type(self.index).__name__, embed)
        except (OperatorMustAct, TryAgain) as error:
            raise LaneUnavailable(self.index.off or str(error), self.index.fix) from error
        try:
            with query.clock.measure("vectors"):
                return _rank_nearest(lane, self._find_nearest(queries, modality, scope), self._depth)
        except TryAgain as error:
            raise LaneUnavailable("busy") from error
        except StoreBroken as error:
            raise LaneUnavailable(str(error)) from error

    def _find_nearest(self, queries: Sequence[Vector], modality: Modality, scope: Scope) -> list[NearestChunk]:
        try:
            return self.index.nearest(queries, modality, scope, self._depth)
        except TryAgain:  # another process is writing; a second try usually succeeds
            return self.index.nearest(queries, modality, scope, self._depth)


def _rank_nearest(lane: str, nearest: Sequence[NearestChunk], depth: int) -> Ranking:
    """Rank pages by their nearest chunk; show a figure instead of its page if it is about as near."""
    chunks = [(chunk.chunk, (chunk.document, chunk.page)) for chunk in nearest]
    # The chunks are ordered by similarity, so the first chunk of a page has the page's highest.
    ranking = rank_pages(lane, chunks, depth, scores={chunk.chunk: chunk.similarity for chunk in nearest})
    shown: dict[PageKey, NearestChunk] = {}
    for chunk in nearest:
        first = shown.setdefault((chunk.document, chunk.page), chunk)
        if first.kind is Kind.PAGE is not chunk.kind and chunk.similarity >= first.similarity - _FIGURE_MARGIN:
            shown[chunk.document, chunk.page] = chunk
    chunks_shown = {
        page: tuple(dict.fromkeys((shown[page].chunk, *found)))[:MAX_REGIONS] for page, found in ranking.chunks.items()
    }
    return replace(ranking, chunks=chunks_shown)
