"""The composition root: the only place that constructs adapters and services.

Besides it, only two processes construct an adapter of their own: rag/extract/child.py and rag/model_server/server.py.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from rag.adapters.openclip_models import OpenClipModels
from rag.adapters.text_models import LocalTextModels
from rag.answer.large_pages import LargePages
from rag.answer.listwise import ListwiseReranker
from rag.answer.question_translation import GeneratorTranslator
from rag.answer.service import AnswerService
from rag.catalog import Catalog
from rag.catalog.fulltext import Fts5Index
from rag.catalog.migrate import MigrationHistory
from rag.clock import SteadyClock
from rag.data_dir import make_private
from rag.engine import Rag, Services
from rag.extract.spares import SpareExtractors
from rag.ingest.captions import Captions
from rag.ingest.disk_space import DiskSpace
from rag.ingest.fetch.addresses import URL_KIND
from rag.ingest.fetch.folders import FolderFetcher
from rag.ingest.fetch.paths import PathFetcher
from rag.ingest.fetch.urls import open_url_fetcher
from rag.ingest.following import FOLDER_KIND, Following
from rag.ingest.index_filling import IndexFilling
from rag.ingest.indexing import Indexing
from rag.ingest.stages import Priority, Stages
from rag.ingest.worker import Worker, worker_count
from rag.observation import Observer, Unobserved
from rag.operations.memory import peak_memory_mb
from rag.ports import (
    Captioner,
    Embedder,
    EncoderObserver,
    Extractor,
    Fetcher,
    FullTextIndex,
    Generator,
    ModelInfo,
    OpenFetchers,
    PageEmbedder,
    RegionDrawer,
    Reranker,
    TextEmbedder,
    Translator,
    VectorStore,
)
from rag.search.reranking import Reranking
from rag.search.retriever import open_retriever
from rag.setting_groups import AnswerSettings, EmbedSettings
from rag.settings import Settings
from rag.vectors.all_indexes import VectorIndexes
from rag.vectors.fingerprinting import Fingerprinting
from rag.vectors.gpu_sharing import Offload, log_move
from rag.vectors.indexes import ClipIndex
from rag.vectors.lazy_embedder import RETRY_DELAY, LazyEmbedder
from rag.vectors.page_images import PageImageIndex
from rag.vectors.projection import QueryProjection
from rag.vectors.sync import VectorStoreSync
from rag.vectors.text_indexes import TextIndexes

if TYPE_CHECKING:
    from rag.evaluation.benchmark import BenchmarkOptions, BenchmarkResult, MeasuredEncoder, RunInModelThread, Serve
    from rag.evaluation.compare import Measured, Variant

log = logging.getLogger("magpie")

OCR = "rag.adapters.ocr:open_ocr"

_MAX_PICTURE_THREADS = 4
"""Threads that recognize the words of a picture sent with a question."""

_LOOK_DELAY = 1.0
"""Seconds before CLIP's weights are looked for on the disk again: a search has two lanes that need them."""


def open_rag(
    settings: Settings,
    *,
    extractor: Callable[[], Extractor] | None = None,
    embedder: Embedder | None = None,
    text_embedder: TextEmbedder | None = None,
    store: VectorStore | None = None,
    generator: Generator | None = None,
    captioner: Captioner | None = None,
    translator: Translator | None = None,
    reranker: Reranker | None = None,
    page_embedder: PageEmbedder | None = None,
    open_fetchers: OpenFetchers = lambda _: {},
    histories: Sequence[MigrationHistory] = (),
    upgrade: bool = True,
    observer: Observer | None = None,
    clock: SteadyClock | None = None,
) -> Rag:
    """Open the engine on `settings.data`. Adapters that are not given are constructed, most of them on first use.

    `open_fetchers` returns the fetchers of other kinds of sources than paths and URLs. Sources of a kind without a
    fetcher stay queued for a process that has one. `histories` are the migrations of the caller's own tables in the
    catalog's file; they are applied together with rag's. Without `upgrade`, an older catalog raises CatalogUnfit.
    `observer` gets times and counts of the work. `clock` tells how old shares are.
    """
    data, observer = settings.data, observer or Unobserved()
    make_private(data)
    cores = os.cpu_count() or 1
    threads = max(1, cores // worker_count(settings.read.workers))
    with ExitStack() as opening:
        catalog = Catalog(data, histories, upgrade=upgrade)
        opening.callback(catalog.close)

        def open_extractor() -> Extractor:
            from rag.extract.guarded import GuardedExtractor

            return GuardedExtractor(settings.read, OCR if settings.read.ocr else None, threads)

        def open_picture_extractor() -> Extractor:
            from rag.extract.guarded import GuardedExtractor

            # Its words are searched for as a whole, so their layout does not matter. A person waits: use all cores.
            read = settings.read.model_copy(update={"layout": False})
            return GuardedExtractor(read, OCR if read.ocr else None, min(cores, _MAX_PICTURE_THREADS))

        def open_drawer() -> RegionDrawer:
            from rag.extract.guarded import GuardedExtractor

            return GuardedExtractor(settings.read.model_copy(update={"layout": False, "ocr": False}), None)

        indexes = open_indexes(settings, catalog, threads, embedder, text_embedder, store, page_embedder)
        opening.callback(indexes.close)
        if generator is None and settings.answer.model:
            from rag.adapters.generators import open_generator

            generator = open_generator(settings.answer, observer)
            opening.callback(generator.close)
        fetching: dict[str, Fetcher] = {"path": PathFetcher(settings.read), FOLDER_KIND: FolderFetcher(settings.read)}
        fetching |= {URL_KIND: open_url_fetcher(settings, URL_KIND, catalog.read_transaction)}
        fetching |= open_fetchers(catalog.read_transaction)
        fingerprinting = Fingerprinting(catalog, data, is_enabled="pixels" in settings.search.lanes)
        words = Fts5Index()
        captions = open_captions(settings, catalog, words, indexes, captioner, observer)
        shared = indexes.sharing(generator)
        others = _open_others(settings.answer, indexes, observer, opening)
        if translator is None and shared is not None:
            translator = GeneratorTranslator(shared, settings.answer)
        reranking = open_reranking(settings, catalog, threads, reranker, shared)
        if reranking is not None:
            opening.callback(reranking.close)
        new_extractor = extractor or open_extractor
        picture_extractors = SpareExtractors(extractor or open_picture_extractor)
        opening.callback(picture_extractors.close)
        stages = Stages(
            (
                (IndexFilling(catalog), Priority.IDLE),
                (indexes, Priority.FOLLOW_UP),
                (fingerprinting, Priority.FOLLOW_UP),
                (captions, Priority.IDLE),
            )
        )
        space = DiskSpace(data, settings.keep)
        worker = Worker(settings, catalog, words, indexes, stages, new_extractor, fetching, space, observer, clock)
        services = Services(
            catalog=catalog,
            worker=worker,
            indexing=Indexing(catalog, worker, new_extractor),
            following=Following(catalog),
            retriever=open_retriever(settings, catalog, words, indexes, translator, reranking),
            answering=AnswerService(
                catalog,
                shared,
                settings.answer,
                data / "evidence",
                LargePages(catalog, data, open_drawer),
                observer,
                others,
            ),
            indexes=indexes,
            fingerprinting=fingerprinting,
            captions=captions,
            reranking=reranking,
            space=space,
            models=OpenClipModels(
                settings.embed, settings.text.model, settings.rerank.model, settings.page_images.model
            ),
            open_extractor=new_extractor,
            picture_extractors=picture_extractors,
            generator=shared,
            observer=observer,
        )
        return Rag(settings, services, opening.pop_all())


def _open_others(
    settings: AnswerSettings, indexes: VectorIndexes, observer: Observer, opening: ExitStack
) -> dict[str, Generator]:
    """Return generators for the other models that an answer can be asked of, by name; none without a first model."""
    from rag.adapters.generators import open_generator

    found: dict[str, Generator] = {}
    for name in settings.other_models if settings.model else ():
        generator = open_generator(settings.model_copy(update={"model": name}), observer)
        opening.callback(generator.close)
        found[name] = indexes.sharing(generator) or generator
    return found


def describe_model(settings: AnswerSettings) -> ModelInfo:
    """Return what the model server says about the model. Raise a MagpieError if it cannot be used."""
    from rag.adapters.generators import open_generator

    with closing(open_generator(settings)) as generator:
        return generator.model_info()


def open_judge(settings: AnswerSettings, model: str) -> AbstractContextManager[Generator]:
    """Open another model of the server that writes answers, to judge them. Sends no request yet."""
    from rag.adapters.generators import open_generator

    return closing(open_generator(settings.model_copy(update={"model": model})))


def open_reranking(
    settings: Settings, catalog: Catalog, threads: int, reranker: Reranker | None, generator: Generator | None
) -> Reranking | None:
    """Return the reranking by the given reranker, or by the one that `rerank.model` names; None without one."""
    if reranker is None and not settings.rerank.model:
        return None
    if reranker is None and settings.rerank.model == "answer":
        reranker = ListwiseReranker(generator, settings.rerank)
    elif reranker is None:
        from rag.adapters.rerankers import open_reranker

        reranker = open_reranker(settings.rerank, threads)
    return Reranking(catalog, settings.data, reranker, settings.rerank)


def measure_variant(variant: Variant, questions: Path, within: bool) -> Measured:
    """Return what the search of a variant finds for the questions of a file, and the memory of this process."""
    from rag.evaluation.compare import summarize
    from rag.evaluation.evaluate import evaluate_search

    settings, reranker = variant.settings, None
    if variant.embedder:
        from rag.adapters.embedder_reranker import EmbedderReranker

        ollama_host = settings.answer.host if settings.answer.api == "ollama" else ""
        reranker = EmbedderReranker(LocalTextModels(settings.text, ollama_host).open(variant.embedder))
    with open_rag(settings, reranker=reranker, upgrade=False) as rag:
        lanes = rag.lanes()
        report = evaluate_search(rag, questions, within)
    return summarize(report, *peak_memory_mb(), lanes)


def measure_apart(variant: Variant, questions: Path, within: bool) -> Measured:
    """Return what `measure_variant` does in a process of its own, so that only its own models count."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(measure_variant, variant, questions, within).result()


def open_captions(
    settings: Settings,
    catalog: Catalog,
    words: FullTextIndex,
    indexes: VectorIndexes,
    captioner: Captioner | None = None,
    observer: Observer | None = None,
) -> Captions:
    """Return the captions stage, with the given captioner or the one that `caption.model` names."""

    def open_configured() -> Captioner:
        from rag.adapters.captioners import open_captioner

        return captioner or open_captioner(settings.caption, settings.answer, indexes.sharing, observer)

    is_enabled = captioner is not None or bool(settings.caption.model)
    return Captions(catalog, words, settings.data, open_configured if is_enabled else None)


def open_indexes(
    settings: Settings,
    catalog: Catalog,
    threads: int,
    embedder: Embedder | None,
    text_embedder: TextEmbedder | None,
    store: VectorStore | None,
    page_embedder: PageEmbedder | None = None,
) -> VectorIndexes:
    """Construct the vector indexes on one store. Adapters that are not given are opened when first needed."""
    data, connections = settings.data, ExitStack()

    def open_embedder() -> Embedder:
        if settings.embed.url:
            from rag.adapters.remote_clip import open_remote

            remote = open_remote(settings.embed)
            connections.callback(remote.close)
            return remote
        from rag.adapters.openclip import open_embedder

        return open_embedder(settings.embed, threads)

    def open_store() -> VectorStore:
        from rag.adapters.chroma import ChromaStore

        return ChromaStore(data / "chroma", settings.store.layout)

    sync = VectorStoreSync(
        catalog, open_store if store is None else lambda: store, log.warning, settings.store.exact_chunks
    )
    unload_after = _unload_after(settings.embed)
    lazy_clip = LazyEmbedder(
        sync.thread,
        open_embedder if embedder is None else lambda: embedder,
        RETRY_DELAY if settings.embed.url else _LOOK_DELAY,
        inf if settings.embed.url else unload_after,
    )
    if text_embedder is None:
        ollama_host = settings.answer.host if settings.answer.api == "ollama" else ""
        models = LocalTextModels(settings.text, ollama_host, threads)
        text = TextIndexes(sync, models, settings.text.model, unload_after)
    else:
        text = TextIndexes(sync, _Given(text_embedder), _Given.model)
    projection = offload = None
    if settings.embed.query_side == "projection":
        projection = QueryProjection(text, lazy_clip, data, log.warning)
    on_gpu: list[LazyEmbedder[Embedder] | LazyEmbedder[PageEmbedder]] = [lazy_clip]
    lazy_pages = open_lazy_pages(settings, sync, threads, connections, page_embedder)
    if lazy_pages is not None:
        on_gpu.append(lazy_pages)
    if settings.embed.offload:
        offload = Offload(
            lambda: [one.move_off_gpu() for one in on_gpu],
            lambda: [one.move_to_gpu() for one in on_gpu],
            log.warning,
            log_move,
        )
    clip = ClipIndex(lazy_clip, sync, data, projection, offload)
    pages = None if lazy_pages is None else PageImageIndex(lazy_pages, sync, data, offload)
    return VectorIndexes(sync, clip, text, pages, connections)


def open_lazy_pages(
    settings: Settings,
    sync: VectorStoreSync,
    threads: int,
    connections: ExitStack,
    page_embedder: PageEmbedder | None,
) -> LazyEmbedder[PageEmbedder] | None:
    """Return the late-interaction model, given or set, which is opened when first needed; None without one."""
    if page_embedder is None and not settings.page_images.model:
        return None

    def open_configured() -> PageEmbedder:
        from rag.adapters.page_embedders import open_page_embedder

        return open_page_embedder(settings.page_images, settings.embed, threads, connections.callback)

    return LazyEmbedder(
        sync.thread,
        open_configured if page_embedder is None else lambda: page_embedder,
        RETRY_DELAY,
        inf if settings.embed.url else _unload_after(settings.embed),
    )


def _unload_after(settings: EmbedSettings) -> float:
    """Return the seconds without use after which a model in this process is unloaded.

    One that shares its GPU with the generator never is: it would be loaded again while an answer is written.
    """
    return inf if settings.offload or not settings.unload_minutes else settings.unload_minutes * 60


@dataclass(frozen=True)
class _Given:
    """Implements ports.TextModels with one text embedder that is open already."""

    model = "given"

    embedder: TextEmbedder

    def find(self) -> str:
        return self.model

    def open(self, model: str) -> TextEmbedder:
        del model
        return self.embedder

    def pull(self, report: Callable[[str], None]) -> None:
        del report


def measure_embedder(
    settings: Settings, options: BenchmarkOptions, report: Callable[[str], None] = lambda _: None
) -> BenchmarkResult:
    """Measure how close indexing comes to the speed of the model alone; see run_benchmark."""
    from rag.adapters import openclip, openclip_model, openclip_weights
    from rag.evaluation.benchmark import BenchmarkParts, run_benchmark

    def with_random_weights(embed: EmbedSettings, folder: Path) -> EmbedSettings:
        path = folder / "random.pt"
        openclip_model.save_random_weights(openclip_weights.choose(embed), path)
        return embed.model_copy(update={"weights": str(path)})

    def open_encoder(embed: EmbedSettings, watch: EncoderObserver) -> MeasuredEncoder:
        import torch

        return openclip.open_embedder(embed, torch.get_num_threads(), watch)

    def open_bench_indexes(settings: Settings, catalog: Catalog, embedder: Embedder) -> VectorIndexes:
        return open_indexes(settings, catalog, 1, embedder, None, None)

    parts = BenchmarkParts(
        openclip_weights.resolve, with_random_weights, open_encoder, _serve_encoder, open_bench_indexes
    )
    return run_benchmark(settings, options, parts, report)


@contextmanager
def _serve_encoder(
    settings: Settings, encoder: MeasuredEncoder, serve: Serve
) -> Iterator[tuple[Embedder, RunInModelThread]]:
    """Serve an encoder on the loopback interface. Yield a client, and a function that runs a call in its thread."""
    from rag.adapters.remote_clip import open_remote
    from rag.model_server.server import open_model_server

    with open_model_server(settings, lambda _: encoder) as server, serve(server.app, "127.0.0.1", 0) as port:
        embed = settings.embed.model_copy(update={"url": f"http://127.0.0.1:{port}"})
        with closing(open_remote(embed)) as client:
            yield client, lambda call: server.run_between_batches(call).result()
