"""The index of page images by late interaction, and its search: a few candidates, then MaxSim over their tokens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.catalog import page_tokens
from rag.errors import Busy
from rag.model.extraction import Box, Modality
from rag.model.search import PageKey, Scope
from rag.ports import PageEmbedder, Vector
from rag.vectors.gpu_sharing import Offload
from rag.vectors.indexes import VectorIndex
from rag.vectors.indexing import PageIndexer
from rag.vectors.lazy_embedder import LazyEmbedder
from rag.vectors.max_sim import mean_vector, score_pages, unit_rows
from rag.vectors.priority_thread import Urgency
from rag.vectors.sync import VectorStoreSync

NEAREST = 200
"""Pages that the first stage finds by their mean vectors. In a scope with no more pages, all are scored."""

_MAX_CANDIDATES = 100
"""Pages of the other lanes that are scored, best first."""

_MAX_QUERY_TOKENS = 128
"""Tokens of a query. A screenshot has hundreds, of which evenly spaced ones find the page too."""

_DELETED_AT_ONCE = 500
"""Pages whose vectors by a replaced model are deleted in one transaction. Other writers wait for it."""


@dataclass(frozen=True, slots=True)
class MatchedPage:
    """A page in scope: its score, -1 to 1, the part of it that matches best, and the chunk that shows it as a whole."""

    page: PageKey
    chunk: int
    score: float
    region: Box


class PageImageIndex(VectorIndex[PageEmbedder]):
    """Token vectors of page images in the catalog; the mean of each page in the vector store too."""

    def __init__(
        self,
        embedder: LazyEmbedder[PageEmbedder],
        sync: VectorStoreSync,
        data: Path,
        offload: Offload | None = None,
    ) -> None:
        super().__init__(embedder, PageIndexer(embedder, sync, data), sync, offload)

    def process_batch(self, stop: threading.Event) -> int:
        """Embed the next pages, or delete some vectors of a replaced model; return how many pages there were."""
        done = super().process_batch(stop)
        identity = self._embedder.known_identity
        if done or identity is None or stop.is_set():
            return done
        return self._delete_replaced(identity)

    def embed_question(self, text: str) -> list[Vector]:
        """Return the vectors of a question's tokens. If the embedder fails, turn it off and raise."""
        return self._embedder.embed_query(lambda embedder: list(embedder.embed_question(text)))

    def embed_picture(self, picture: Path) -> list[Vector]:
        """Return the vectors of a screenshot's tokens, or an empty list if it cannot be decoded."""
        content = picture.read_bytes()
        tokens = self._embedder.embed_query(lambda embedder: embedder.embed_pages([content])[0])
        return [] if tokens is None else list(unit_rows(tokens.vectors))

    def search(
        self, query: Sequence[Vector], candidates: Sequence[PageKey], scope: Scope, limit: int
    ) -> list[MatchedPage]:
        """Return the best `limit` of these pages in scope: the first candidates, and those whose mean is nearest.

        Empty while the index is off. Raise Busy or StoreBroken.
        """
        identity = self._embedder.known_identity
        if identity is None or not query:
            return []
        step = -(-len(query) // _MAX_QUERY_TOKENS)
        tokens: NDArray[np.float32] = np.stack(query[::step])
        nearest = self.nearest([mean_vector(tokens)], Modality.PICTURE, scope, NEAREST)
        near = [(chunk.document, chunk.page) for chunk in nearest[:NEAREST]]
        pages = list(dict.fromkeys([*candidates[:_MAX_CANDIDATES], *near]))
        with self._sync.catalog.read_transaction() as connection:
            stored = page_tokens.read_page_tokens(connection, identity, pages, scope)
        scored = zip(stored, score_pages(tokens, [page.tokens for page in stored]), strict=True)
        best = sorted(scored, key=lambda one: (-one[1].score, one[0].document, one[0].page))[:limit]
        return [MatchedPage((page.document, page.page), page.chunk, score.score, score.region) for page, score in best]

    def bytes_of_largest_page(self) -> int:
        """Return the bytes of the largest page's token vectors; 0 without any."""
        identity = self._embedder.known_identity
        if identity is None:
            return 0
        with self._sync.catalog.read_transaction() as connection:
            return page_tokens.largest_page(connection, identity)

    def _delete_replaced(self, identity: str) -> int:
        """Delete a batch of the vectors of another model, now that every page has some of this one.

        Its part of the store goes first: while it has vectors in the catalog, that is done again after a crash.
        """
        catalog = self._sync.catalog
        with catalog.read_transaction() as connection:
            others = [other for other in page_tokens.list_embedders(connection) if other != identity]
        if not others:
            return 0
        replaced = others[0]
        try:
            self._sync.thread.run(Urgency.BATCH, lambda: self._sync.drop(replaced))
        except Busy:
            return 0
        with catalog.write_transaction() as connection:
            deleted = page_tokens.delete_replaced(connection, replaced, _DELETED_AT_ONCE)
        catalog.give_back_space()
        catalog.checkpoint()
        return deleted
