"""The vectors of documents in memory, by which a scope is searched exactly."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.catalog import Catalog, vectors
from rag.catalog.vectors import VectorRow
from rag.model.extraction import Modality
from rag.ports import Vector

MAX_BYTES = 256 << 20
"""Memory for vectors: 130,000 of 512 dimensions."""

_IDLE_SECONDS = 600.0
"""Seconds without a search after which the memory is given back. Reading 10,000 vectors again takes a tenth of one."""

_Key: TypeAlias = tuple[str, Modality, int]
"""Embedder, modality, document."""


@dataclass(frozen=True, slots=True, eq=False)
class DocumentVectors:
    """The vectors of a document as unit rows, shape (n, dim), and the chunk of each, shape (n,)."""

    chunks: NDArray[np.int64]
    rows: NDArray[np.float32]

    @property
    def size(self) -> int:
        return self.chunks.nbytes + self.rows.nbytes


class VectorCache:
    """A copy of the catalog's vectors of the documents that were searched last. Thread-safe.

    A document is read when it is first searched, and again after it got new vectors. Chunks that were deleted since may
    be left: callers join what they find with the catalog.
    """

    def __init__(self, catalog: Catalog, max_bytes: int = MAX_BYTES) -> None:
        self._catalog = catalog
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._documents: OrderedDict[_Key, DocumentVectors] = OrderedDict()
        self._newest: VectorRow | None = None
        self._used = float("-inf")

    @property
    def size(self) -> int:
        """Return the bytes of memory that the vectors take."""
        with self._lock:
            return self._size()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._documents.clear()

    def clear_unused(self, seconds: float = _IDLE_SECONDS) -> None:
        """Forget everything if nothing was searched for these seconds."""
        if monotonic() - self._used >= seconds:
            self.clear()

    def best_similarities(
        self, identity: str, modality: Modality, queries: Sequence[Vector], documents: Collection[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the chunk of every vector of these documents, and its highest cosine with one of the queries."""
        self._used = monotonic()
        held = self._load([(identity, modality, document) for document in documents])
        matrix = np.stack(queries, axis=1)
        chunks = [found.chunks for found in held]
        # One product for each document: copying the rows of all into one matrix takes longer than the products.
        cosines = [found.rows @ matrix for found in held]
        if not chunks:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return np.concatenate(chunks), np.concatenate(cosines).max(axis=1)

    def _load(self, keys: Sequence[_Key]) -> list[DocumentVectors]:
        """Return the vectors of documents that have some."""
        with self._lock, self._catalog.read_transaction() as connection:
            newest = vectors.newest_row(connection)
            if newest != self._newest:
                if self._newest is None or not vectors.has_row(connection, self._newest):
                    self._documents.clear()
                else:
                    self._drop(vectors.documents_changed_since(connection, self._newest))
                self._newest = newest
            missing = [key for key in keys if key not in self._documents]
            if missing:
                identity, modality, _ = missing[0]
                read = vectors.vectors_of_documents(connection, identity, modality, [key[2] for key in missing])
                found = {document: DocumentVectors(chunks, rows) for document, chunks, rows in read}
                empty = DocumentVectors(np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
                self._documents |= {key: found.get(key[2], empty) for key in missing}
            for key in keys:
                self._documents.move_to_end(key)
            held = [self._documents[key] for key in keys]
            if missing:
                self._evict()
        return [one for one in held if len(one.chunks)]

    def _drop(self, documents: Iterable[int]) -> None:
        changed = set(documents)
        for key in [key for key in self._documents if key[2] in changed]:
            del self._documents[key]

    def _evict(self) -> None:
        """Forget the documents that were searched longest ago."""
        size = self._size()
        while size > self._max_bytes:
            size -= self._documents.popitem(last=False)[1].size

    def _size(self) -> int:
        return sum(found.size for found in self._documents.values())
