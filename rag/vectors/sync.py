"""Keep the vector store in sync with the catalog, and rebuild it from the catalog when it is damaged.

All indexes share one VectorStoreSync: one store, and one thread that owns the models and, in the owner of the data
folder, the writing side of the store.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

from rag.catalog import Catalog, vectors
from rag.errors import Busy, MagpieError, StoreBroken
from rag.ports import StoredVector, VectorStore
from rag.vectors.cache import VectorCache
from rag.vectors.priority_thread import PriorityThread, Urgency

_PROBES = 24
"""Stored vectors that are searched for themselves when an owner starts. A count alone does not detect damage."""

_MAX_WASTE = 2
"""Places in the store for each vector: with more, most are those of deleted vectors, whose bytes stay on disk."""


_BUSY_DELAYS = (0.1, 0.5, 2.0)
"""Seconds before the next attempts to add vectors to a store that is busy."""

log = logging.getLogger("magpie")


class VectorStoreSync:
    """The vector store as a copy of the catalog, for any number of embedders. Only the owner may write.

    The last batch is copied to the store while the next one is embedded; `flush` waits for the copy.
    """

    def __init__(
        self,
        catalog: Catalog,
        open_store: Callable[[], VectorStore],
        notice: Callable[[str], None],
        exact_chunks: int = 0,
    ) -> None:
        """`exact_chunks`: a scope with at most this many chunks is compared in `cache`, not searched in the store."""
        self.catalog = catalog
        self.exact_chunks = exact_chunks
        self.cache = VectorCache(catalog)
        self.thread = PriorityThread("embedder")
        self._open_store = open_store
        self._notice = notice
        self._store: VectorStore | None = None
        self._opening = threading.Lock()
        self._is_owner = self._unclean = self._has_failed = False
        self._verified: set[str] = set()
        self._rebuilt: set[str] = set()
        self._copier = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._pending_copy: Future[None] | None = None

    def store(self) -> VectorStore:
        """Open the store on first use and return it."""
        with self._opening:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    def close(self) -> None:
        self.thread.close()
        try:
            self.flush()
        finally:
            self._copier.shutdown()
            if self._store is not None:
                self._store.close()

    def flush(self) -> None:
        """Wait until everything that was added is in the store. Raise the error of a failed copy."""
        pending, self._pending_copy = self._pending_copy, None
        if pending is not None:
            pending.result()

    def take_over(self, *, unclean: bool, is_own: bool = False) -> None:
        """Start as owner: verify each embedder's vectors before the next write.

        `unclean`: an earlier run crashed. `is_own`: the run before was this object's, so that no other process has
        written since, and what was verified then still holds.
        """
        self._is_owner, self._unclean, self._has_failed = True, unclean, False
        if unclean or not is_own:
            self._verified.clear()
        self._rebuilt.clear()

    def hand_over(self) -> bool:
        """Wait until nothing is written to the store any more. Return whether the next owner can trust it.

        It cannot if a write failed, or if an earlier run crashed and nothing was rebuilt since then.
        """
        with suppress(MagpieError):  # of the last copy: it is noted
            self.thread.run(Urgency.BATCH, self.flush)
        self._is_owner = False
        return not self._has_failed and (not self._unclean or bool(self._rebuilt))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._has_failed = True
            raise

    def repair(self, identity: str) -> None:
        """Rebuild this embedder's part of the store when it does not return what the catalog holds.

        After a crash it is always rebuilt: `kill -9` during an insert can leave a collection that opens,
        has the right count, and fails or loses vectors later. While the store is busy, this is left for the next call.
        """
        if not self._is_owner or identity in self._verified:
            return
        self.flush()
        try:
            self._verify(identity)
        except Busy:
            log.info("The vector store is busy. It is compared with the catalog before the next batch.")

    def _verify(self, identity: str) -> None:
        with self.catalog.read_transaction() as connection:
            expected = vectors.count_vectors(connection, identity)
        untrusted = self._unclean and identity not in self._rebuilt
        try:
            damaged = untrusted or self.store().count(identity) != expected or not self.probe(identity)
        except StoreBroken:
            damaged = True
        if damaged:
            self.rebuild(identity)
        self._verified.add(identity)

    def usage(self) -> tuple[int, int]:
        """Return how many vectors the store has, and for how many it takes space; see VectorStore.usage."""
        return self.store().usage()

    def is_wasteful(self) -> bool:
        """Return whether most of the store's space is that of deleted vectors."""
        live, places = self.usage()
        return places > _MAX_WASTE * live

    def probe(self, identity: str, sample_size: int = _PROBES) -> bool:
        """Search a sample of stored vectors for themselves; return whether each one is its own nearest neighbor."""
        self.flush()
        with self.catalog.read_transaction() as connection:
            rows = vectors.sample(connection, identity, sample_size)
        store = self.store()
        for row in rows:
            best = store.query(identity, row.modality, row.vector, 5)
            if not any((near.chunk, near.window) == (row.chunk, row.window) for near in best) and not (
                best and best[0].similarity > 0.999  # identical chunks may come in any order
            ):
                return False
        return True

    def rebuild(self, identity: str) -> None:
        """Drop this embedder's collections and copy every vector from the catalog."""
        store = self.store()
        store.drop(identity)
        # A badly damaged store loses the other embedders' collections in `drop` too, so verify all of them again.
        self._verified.clear()
        self._rebuilt.add(identity)
        with self.catalog.read_transaction() as connection:
            if vectors.count_vectors(connection, identity):
                self._notice("Rebuilding the vector index from the catalog.")
        with self._writing(), self.catalog.read_transaction() as connection:
            for batch in vectors.stored_vectors(connection, identity):
                store.add(identity, batch)

    def drop(self, identity: str) -> None:
        """Delete an embedder's part of the store. Call it in the thread that owns the models.

        A damaged store loses the other embedders' parts too, so all of them are verified again.
        """
        self.flush()
        with self._writing():
            self.store().drop(identity)
        self._verified.clear()

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        """Start copying vectors that were just written to the catalog, after the previous copy has ended.

        Without rows, only wait for that copy, and repair what it could not write.
        """
        self.flush()
        if rows:
            self._pending_copy = self._copier.submit(self._copy, identity, rows)
        else:
            self.repair(identity)

    def _copy(self, identity: str, rows: Sequence[StoredVector]) -> None:
        try:
            with self._writing():
                try:
                    self._add(identity, rows)
                except StoreBroken:
                    self.rebuild(identity)
        except Busy:
            log.info("The vector store is busy: %d vectors are copied from the catalog later.", len(rows))
            self._verified.discard(identity)

    def _add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        """Add vectors to the store; wait for a few seconds while it is busy, then raise Busy."""
        for delay in _BUSY_DELAYS:
            try:
                self.store().add(identity, rows)
                return
            except Busy:
                threading.Event().wait(delay)
        self.store().add(identity, rows)

    def remove_dropped(self, identities: Sequence[str]) -> None:
        """Delete the vectors of deleted chunks from the store.

        `identities`: the embedders that are available now.
        """
        while True:
            with self.catalog.read_transaction() as connection:
                rows = vectors.list_vector_deletions(connection)
            if not rows:
                return
            self.cache.clear()
            try:
                self.thread.run(Urgency.BATCH, partial(self._remove, identities, rows))
            except Busy:
                log.info("The vector store is busy: deleted vectors are removed later.")
                return
            with self.catalog.write_transaction() as connection:
                vectors.finish_vector_deletions(connection, rows)

    def _compact(self, identities: Sequence[str]) -> None:
        """Give back the space of deleted vectors once it is more than that of the others."""
        with self.catalog.read_transaction() as connection:
            is_empty = not vectors.has_vectors(connection)
        if is_empty:
            self.store().drop()
            return
        if self.is_wasteful():
            for identity in identities:
                self.rebuild(identity)

    def _remove(self, identities: Sequence[str], rows: Sequence[tuple[int, int]]) -> None:
        self.flush()
        with self._writing():
            try:
                for identity in identities:
                    self.repair(identity)
                self.store().remove(rows)
                self._compact(identities)
            except StoreBroken:
                if not identities:  # without an embedder there is nothing to rebuild: start empty
                    self.store().drop()
                for identity in identities:
                    self.rebuild(identity)
