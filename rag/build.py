"""The adapters of the lanes with vectors, opened when first needed; beside pipeline.py, which builds the rest."""

from __future__ import annotations

import logging

from rag.catalog import Catalog
from rag.ingest.captions import Captions
from rag.ports import Captioner, Embedder, TextEmbedder, VectorStore, WordIndex
from rag.settings import Settings
from rag.vectors.gpu_sharing import Offload, told_move
from rag.vectors.lanes import REST, ClipLane, Lanes, TextLane
from rag.vectors.query_projection import query_by_projection
from rag.vectors.sync import Mirror

log = logging.getLogger("magpie")


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
