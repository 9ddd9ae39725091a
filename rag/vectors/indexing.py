"""Embed the chunks that have no vector yet: first into the catalog, then into the vector store.

The catalog comes first because the store is a copy that can be lost and rebuilt.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import ClassVar, Generic, TypeVar

from rag.catalog import page_tokens, vectors
from rag.catalog.vectors import Unembedded
from rag.errors import OperatorMustAct, TryAgain
from rag.model.extraction import Kind, Modality
from rag.ports import Embedder, PageEmbedder, PageTokens, StoredVector, TextEmbedder, Vector
from rag.vectors.lazy_embedder import LazyEmbedder
from rag.vectors.max_sim import mean_vector, unit_rows
from rag.vectors.sync import VectorStoreSync

_E = TypeVar("_E", Embedder, TextEmbedder, PageEmbedder)
log = logging.getLogger("magpie")

_HARMLESS_TEXT = "page"
"""A text that every model can embed. If it fails too, the embedder is at fault, not the text before it."""

_PICTURE_BATCH, _TEXT_BATCH = 64, 128
"""The smallest batches. A question waits for at most one batch."""

_PAGE_BATCH = 4
"""The smallest batch of page images by late interaction. A page takes seconds on a CPU."""

_MAX_BATCH = 512


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """Chunks of one batch, and the vectors of those that have something to embed.

    `tokens` is set by late interaction only: the token vectors of each of these chunks, beside their mean.
    """

    chunks: Sequence[Unembedded]
    vectors: Sequence[StoredVector]
    tokens: Mapping[int, PageTokens] = field(default_factory=dict)


class BatchSize:
    """The number of chunks that take about one second to embed, between `minimum` and 512.

    A GPU gets larger batches than a CPU, so that it does not idle while each batch's first picture is decoded.
    """

    def __init__(self, minimum: int) -> None:
        self._minimum = self.count = minimum

    def record(self, count: int, seconds: float) -> None:
        """Adjust the size to a batch of `count` chunks that took `seconds`."""
        if count:
            self.count = max(self._minimum, min(_MAX_BATCH, int(count / max(seconds, 1e-3))))


class Indexer(ABC, Generic[_E]):
    """Embeds the chunks that have no vector of one embedder. Only the owner of the data folder may call it."""

    kinds: ClassVar[tuple[Kind, ...]]
    """The kinds of chunks that this embedder has vectors of."""

    def __init__(self, embedder: LazyEmbedder[_E], sync: VectorStoreSync) -> None:
        self._embedder: LazyEmbedder[_E] = embedder
        self._sync = sync
        self._catalog = sync.catalog

    def embed_batch(self, identity: str) -> int:
        """Embed the next batch; return the number of chunks in it. Call it in the thread that owns the models.

        An embedder that fails is turned off for a while, and its chunks keep waiting.
        """
        self._sync.repair(identity)
        try:
            batch = self._embed_next(self._embedder.require(), identity)
        except (OperatorMustAct, TryAgain) as error:
            self._embedder.turn_off(error)
            self._sync.flush()
            return 0
        embedded = {row.chunk for row in batch.vectors}
        empty = [waiting.chunk for waiting in batch.chunks if waiting.chunk not in embedded]
        with self._catalog.write_transaction() as connection:
            alive = vectors.put_vectors(connection, identity, batch.vectors, empty)
            tokens = {chunk: of_page for chunk, of_page in batch.tokens.items() if chunk in alive}
            page_tokens.put_page_tokens(connection, identity, tokens)
        self._sync.add(identity, [row for row in batch.vectors if row.chunk in alive])
        return len(batch.chunks)

    @abstractmethod
    def _embed_next(self, embedder: _E, identity: str) -> EmbeddedBatch:
        """Embed the next chunks without a vector."""

    def _list_waiting(self, identity: str, kinds: Sequence[Kind], limit: int) -> list[Unembedded]:
        with self._catalog.read_transaction() as connection:
            return vectors.list_chunks_without_vectors(connection, identity, kinds, limit)


class ClipIndexer(Indexer[Embedder]):
    """Embeds pictures of figures and pages, and texts, into one space. Pictures come first."""

    kinds = (Kind.FIGURE, Kind.PAGE, Kind.TEXT, Kind.TABLE)

    def __init__(self, embedder: LazyEmbedder[Embedder], sync: VectorStoreSync, data: Path) -> None:
        super().__init__(embedder, sync)
        self._data = data
        self._picture_batch, self._text_batch = BatchSize(_PICTURE_BATCH), BatchSize(_TEXT_BATCH)

    def _embed_next(self, embedder: Embedder, identity: str) -> EmbeddedBatch:
        started = monotonic()
        if pictures := self._list_waiting(identity, (Kind.FIGURE, Kind.PAGE), self._picture_batch.count):
            rows = self._embed_pictures(embedder, pictures)
            self._picture_batch.record(len(pictures), monotonic() - started)
            return EmbeddedBatch(pictures, rows)
        texts = self._list_waiting(identity, (Kind.TEXT, Kind.TABLE), self._text_batch.count)
        rows = _embed_windows(texts, embedder.windows_of, embedder.embed_texts)
        self._text_batch.record(len(texts), monotonic() - started)
        return EmbeddedBatch(texts, rows)

    def _embed_pictures(self, embedder: Embedder, pictures: Sequence[Unembedded]) -> list[StoredVector]:
        with_file = [chunk for chunk in pictures if chunk.picture]
        paths = [self._data / chunk.folder / str(chunk.picture) for chunk in with_file]
        embedded = embedder.embed_pictures(paths) if with_file else []
        return [
            StoredVector(waiting.chunk, 0, waiting.document, Modality.PICTURE, vector)
            for waiting, vector in zip(with_file, embedded, strict=True)
            if vector is not None
        ]


class PageIndexer(Indexer[PageEmbedder]):
    """Embeds page images into token vectors, and their mean."""

    kinds = (Kind.PAGE,)

    def __init__(self, embedder: LazyEmbedder[PageEmbedder], sync: VectorStoreSync, data: Path) -> None:
        super().__init__(embedder, sync)
        self._data = data
        self._batch = BatchSize(_PAGE_BATCH)

    def _embed_next(self, embedder: PageEmbedder, identity: str) -> EmbeddedBatch:
        started = monotonic()
        chunks = self._list_waiting(identity, self.kinds, self._batch.count)
        pictures = {chunk.chunk: picture for chunk in chunks if (picture := self._read(chunk)) is not None}
        embedded = zip(pictures, embedder.embed_pages(list(pictures.values())), strict=True) if pictures else ()
        tokens = {chunk: of_page for chunk, of_page in embedded if of_page is not None}
        rows = [
            StoredVector(
                waiting.chunk,
                0,
                waiting.document,
                Modality.PICTURE,
                mean_vector(unit_rows(tokens[waiting.chunk].vectors)),
            )
            for waiting in chunks
            if waiting.chunk in tokens
        ]
        self._batch.record(len(chunks), monotonic() - started)
        return EmbeddedBatch(chunks, rows, tokens)

    def _read(self, chunk: Unembedded) -> bytes | None:
        """Return the picture of a page, or None if it has none, or was deleted meanwhile."""
        if chunk.picture is None:
            return None
        try:
            return (self._data / chunk.folder / chunk.picture).read_bytes()
        except FileNotFoundError:
            return None


class TextIndexer(Indexer[TextEmbedder]):
    """Embeds texts, and the caption and words of each figure."""

    kinds = (Kind.TEXT, Kind.TABLE, Kind.FIGURE)

    def _embed_next(self, embedder: TextEmbedder, identity: str) -> EmbeddedBatch:
        chunks = self._list_waiting(identity, self.kinds, _TEXT_BATCH)
        texts = [chunk for chunk in chunks if chunk.has_own_text]
        try:
            return EmbeddedBatch(chunks, _embed_texts(texts, embedder))
        except TryAgain:
            return EmbeddedBatch(chunks, self._skip_refused(texts, embedder))

    def _skip_refused(self, texts: Sequence[Unembedded], embedder: TextEmbedder) -> list[StoredVector]:
        """Embed the texts one by one, without those that the embedder refuses while it accepts another text.

        A refused text gets no vector (Ollama answers 500 when a model returns NaN for it); otherwise the chunks queued
        after it would wait forever. Raise the embedder's error when it refuses every text.
        """
        rows: list[StoredVector] = []
        for chunk in texts:
            try:
                rows += _embed_texts([chunk], embedder)
            except TryAgain as error:
                embedder.embed_documents([_HARMLESS_TEXT])
                # The error's message is not logged: the server may quote the text in it.
                log.warning(
                    "A text of document %d gets no vector: the embedder refused it (%s).",
                    chunk.document,
                    type(error).__name__,
                )
        return rows


def _embed_texts(texts: Sequence[Unembedded], embedder: TextEmbedder) -> list[StoredVector]:
    return _embed_windows(texts, lambda batch: [embedder.windows(text) for text in batch], embedder.embed_documents)


def _embed_windows(
    chunks: Sequence[Unembedded],
    split: Callable[[Sequence[str]], list[list[str]]],
    embed: Callable[[Sequence[str]], list[Vector]],
) -> list[StoredVector]:
    """Return a vector for each window of each text, because models read a limited number of tokens."""
    texts = split([chunk.text for chunk in chunks]) if chunks else []
    windows = [(chunk, n, text) for chunk, parts in zip(chunks, texts, strict=True) for n, text in enumerate(parts)]
    embedded = embed([text for _, _, text in windows]) if windows else []
    return [
        StoredVector(chunk.chunk, n, chunk.document, Modality.TEXT, vector)
        for (chunk, n, _), vector in zip(windows, embedded, strict=True)
    ]
