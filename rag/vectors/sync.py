"""The vector store as a copy of the catalog: written in one thread, looked at before the first write, filled anew.

Every lane with vectors shares one Mirror, and through it one store and one thread: the thread that owns the
models and, in an owner, the writing side of the store.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

from rag.catalog import Catalog, vectors
from rag.errors import Busy, StoreBroken
from rag.ports import StoredVector, VectorStore

_T = TypeVar("_T")

QUESTION, BATCH, STOP = 0, 1, 2

_MOST = 512
"""Chunks embedded between two looks, at most."""

_PROBES = 24
"""Stored vectors asked with themselves when an owner starts: a count proves nothing."""


class OwnThread:
    """One thread that does one thing after another, the most urgent first."""

    def __init__(self, name: str) -> None:
        self._queue: queue.PriorityQueue[tuple[int, int, Callable[[], None]]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, urgency: int, call: Callable[[], _T]) -> _T:
        """Run `call` in the thread and return what it returns, or raise what it raises."""
        future: Future[_T] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
                future.set_exception(error)

        self._queue.put((urgency, next(self._order), run))
        return future.result()

    def _run(self) -> None:
        while True:
            urgency, _, run = self._queue.get()
            if urgency == STOP:
                return
            run()

    def close(self) -> None:
        self._queue.put((STOP, next(self._order), lambda: None))
        self._thread.join()


class Pace:
    """How many chunks are embedded between two looks at the questions that wait: as many as take about a second, and
    on a GPU more than on a CPU, so that it is not left waiting for the first picture of each few."""

    def __init__(self, least: int) -> None:
        self._least = self.count = least

    def took(self, count: int, seconds: float) -> None:
        if count:
            self.count = max(self._least, min(_MOST, int(count / max(seconds, 1e-3))))


class Mirror:
    """Catalog and store side by side, for any number of embedders. Writing is the owner's alone.

    Of what is added the last batch is copied to the store while the next is embedded; `settle` waits for it.
    """

    def __init__(self, catalog: Catalog, open_store: Callable[[], VectorStore], notice: Callable[[str], None]) -> None:
        self.catalog = catalog
        self.thread = OwnThread("embedder")
        self.closing = ExitStack()
        """Closed with it: what the lanes' embedders hold open."""
        self._open_store = open_store
        self._notice = notice
        self._store: VectorStore | None = None
        self._owned = self._unclean = False
        self._sound: set[str] = set()
        self._filled: set[str] = set()
        self._copying = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._copied: Future[None] | None = None

    def store(self) -> VectorStore:
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def close(self) -> None:
        self.thread.close()
        try:
            self.settle()
        finally:
            self._copying.shutdown()
            self.closing.close()
            if self._store is not None:
                self._store.close()

    def settle(self) -> None:
        """Wait until the store has all that was added; raise what went wrong with it."""
        copied, self._copied = self._copied, None
        if copied is not None:
            copied.result()

    def take_over(self, *, unclean: bool) -> None:
        """An owner begins: look at each embedder's vectors before they are written. `unclean`: a run before died."""
        self._owned, self._unclean = True, unclean
        self._sound.clear()
        self._filled.clear()

    def heal(self, identity: str) -> None:
        """Fill the store anew when it does not give back what the catalog holds.

        After a run that died this is done unasked: `kill -9` while adding can leave a collection that
        opens, counts right, and fails or loses vectors later.
        """
        if not self._owned or identity in self._sound:
            return
        self.settle()
        with self.catalog.reading() as connection:
            expected = vectors.count_vectors(connection, identity)
        untrusted = self._unclean and identity not in self._filled
        try:
            wrong = untrusted or self.store().count(identity) != expected or not self.probe(identity)
        except (StoreBroken, Busy):
            wrong = True
        if wrong:
            self.fill(identity)
        self._sound.add(identity)

    def probe(self, identity: str, among: int = _PROBES) -> bool:
        """Ask a sample of stored vectors with themselves; True when each is its own nearest."""
        self.settle()
        with self.catalog.reading() as connection:
            rows = vectors.sample(connection, identity, among)
        store = self.store()
        for row in rows:
            best = store.query(identity, row.modality, row.vector, 5)
            if not any((near.chunk, near.window) == (row.chunk, row.window) for near in best) and not (
                best and best[0].similarity > 0.999  # identical chunks: any twin may come first
            ):
                return False
        return True

    def fill(self, identity: str) -> None:
        """Drop the store's collections of this embedder and copy every vector from the catalog."""
        store = self.store()
        store.drop(identity)
        # A store too broken to drop one embedder's collections lost those of the others too: all are looked at again.
        self._sound.clear()
        self._filled.add(identity)
        with self.catalog.reading() as connection:
            if vectors.count_vectors(connection, identity):
                self._notice("The vector index is being filled again from the catalog.")
        with self.catalog.reading() as connection:
            for batch in vectors.stored_vectors(connection, identity):
                store.add(identity, batch)

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        """Copy vectors that the catalog just took, once those before are copied."""
        self.settle()
        if rows:
            self._copied = self._copying.submit(self._copy, identity, rows)

    def _copy(self, identity: str, rows: Sequence[StoredVector]) -> None:
        try:
            self.store().add(identity, rows)
        except StoreBroken:
            self.fill(identity)

    def forget_dropped(self, identities: Sequence[str]) -> None:
        """Take out of the store what the catalog dropped. `identities` are the embedders that can be named now."""
        while True:
            with self.catalog.reading() as connection:
                rows = vectors.take_dropped(connection)
            if not rows:
                return
            self.thread.do(BATCH, partial(self._forget, identities, rows))
            with self.catalog.writing() as connection:
                vectors.forget_dropped(connection, rows)

    def _forget(self, identities: Sequence[str], rows: Sequence[tuple[int, int]]) -> None:
        self.settle()
        try:
            for identity in identities:
                self.heal(identity)
            self.store().remove(rows)
        except StoreBroken:
            if not identities:  # nothing to fill it with: start empty
                self.store().drop()
            for identity in identities:
                self.fill(identity)
