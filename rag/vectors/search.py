"""Find the chunks in a scope whose vectors are nearest to a query."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rag.catalog import vectors
from rag.catalog.documents import document_ids_in
from rag.catalog.scope import allowed_chunks, count_in
from rag.model.extraction import Kind, Modality
from rag.model.search import Scope
from rag.ports import Neighbor, Vector
from rag.vectors.sync import VectorStoreSync

_MAX_RESTRICTED_WINDOWS = 20_000
"""A scope with at most this many windows can be searched by their ids; with more, a wider query is faster."""

_MAX_WIDTH = 2_500
"""Neighbors requested from the whole store at once: 1,000 of 100,000 took 12 ms, and each is joined with the
catalog."""


@dataclass(frozen=True, slots=True)
class NearestChunk:
    """A chunk in scope with the cosine similarity of its best window."""

    chunk: int
    document: int
    page: int
    kind: Kind
    similarity: float


class NeighborSearch:
    """Searches one vector store and joins the neighbors with the catalog."""

    def __init__(self, sync: VectorStoreSync) -> None:
        self._sync = sync
        self._catalog = sync.catalog

    def nearest(
        self, identity: str, queries: Sequence[Vector], modality: Modality, scope: Scope, pages: int
    ) -> list[NearestChunk]:
        """Return chunks in scope, nearest first, on at least `pages` distinct pages if the scope has them.

        All vectors of a small scope are compared. Otherwise the whole store is searched first, for more neighbors the
        smaller the scope is, and the result joined with the catalog. If that takes too many neighbors, or leaves too
        few pages, only the scope's own vectors are searched. A chunk has several windows, so the k nearest vectors can
        lie on fewer than k pages.
        """
        if not queries:
            return []
        with self._catalog.read_transaction() as connection:
            in_scope = count_in(connection, scope)
            if not in_scope:
                return []
            if in_scope <= self._sync.exact_chunks:
                documents = document_ids_in(connection, scope)
                return self._compare_all(identity, queries, modality, documents, scope, pages)
            total = count_in(connection, Scope.operator())
        store = self._sync.store()
        # Enough if the scope's share of the nearest neighbors is proportional to its size.
        k = pages * 4 * total // in_scope
        while True:
            if k > _MAX_WIDTH:
                with self._catalog.read_transaction() as connection:
                    windows = vectors.windows_in(connection, identity, modality, scope, _MAX_RESTRICTED_WINDOWS + 1)
                if len(windows) <= _MAX_RESTRICTED_WINDOWS:
                    return self._search_windows(identity, windows, queries, modality, scope, pages)
            answers = [store.query(identity, modality, query, k) for query in queries]
            found = self._join(_best_windows(answers), scope)
            if _count_pages(found) >= pages or all(len(near) < k for near in answers):
                return found
            k = max(k * 8, _MAX_WIDTH + 1)

    def _search_windows(
        self,
        identity: str,
        windows: Sequence[tuple[int, int]],
        queries: Sequence[Vector],
        modality: Modality,
        scope: Scope,
        pages: int,
    ) -> list[NearestChunk]:
        """Search these windows alone: for some neighbors first, for all when those lie on too few pages."""
        store = self._sync.store()
        found: list[NearestChunk] = []
        if not windows:
            return found
        for k in dict.fromkeys((min(len(windows), pages * 8), len(windows))):
            near = _best_windows(store.query(identity, modality, query, k, windows) for query in queries)
            found = self._join(near, scope)
            if _count_pages(found) >= pages:
                break
        return found

    def _compare_all(
        self,
        identity: str,
        queries: Sequence[Vector],
        modality: Modality,
        documents: Collection[int],
        scope: Scope,
        pages: int,
    ) -> list[NearestChunk]:
        """Compare every vector of the scope's documents: exact, and independent of the store."""
        chunks, cosines = self._sync.cache.best_similarities(identity, modality, queries, documents)
        found: list[NearestChunk] = []
        for k in dict.fromkeys(min(len(chunks), pages * each) for each in (2, 8, len(chunks))):
            near = np.argpartition(cosines, len(cosines) - k)[len(cosines) - k :] if k < len(cosines) else slice(None)
            windows = zip(chunks[near].tolist(), cosines[near].tolist(), strict=True)
            found = self._join(_best_windows([[Neighbor(chunk, 0, cosine) for chunk, cosine in windows]]), scope)
            if _count_pages(found) >= pages:
                break
        return found

    def _join(self, near: Sequence[Neighbor], scope: Scope) -> list[NearestChunk]:
        """Return the neighbors inside the scope, with document, page and kind."""
        with self._catalog.read_transaction() as connection:
            allowed = allowed_chunks(connection, [neighbor.chunk for neighbor in near], scope)
        return [
            NearestChunk(neighbor.chunk, *allowed[neighbor.chunk], neighbor.similarity)
            for neighbor in near
            if neighbor.chunk in allowed
        ]


def _count_pages(found: Sequence[NearestChunk]) -> int:
    return len({(chunk.document, chunk.page) for chunk in found})


def _best_windows(answers: Iterable[list[Neighbor]]) -> list[Neighbor]:
    """Return the best window of each chunk over all queries, nearest first."""
    best: dict[int, Neighbor] = {}
    for near in itertools.chain.from_iterable(answers):
        if near.chunk not in best or near.similarity > best[near.chunk].similarity:
            best[near.chunk] = near
    return sorted(best.values(), key=lambda near: (-near.similarity, near.chunk))
