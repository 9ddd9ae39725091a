"""The vector lane: chunks to vectors in the catalog, from there to the store, and the nearest of them back.

One thread owns the embedder and, in an owner, the writing side of the store; a waiting question goes
before the next batch. Vectors are written to the catalog first: the store is a copy that can be lost.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag.catalog import Catalog, vectors
from rag.catalog.scope import allowed_chunks, count_in
from rag.errors import Busy, MagpieError, OperatorMustAct, StoreBroken
from rag.model import Kind, Modality, Scope
from rag.ports import Embedder, Neighbour, StoredVector, Vector, VectorStore

_T = TypeVar("_T")

QUESTION, BATCH, STOP = 0, 1, 2

_PICTURES, _TEXTS = 64, 128
"""Chunks embedded between two looks at the questions that wait."""

_AMONG = 20_000
"""Vectors a scope may hold to be asked for by their ids; asking among 15,400 took 16 ms."""

_WIDEST = 2_500
"""Vectors of all scopes asked for at once; taking 1,000 of 100,000 took 12 ms, and each is joined with the catalog."""

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


@dataclass(frozen=True, slots=True)
class Nearest:
    """A chunk in scope by its best window."""

    chunk: int
    document: int
    page: int
    kind: Kind
    similarity: float


class VectorLane:
    """Embedder, catalog and store together. `off` says why the lane is absent, or is empty; `fix` what turns it on."""

    def __init__(
        self,
        catalog: Catalog,
        data: Path,
        open_embedder: Callable[[], Embedder],
        open_store: Callable[[], VectorStore],
        notice: Callable[[str], None],
    ) -> None:
        self._catalog = catalog
        self._data = data
        self._open_embedder = open_embedder
        self._open_store = open_store
        self._notice = notice
        self._thread = OwnThread("embedder")
        self._embedder: Embedder | None = None
        self._store: VectorStore | None = None
        self._identity: str | None = None
        self._unchecked = self._unclean = False
        self.off = self.fix = ""

    # ------------------------------------------------------------ opening

    def identity(self) -> str | None:
        """The embedder's identity, or None with `off` set. Looks for the weights again each time they were missing."""
        if self._identity is None:
            self._thread.do(QUESTION, self._open)
        return self._identity

    def _open(self) -> None:
        try:
            self._embedder = self._embedder or self._open_embedder()
            self._identity = self._embedder.identity
            self.off = ""
        except OperatorMustAct as error:
            self.off, self.fix = str(error).rstrip("."), error.hint

    def store(self) -> VectorStore:
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def close(self) -> None:
        self._thread.close()
        if self._store is not None:
            self._store.close()

    # ------------------------------------------------------------ writing (the owner alone)

    def take_over(self, *, unclean: bool) -> None:
        """An owner begins: look at the store before the first write. `unclean`: a run before it died."""
        self._unchecked, self._unclean = True, self._unclean or unclean

    def _heal(self, identity: str) -> None:
        """Fill the store anew when it does not give back what the catalog holds.

        After a run that died this is done unasked: `kill -9` while adding can leave a collection that
        opens, counts right, and fails or loses vectors later.
        """
        if not self._unchecked:
            return
        with self._catalog.reading() as connection:
            expected = vectors.count_vectors(connection, identity)
        try:
            wrong = self._unclean or self.store().count(identity) != expected or not self.probe(identity)
        except (StoreBroken, Busy):
            wrong = True
        if wrong:
            self.fill(identity)
        self._unchecked = self._unclean = False

    def probe(self, identity: str, among: int = _PROBES) -> bool:
        """Ask a sample of stored vectors with themselves; True when each is its own nearest."""
        with self._catalog.reading() as connection:
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
        with self._catalog.reading() as connection:
            if vectors.count_vectors(connection, identity):
                self._notice("The vector index is being filled again from the catalog.")
        with self._catalog.reading() as connection:
            for batch in vectors.stored_vectors(connection, identity):
                store.add(identity, batch)

    def embed_some(self) -> int:
        """Embed the next batch of chunks that wait; returns how many there were (0: none, or the lane is off)."""
        identity = self.identity()
        if identity is None:
            return 0
        return self._thread.do(BATCH, lambda: self._embed(identity))

    def _embed(self, identity: str) -> int:
        embedder = self._opened()
        self._heal(identity)
        with self._catalog.reading() as connection:
            pictures = vectors.unembedded(connection, identity, Modality.PICTURE, _PICTURES)
            texts = vectors.unembedded(connection, identity, Modality.TEXT, _TEXTS) if not pictures else []
        rows: list[StoredVector] = []
        drawn = [waiting for waiting in pictures if waiting.picture]
        found = embedder.embed_pictures([self._data / one.folder / str(one.picture) for one in drawn]) if drawn else []
        for waiting, vector in zip(drawn, found, strict=True):
            if vector is not None:
                rows.append(StoredVector(waiting.chunk, 0, waiting.document, Modality.PICTURE, vector))
        windows = [(waiting, n, text) for waiting in texts for n, text in enumerate(embedder.windows(waiting.text))]
        made = embedder.embed_texts([text for _, _, text in windows]) if windows else []
        for (waiting, window, _), vector in zip(windows, made, strict=True):
            rows.append(StoredVector(waiting.chunk, window, waiting.document, Modality.TEXT, vector))
        have = {row.chunk for row in rows}
        empty = [waiting.chunk for waiting in [*pictures, *texts] if waiting.chunk not in have]
        with self._catalog.writing() as connection:
            alive = vectors.put_vectors(connection, identity, rows, empty)
        try:
            self.store().add(identity, [row for row in rows if row.chunk in alive])
        except StoreBroken:
            self.fill(identity)
        return len(pictures) + len(texts)

    def forget_dropped(self) -> None:
        """Take out of the store what the catalog dropped."""
        identity = self.identity()
        while True:
            with self._catalog.reading() as connection:
                rows = vectors.take_dropped(connection)
            if not rows:
                return
            self._thread.do(BATCH, partial(self._forget, identity, rows))
            with self._catalog.writing() as connection:
                vectors.forget_dropped(connection, rows)

    def _forget(self, identity: str | None, rows: Sequence[tuple[int, int]]) -> None:
        try:
            if identity is not None:
                self._heal(identity)
            self.store().remove(rows)
        except StoreBroken:
            if identity is None:  # nothing to fill it with: start empty
                self.store().drop()
            else:
                self.fill(identity)

    def waiting(self) -> int:
        """How many chunks have no vector yet."""
        with self._catalog.reading() as connection:
            return vectors.count_unembedded(connection, self._identity)

    # ------------------------------------------------------------ asking

    def of_text(self, text: str) -> list[Vector]:
        """The question's vectors, one per window."""
        embedder = self._opened()
        return self._thread.do(QUESTION, lambda: embedder.embed_texts(embedder.windows(text)))

    def of_picture(self, picture: Path) -> list[Vector]:
        """The picture's vector, or none when it cannot be decoded."""
        embedder = self._opened()
        found = self._thread.do(QUESTION, lambda: embedder.embed_pictures([picture]))
        return [vector for vector in found if vector is not None]

    def nearest(self, queries: Sequence[Vector], modality: Modality, scope: Scope, pages: int) -> list[Nearest]:
        """Chunks in scope, nearest first, enough for `pages` distinct pages when the scope has them.

        Asked wide first and joined with the catalog, the wider the smaller the scope; among the scope's own vectors
        when that would be too wide, or when too few pages are left. A chunk has several windows, so k vectors may be
        two pages.
        """
        identity = self._identity
        if identity is None or not queries:
            return []
        store = self.store()
        total = store.count(identity)
        with self._catalog.reading() as connection:
            inside, everything = count_in(connection, scope), count_in(connection, Scope.operator())
        if not inside:
            return []
        # As wide as it takes for enough of them to lie in the scope, if it holds its share of what is near.
        k = min(total, pages * 4 * everything // inside)
        while True:
            if k > _WIDEST:
                with self._catalog.reading() as connection:
                    among = vectors.windows_in(connection, identity, modality, scope, _AMONG + 1)
                if len(among) <= _AMONG:
                    return self._nearest_of(among, queries, modality, scope, pages)
            near = _best(store.query(identity, modality, query, k) for query in queries)
            found = self._join(near, scope)
            if _pages(found) >= pages or k >= total:
                return found
            k = min(total, max(k * 8, _WIDEST + 1))

    def _nearest_of(
        self,
        among: Sequence[tuple[int, int]],
        queries: Sequence[Vector],
        modality: Modality,
        scope: Scope,
        pages: int,
    ) -> list[Nearest]:
        """The nearest of these windows: some of them, or all when those lie on too few pages."""
        identity, store = self._identity, self.store()
        found: list[Nearest] = []
        for k in dict.fromkeys((min(len(among), pages * 8), len(among))):
            if identity is None or not among:
                return []
            near = _best(store.query(identity, modality, query, k, among) for query in queries)
            found = self._join(near, scope)
            if _pages(found) >= pages:
                break
        return found

    def _join(self, near: Sequence[Neighbour], scope: Scope) -> list[Nearest]:
        with self._catalog.reading() as connection:
            allowed = allowed_chunks(connection, [one.chunk for one in near], scope)
        return [Nearest(one.chunk, *allowed[one.chunk], one.similarity) for one in near if one.chunk in allowed]

    def _opened(self) -> Embedder:
        if self._embedder is None or self._identity is None:
            raise MagpieError(f"The embedder is not open: {self.off}.", self.fix)
        return self._embedder


def _pages(found: Sequence[Nearest]) -> int:
    return len({(one.document, one.page) for one in found})


def _best(answers: Iterable[list[Neighbour]]) -> list[Neighbour]:
    """The windows of all queries as chunks, each by its best, nearest first."""
    best: dict[int, Neighbour] = {}
    for near in itertools.chain.from_iterable(answers):
        if near.chunk not in best or near.similarity > best[near.chunk].similarity:
            best[near.chunk] = near
    return sorted(best.values(), key=lambda near: (-near.similarity, near.chunk))
