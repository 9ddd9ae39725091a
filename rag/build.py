"""The composition root: the only place that constructs adapters and puts the engine together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack

from rag.catalog import Catalog
from rag.catalog.fulltext import Fts5Words
from rag.data_dir import close_folder
from rag.engine import Parts, Rag
from rag.ingest.captions import Captions
from rag.ingest.fetch.addresses import URL
from rag.ingest.fetch.paths import PathFetcher
from rag.ingest.fetch.urls import UrlFetcher
from rag.ingest.worker import workers
from rag.ports import (
    Captioner,
    Embedder,
    Fetcher,
    Generator,
    OpenFetchers,
    Reader,
    TextEmbedder,
    VectorStore,
    WordIndex,
)
from rag.search.page_match.matcher import PageMatcher
from rag.settings import Settings
from rag.vectors.fingerprinting import Fingerprinting
from rag.vectors.gpu_sharing import Offload, told_move
from rag.vectors.lanes import REST, ClipLane, Lanes, TextLane
from rag.vectors.query_projection import query_by_projection
from rag.vectors.sync import Mirror

log = logging.getLogger("magpie")


def open_rag(
    settings: Settings,
    *,
    reader: Callable[[], Reader] | None = None,
    embedder: Embedder | None = None,
    text_embedder: TextEmbedder | None = None,
    store: VectorStore | None = None,
    generator: Generator | None = None,
    captioner: Captioner | None = None,
    open_fetchers: OpenFetchers = lambda _: {},
) -> Rag:
    """Open the engine on `settings.data`. Adapters not given are the real ones, opened when first needed.

    `open_fetchers` returns what brings the bytes of other kinds of sources than paths. What waits of a kind that has
    none is left to a process that has it.
    """
    data = settings.data
    close_folder(data)
    cores = os.cpu_count() or 1
    threads = max(1, cores // workers(settings.read.workers))
    with ExitStack() as opening:
        catalog = Catalog(data)
        opening.callback(catalog.close)

        def open_reader() -> Reader:
            from rag.extract.guarded import GuardedReader

            return GuardedReader(
                settings.read, "rag.adapters.rapidocr:open_ocr" if settings.read.ocr else None, threads
            )

        lanes = open_lanes(settings, catalog, threads, embedder, text_embedder, store)
        opening.callback(lanes.mirror.close)
        if generator is None and settings.answer.model:
            from rag.adapters.ollama import open_generator

            generator = open_generator(settings.answer)
            opening.callback(generator.close)
        fetching: dict[str, Fetcher] = {"path": PathFetcher(settings.read)}
        fetching |= {URL: UrlFetcher(settings.web, settings.read), **open_fetchers(catalog.reading)}
        wanted = "pixels" in settings.search.lanes
        fingerprinting = Fingerprinting(catalog, data, wanted=wanted)
        page_matcher = PageMatcher(catalog, data, wanted=wanted)
        words = Fts5Words()
        captions, shared = open_captions(settings, catalog, words, lanes, captioner), lanes.sharing(generator)
        parts = Parts(
            catalog, words, lanes, fingerprinting, page_matcher, captions, reader or open_reader, shared, fetching
        )
        return Rag(settings, parts, opening.pop_all())


def open_captions(
    settings: Settings, catalog: Catalog, words: WordIndex, lanes: Lanes, captioner: Captioner | None = None
) -> Captions:
    """Captions by the model that is set, or by the one given."""

    def opened() -> Captioner:
        from rag.adapters.captioners import open_captioner

        return captioner or open_captioner(settings.caption, settings.answer, lanes.sharing)

    wanted = captioner is not None or bool(settings.caption.model)
    return Captions(catalog, words, settings.data, opened if wanted else None)


def open_lanes(
    settings: Settings,
    catalog: Catalog,
    threads: int,
    embedder: Embedder | None,
    text_embedder: TextEmbedder | None,
    store: VectorStore | None,
) -> Lanes:
    """The lanes with vectors, on one store."""
    data = settings.data

    def open_embedder() -> Embedder:
        if settings.embed.url:
            from rag.adapters.remote_clip import open_remote

            remote = open_remote(settings.embed)
            mirror.closing.callback(remote.close)
            return remote
        from rag.adapters.openclip import open_embedder

        return open_embedder(settings.embed, threads)

    def open_text_embedder() -> TextEmbedder:
        from rag.adapters.text_embedders import open_text_embedder

        return open_text_embedder(settings.text, settings.answer.host, threads)

    def open_store() -> VectorStore:
        from rag.adapters.chroma import ChromaStore

        return ChromaStore(data / "chroma", settings.store.layout)

    mirror = Mirror(catalog, open_store if store is None else lambda: store, log.warning)
    rest = REST if settings.embed.url else 0.0
    clip = ClipLane(mirror, data, open_embedder if embedder is None else lambda: embedder, rest)
    if settings.embed.offload:
        clip.offload = Offload(
            lambda: clip.move(lambda embedder: embedder.leave()),
            lambda: clip.move(lambda embedder: embedder.back()),
            log.warning,
            told_move,
        )
    text = TextLane(mirror, data, open_text_embedder if text_embedder is None else lambda: text_embedder, REST)
    lanes = Lanes(mirror, clip, text, text_set=text_embedder is not None or bool(settings.text.model))
    if settings.embed.query_side == "projection":
        query_by_projection(lanes, data, log.warning)
    return lanes
