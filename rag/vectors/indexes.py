"""The vectors of one embedder: indexing what waits, and searching for nearest neighbors.

An index is one embedder with its vectors in the catalog and in the store. All indexes share one VectorStoreSync, and
with it the thread that owns the models, where a question goes before the next batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from rag.catalog import vectors
from rag.model.extraction import Modality
from rag.model.search import Scope
from rag.ports import Embedder, PageEmbedder, TextEmbedder, Vector
from rag.vectors.gpu_sharing import GpuState, Offload
from rag.vectors.indexing import ClipIndexer, Indexer, TextIndexer
from rag.vectors.lazy_embedder import LazyEmbedder
from rag.vectors.priority_thread import Urgency
from rag.vectors.projection import QueryProjection
from rag.vectors.search import NearestChunk, NeighborSearch
from rag.vectors.sync import VectorStoreSync

_E = TypeVar("_E", Embedder, TextEmbedder, PageEmbedder)
_T = TypeVar("_T")


class VectorIndex(Generic[_E]):
    """One embedder's vectors. A background stage: what waits is a chunk without a vector.

    `offload` is None unless the embedder shares its GPU with the generator; batches are then embedded only while no
    answer is written.
    """

    def __init__(
        self,
        embedder: LazyEmbedder[_E],
        indexer: Indexer[_E],
        sync: VectorStoreSync,
        offload: Offload | None = None,
    ) -> None:
        self._embedder: LazyEmbedder[_E] = embedder
        self._indexer: Indexer[_E] = indexer
        self._sync = sync
        self._search = NeighborSearch(sync)
        self.offload = offload

    @property
    def off(self) -> str:
        """Return why the index is off, or an empty string."""
        return self._embedder.off

    @property
    def fix(self) -> str:
        """Return what to do to turn the index on."""
        return self._embedder.fix

    def identity(self, *, at_once: bool = False) -> str | None:
        """Return the embedder's identity, or None with `off` set; see LazyEmbedder.identity."""
        return self._embedder.identity(at_once=at_once)

    def unload_unused(self) -> None:
        """Take the model out of memory if it was not used for a while; the next use loads it again."""
        self._embedder.unload_unused()

    # ------------------------------------------------------------ indexing (the owner alone)

    def process_batch(self, stop: threading.Event) -> int:
        """Embed the next batch of chunks; return how many there were, 0 when none waits or the index is off."""
        if self.offload is None or stop.is_set():
            return self._process_batch(stop)
        while self.offload.wait_for_gpu(stop):
            done = self._process_batch(stop)
            if done or self.offload.state is GpuState.ON_GPU:
                return done
        return 0

    def _process_batch(self, stop: threading.Event) -> int:
        identity = None if stop.is_set() else self.identity()
        if identity is None:
            return 0
        return self._sync.thread.run(Urgency.BATCH, lambda: self._embed_batch(identity))

    def _embed_batch(self, identity: str) -> int:
        answer_began = self.offload is not None and self.offload.state is not GpuState.ON_GPU
        return 0 if answer_began else self._indexer.embed_batch(identity)

    def target(self) -> vectors.EmbeddingTarget:
        """Return which kinds of chunks this embedder needs a vector of."""
        return vectors.EmbeddingTarget(self._embedder.known_identity, self._indexer.kinds)

    def count_waiting(self) -> int:
        """Return how many chunks have no vector in this index."""
        with self._sync.catalog.read_transaction() as connection:
            return vectors.count_unembedded(connection, [self.target()])

    def is_settled(self) -> bool:
        """Return whether nothing waits, or the index is off."""
        return self.identity() is None or not self.count_waiting()

    def describe_waiting(self) -> str:
        return f"{self.count_waiting()} chunks wait for their vectors"

    # ------------------------------------------------------------ searching

    def using(self, call: Callable[[_E], _T]) -> _T:
        """Return the result of `call` with the embedder, run in its thread after the questions that wait."""
        return self._embedder.run(call)

    def probe(self) -> bool:
        """Search a sample of stored vectors for themselves; return whether all come back."""
        identity = self._embedder.known_identity
        return identity is None or self._sync.probe(identity)

    def nearest(self, queries: Sequence[Vector], modality: Modality, scope: Scope, pages: int) -> list[NearestChunk]:
        """Return the nearest chunks in scope; see NeighborSearch.nearest. Empty while the index is off."""
        identity = self._embedder.known_identity
        return [] if identity is None else self._search.nearest(identity, queries, modality, scope, pages)


class ClipIndex(VectorIndex[Embedder]):
    """CLIP's index: pictures of figures and pages, and texts, in one space.

    `projection` makes a question's vectors in place of the text tower, or is None.
    """

    def __init__(
        self,
        embedder: LazyEmbedder[Embedder],
        sync: VectorStoreSync,
        data: Path,
        projection: QueryProjection | None = None,
        offload: Offload | None = None,
    ) -> None:
        super().__init__(embedder, ClipIndexer(embedder, sync, data), sync, offload)
        self.projection = projection

    def embed_query(self, text: str) -> list[Vector]:
        """Return the vectors of a question, one for each window. If the embedder fails, turn it off and raise."""
        projected = None if self.projection is None else self.projection.project(text)
        if projected is not None:
            return projected
        return self._embedder.embed_query(lambda embedder: embedder.embed_texts(embedder.windows(text)))

    def embed_picture(self, picture: Path) -> list[Vector]:
        """Return the vector of a picture, or an empty list when it cannot be decoded."""
        return self._embedder.embed_query(
            lambda embedder: [vector for vector in embedder.embed_pictures([picture]) if vector is not None]
        )


class TextIndex(VectorIndex[TextEmbedder]):
    """The index of one text embedder: texts, and the caption and words of each figure.

    `model` is its name in the setting `text.model`.
    """

    def __init__(self, model: str, embedder: LazyEmbedder[TextEmbedder], sync: VectorStoreSync) -> None:
        super().__init__(embedder, TextIndexer(embedder, sync), sync)
        self.model = model

    def embed_query(self, text: str) -> list[Vector]:
        """Return the vectors of a question, one for each window. If the embedder fails, turn it off and raise."""
        return self._embedder.embed_query(lambda embedder: embedder.embed_queries(embedder.windows(text)))
