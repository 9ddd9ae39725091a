"""The vector lanes: chunks to vectors in the catalog, from there to the store, and the nearest of them back.

A lane is one embedder with the kinds of chunks it embeds. All lanes share a Mirror: one store, and one thread that
owns the models; a waiting question goes before the next batch. Vectors are written to the catalog first: the store
is a copy that can be lost.
"""

from __future__ import annotations

import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import ClassVar, Generic, TypeVar

import numpy as np

from rag.catalog import vectors
from rag.catalog.scope import allowed_chunks, count_in
from rag.errors import EmbedderFailed, MagpieError, OperatorMustAct, TryAgain
from rag.model import Kind, Modality, Scope
from rag.ports import Embedder, Generator, Movable, Neighbour, StoredVector, TextEmbedder, Vector
from rag.vectors.gpu_sharing import Offload, Place, SharingGenerator
from rag.vectors.projection import Projection
from rag.vectors.sync import BATCH, QUESTION, Mirror, Pace
from rag.vectors.windows import each, of_windows

_E = TypeVar("_E", Embedder, TextEmbedder)
_T = TypeVar("_T")
log = logging.getLogger("magpie")

_HARMLESS = "page"
"""A text that every model embeds: what fails with it is the embedder, not the text."""

_PICTURES, _TEXTS = 64, 128
"""The fewest chunks embedded between two looks at the questions that wait."""

_EXACT = 5_000
"""Chunks a scope may hold to be compared with the question one by one, by the catalog's own vectors: exact, and 4,800
took 20 ms where the store took 48 among their ids."""

_AMONG = 20_000
"""Vectors a scope may hold to be asked for by their ids; more of them take longer than a wider question."""

REST = 30.0
"""Seconds for which a lane whose embedder failed, or whose server is away, is left alone."""

_WIDEST = 2_500
"""Vectors of all scopes asked for at once; taking 1,000 of 100,000 took 12 ms, and each is joined with the catalog."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """A chunk in scope by its best window."""

    chunk: int
    document: int
    page: int
    kind: Kind
    similarity: float


Made = tuple[Sequence[vectors.Unembedded], Sequence[StoredVector]]
"""The chunks of one batch, and the vectors of those among them that have something to embed."""


class VectorLane(ABC, Generic[_E]):
    """Embedder, catalog and store together. `off` says why the lane is absent, or is empty; `fix` what turns it on."""

    kinds: ClassVar[tuple[Kind, ...]]
    """The chunks that this lane's embedder has a vector of."""

    def __init__(self, mirror: Mirror, data: Path, open_embedder: Callable[[], _E], rest: float = 0.0) -> None:
        """`rest`: seconds between two looks for an embedder that was not there; 0 where a look costs nothing."""
        self._mirror = mirror
        self._catalog = mirror.catalog
        self._data = data
        self._open_embedder: Callable[[], _E] = open_embedder
        self._rest = rest
        self._embedder: _E | None = None
        self._identity: str | None = None
        self._again = float("-inf")
        self.off = self.fix = ""
        self._pictures, self._texts = Pace(_PICTURES), Pace(_TEXTS)

    # ------------------------------------------------------------ opening

    def identity(self, *, at_once: bool = False) -> str | None:
        """The embedder's identity, or None with `off` set.

        Looks for the embedder again each time it was missing, not before its rest is over unless `at_once`.
        """
        if self._identity is None and (at_once or monotonic() >= self._again):
            self._mirror.thread.do(QUESTION, self._open)
        return self._identity

    def _open(self) -> None:
        try:
            self._embedder = self._embedder or self._open_embedder()
            self._identity = self._embedder.identity
            self.off = ""
        except (OperatorMustAct, TryAgain) as error:
            self._turn_off(error, self._rest)

    def _turn_off(self, error: MagpieError, rest: float) -> None:
        self._identity, self._again = None, monotonic() + rest
        self.off, self.fix = str(error).rstrip("."), error.hint

    def _opened(self) -> _E:
        if self._embedder is None or self._identity is None:
            raise EmbedderFailed(f"The embedder is not open: {self.off}.", self.fix)
        return self._embedder

    # ------------------------------------------------------------ writing (the owner alone)

    def embed_some(self) -> int:
        """Embed the next batch of chunks that wait; returns how many there were (0: none, or the lane is off).

        An embedder that fails turns the lane off for a while; what waits goes on waiting.
        """
        identity = self.identity()
        if identity is None:
            return 0
        return self._mirror.thread.do(BATCH, lambda: self._embed(identity))

    def _embed(self, identity: str) -> int:
        self._mirror.heal(identity)
        try:
            taken, rows = self._made(self._opened(), identity)
        except (OperatorMustAct, TryAgain) as error:
            self._turn_off(error, REST)
            self._mirror.settle()
            return 0
        have = {row.chunk for row in rows}
        empty = [waiting.chunk for waiting in taken if waiting.chunk not in have]
        with self._catalog.writing() as connection:
            alive = vectors.put_vectors(connection, identity, rows, empty)
        self._mirror.add(identity, [row for row in rows if row.chunk in alive])
        return len(taken)

    @abstractmethod
    def _made(self, embedder: _E, identity: str) -> Made:
        """Take the next chunks without a vector and embed them."""

    def _waiting(self, identity: str, kinds: Sequence[Kind], limit: int) -> list[vectors.Unembedded]:
        with self._catalog.reading() as connection:
            return vectors.unembedded(connection, identity, kinds, limit)

    def wanted(self) -> vectors.Wanted:
        return vectors.Wanted(self._identity, self.kinds)

    def waiting(self) -> int:
        """How many chunks have no vector of this lane yet."""
        with self._catalog.reading() as connection:
            return vectors.count_unembedded(connection, [self.wanted()])

    # ------------------------------------------------------------ asking

    def using(self, call: Callable[[_E], _T]) -> _T:
        """What `call` makes of the embedder, in its thread, after the questions that wait."""
        embedder = self._opened()
        return self._mirror.thread.do(BATCH, lambda: call(embedder))

    def _asked(self, call: Callable[[], list[Vector]]) -> list[Vector]:
        """A question's vectors. An embedder that fails turns the lane off for a while, and raises."""
        try:
            return self._mirror.thread.do(QUESTION, call)
        except (OperatorMustAct, TryAgain) as error:
            self._turn_off(error, REST)
            raise

    @abstractmethod
    def of_text(self, text: str) -> list[Vector]:
        """The question's vectors, one per window."""

    def probe(self) -> bool:
        """Whether a sample of stored vectors, asked with themselves, comes back."""
        return self._identity is None or self._mirror.probe(self._identity)

    def nearest(self, queries: Sequence[Vector], modality: Modality, scope: Scope, pages: int) -> list[Nearest]:
        """Chunks in scope, nearest first, enough for `pages` distinct pages when the scope has them.

        Asked wide first and joined with the catalog, the wider the smaller the scope; when that would be too wide, or
        when too few pages are left, among the scope's own vectors: a small scope's by comparing each of them. A chunk
        has several windows, so k vectors may be two pages.
        """
        identity = self._identity
        if identity is None or not queries:
            return []
        store = self._mirror.store()
        with self._catalog.reading() as connection:
            inside, everything = count_in(connection, scope), count_in(connection, Scope.operator())
        if not inside:
            return []
        # As wide as it takes for enough of them to lie in the scope, if it holds its share of what is near.
        k = pages * 4 * everything // inside
        while True:
            if k > _WIDEST:
                if inside <= _EXACT:
                    return self._compared(queries, modality, scope, pages)
                with self._catalog.reading() as connection:
                    among = vectors.windows_in(connection, identity, modality, scope, _AMONG + 1)
                if len(among) <= _AMONG:
                    return self._nearest_of(among, queries, modality, scope, pages)
            answers = [store.query(identity, modality, query, k) for query in queries]
            found = self._join(_best(answers), scope)
            if _pages(found) >= pages or all(len(near) < k for near in answers):
                return found
            k = max(k * 8, _WIDEST + 1)

    def _nearest_of(
        self,
        among: Sequence[tuple[int, int]],
        queries: Sequence[Vector],
        modality: Modality,
        scope: Scope,
        pages: int,
    ) -> list[Nearest]:
        """The nearest of these windows: some of them, or all when those lie on too few pages."""
        identity, store = self._identity, self._mirror.store()
        found: list[Nearest] = []
        for k in dict.fromkeys((min(len(among), pages * 8), len(among))):
            if identity is None or not among:
                return []
            near = _best(store.query(identity, modality, query, k, among) for query in queries)
            found = self._join(near, scope)
            if _pages(found) >= pages:
                break
        return found

    def _compared(self, queries: Sequence[Vector], modality: Modality, scope: Scope, pages: int) -> list[Nearest]:
        """The nearest of what a scope holds, by the catalog's vectors: exact, whatever the store has."""
        assert self._identity is not None
        asked = np.stack(queries).T
        best: dict[int, float] = {}
        with self._catalog.reading() as connection:
            for chunks, rows in vectors.vectors_in(connection, self._identity, modality, scope):
                for chunk_id, cosine in zip(chunks, (rows @ asked).max(axis=1).tolist(), strict=True):
                    if cosine > best.get(chunk_id, -2.0):
                        best[chunk_id] = cosine
        order = sorted(best, key=lambda chunk_id: (-best[chunk_id], chunk_id))
        found: list[Nearest] = []
        for k in dict.fromkeys((min(len(order), pages * 8), len(order))):
            found = self._join([Neighbour(chunk_id, 0, best[chunk_id]) for chunk_id in order[:k]], scope)
            if _pages(found) >= pages:
                break
        return found

    def _join(self, near: Sequence[Neighbour], scope: Scope) -> list[Nearest]:
        with self._catalog.reading() as connection:
            allowed = allowed_chunks(connection, [one.chunk for one in near], scope)
        return [Nearest(one.chunk, *allowed[one.chunk], one.similarity) for one in near if one.chunk in allowed]


class ClipLane(VectorLane[Embedder]):
    """Pictures of figures and pages, and texts, in one space."""

    kinds = (Kind.FIGURE, Kind.PAGE, Kind.TEXT, Kind.TABLE)

    project: Callable[[str], list[Vector] | None] | None = None
    """Makes a question's vectors in place of the text tower; None from it means: not this time."""

    side: Callable[[], Projection | str] | None = None
    """The projection in use, or why it is not; None when none is wanted."""

    offload: Offload | None = None
    """Where CLIP shares its card with the generator: what waits is embedded when no answer is being written."""

    def embed_some(self) -> int:
        if self.offload is None:
            return super().embed_some()
        while self.offload.wait_here():
            done = super().embed_some()
            if done or self.offload.place is Place.HERE:
                return done
        return 0

    def _embed(self, identity: str) -> int:
        away = self.offload is not None and self.offload.place is not Place.HERE  # an answer began just now
        return 0 if away else super()._embed(identity)

    def move(self, call: Callable[[Movable], None]) -> None:
        """Between two batches; nothing happens where no model has been opened."""
        embedder: object = self._embedder
        if isinstance(embedder, Movable):
            self._mirror.thread.do(QUESTION, lambda: call(embedder))

    def _made(self, embedder: Embedder, identity: str) -> Made:
        rows: list[StoredVector] = []
        started = monotonic()
        if pictures := self._waiting(identity, (Kind.FIGURE, Kind.PAGE), self._pictures.count):
            drawn = [one for one in pictures if one.picture]
            paths = [self._data / one.folder / str(one.picture) for one in drawn]
            found = embedder.embed_pictures(paths) if drawn else []
            for waiting, vector in zip(drawn, found, strict=True):
                if vector is not None:
                    rows.append(StoredVector(waiting.chunk, 0, waiting.document, Modality.PICTURE, vector))
            self._pictures.took(len(pictures), monotonic() - started)
            return pictures, rows
        texts = self._waiting(identity, (Kind.TEXT, Kind.TABLE), self._texts.count)
        rows = of_windows(texts, embedder.windows_of, embedder.embed_texts)
        self._texts.took(len(texts), monotonic() - started)
        return texts, rows

    def of_text(self, text: str) -> list[Vector]:
        projected = self.project(text) if self.project is not None else None
        if projected is not None:
            return projected
        embedder = self._opened()
        return self._asked(lambda: embedder.embed_texts(embedder.windows(text)))

    def of_picture(self, picture: Path) -> list[Vector]:
        """The picture's vector, or none when it cannot be decoded."""
        embedder = self._opened()
        return self._asked(lambda: [vector for vector in embedder.embed_pictures([picture]) if vector is not None])


class TextLane(VectorLane[TextEmbedder]):
    """Texts by an embedder of sentences; of a figure, its caption and the words in it."""

    kinds = (Kind.TEXT, Kind.TABLE, Kind.FIGURE)

    def _made(self, embedder: TextEmbedder, identity: str) -> Made:
        taken = self._waiting(identity, self.kinds, _TEXTS)
        texts = [one for one in taken if one.own_text]
        try:
            return taken, of_windows(texts, partial(each, embedder.windows), embedder.embed_documents)
        except TryAgain:
            return taken, self._but_for_refused(texts, embedder)

    def _but_for_refused(self, texts: Sequence[vectors.Unembedded], embedder: TextEmbedder) -> list[StoredVector]:
        """One by one. A text that fails while another one does not is refused for good (Ollama answers 500 where a
        model makes NaN of it) and goes without vectors: all behind it would wait for ever. Raise as the embedder does
        when it fails altogether."""
        rows: list[StoredVector] = []
        for one in texts:
            try:
                rows += of_windows([one], partial(each, embedder.windows), embedder.embed_documents)
            except TryAgain as error:
                embedder.embed_documents([_HARMLESS])
                # What the server said may quote the text.
                log.warning(
                    "A text of document %d is found by its words alone (%s).", one.document, type(error).__name__
                )
        return rows

    def of_text(self, text: str) -> list[Vector]:
        embedder = self._opened()
        return self._asked(lambda: embedder.embed_queries(embedder.windows(text)))


def _pages(found: Sequence[Nearest]) -> int:
    return len({(one.document, one.page) for one in found})


def _best(answers: Iterable[list[Neighbour]]) -> list[Neighbour]:
    """The windows of all queries as chunks, each by its best, nearest first."""
    best: dict[int, Neighbour] = {}
    for near in itertools.chain.from_iterable(answers):
        if near.chunk not in best or near.similarity > best[near.chunk].similarity:
            best[near.chunk] = near
    return sorted(best.values(), key=lambda near: (-near.similarity, near.chunk))


class Lanes:
    """The lanes of one engine, on one Mirror."""

    def __init__(self, mirror: Mirror, clip: ClipLane, text: TextLane, *, text_set: bool) -> None:
        """`text_set`: whether a text embedder was chosen at all; else nothing waits for its vectors."""
        self.mirror = mirror
        self.clip = clip
        self.text = text
        self._set: tuple[ClipLane | TextLane, ...] = (text, clip) if text_set else (clip,)

    def sharing(self, generator: Generator | None) -> Generator | None:
        """The generator, with the card to itself while it writes, where that was set."""
        offload = self.clip.offload
        return generator if generator is None or offload is None else SharingGenerator(generator, offload)

    def embed_some(self) -> int:
        """Embed the next batch of each lane; returns how many chunks there were, 0 when nothing is left to do."""
        return sum(lane.embed_some() for lane in self._set)

    def forget_dropped(self) -> None:
        """Take out of the store what the catalog dropped."""
        self.mirror.forget_dropped([identity for lane in self._set if (identity := lane.identity()) is not None])

    def waiting(self) -> int:
        """How many chunks have not every vector yet that they are to have."""
        with self.mirror.catalog.reading() as connection:
            return vectors.count_unembedded(connection, [lane.wanted() for lane in self._set])

    def settled(self) -> bool:
        """Whether nothing waits, but for lanes that are off."""
        return all(lane.identity() is None or not lane.waiting() for lane in self._set)
