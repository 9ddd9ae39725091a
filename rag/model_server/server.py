"""The model server's entry point: opens the encoder and builds the app around it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from rag.model_server.app import AppContext, build_app, check_address
from rag.model_server.batcher import Batcher, BatchLimits
from rag.model_server.leases import Leases
from rag.model_server.metrics import Metrics
from rag.model_server.page_images import PageServing
from rag.ports import Encoder, Offloadable, PageEmbedder
from rag.settings import Settings
from rag.vectors.gpu_sharing import Offload, log_move
from rag.wire import ServerIdentity

log = logging.getLogger("magpie")

_PROBE = "a page"


@dataclass(frozen=True)
class ModelServer:
    """A model server ready to be served at `address` and `port`."""

    app: Starlette
    identity: str
    device: str
    address: str
    port: int
    run_between_batches: Callable[[Callable[[], None]], Future[None]]
    """Runs a call in the thread that owns the model."""


@contextmanager
def open_model_server(
    settings: Settings,
    open_encoder: Callable[[Settings], Encoder] | None = None,
    open_pages: Callable[[Settings], PageEmbedder] | None = None,
    *,
    leases_gpu: bool = True,
) -> Iterator[ModelServer]:
    """Load the embedder that the settings name and build its app. A first vector was made when this yields.

    With `leases_gpu`, a client may ask for the GPU while its generator writes. Raise WeightsMissing or EmbedderFailed
    when the embedder cannot be opened, and BadSetting for an address that other machines can reach when no token is
    set.
    """
    token = read_token(settings)
    check_address(settings.serve.host, token)
    encoder = (open_encoder or open_clip_encoder)(settings)
    identity = _identity(encoder, settings)
    metrics = Metrics()
    batcher = Batcher(encoder, _batch_limits(settings), metrics)
    try:
        batcher.submit_texts([_PROBE])[0].result()  # in the encoding thread: a compiled model belongs to its thread
        metrics.watch_queue(batcher.queue_sizes)
        pages = None
        if settings.page_images.model:
            pages = PageServing((open_pages or open_local_pages)(settings), batcher.run_between_batches)
        leases = Leases(_offload(encoder, batcher, metrics, pages))
        try:
            app = build_app(AppContext(identity, batcher, metrics, leases if leases_gpu else None, token, pages))
            device = str(getattr(encoder, "device", "cpu"))
            address, port = settings.serve.host, settings.serve.port
            yield ModelServer(app, identity.identity, device, address, port, batcher.run_between_batches)
        finally:
            leases.close()
    finally:
        batcher.close()


def read_token(settings: Settings) -> str:
    """Return the token that clients have to send, or "" when none is set."""
    return settings.embed.token.get_secret_value() if settings.embed.token else ""


def open_clip_encoder(settings: Settings) -> Encoder:
    """Open OpenCLIP on this machine, whatever `embed.url` is."""
    from rag.adapters.openclip import open_embedder

    return open_embedder(settings.embed, os.cpu_count())


def open_local_pages(settings: Settings) -> PageEmbedder:
    """Open the late-interaction model on this machine. Raise BadSetting if the setting does not name one."""
    from rag.adapters.late_interaction import LateInteractionModel

    return LateInteractionModel(settings.page_images, os.cpu_count())


def _identity(encoder: Encoder, settings: Settings) -> ServerIdentity:
    embed = settings.embed
    return ServerIdentity(
        identity=encoder.identity,
        dim=encoder.dim,
        pictures=embed.picture_batch,
        texts=embed.text_batch,
        max_mb=settings.serve.max_mb,
    )


def _batch_limits(settings: Settings) -> BatchLimits:
    embed, serve = settings.embed, settings.serve
    threads = serve.threads or os.cpu_count() or 1
    return BatchLimits(embed.picture_batch, embed.text_batch, serve.queue, serve.wait_ms / 1000, threads)


def _offload(encoder: Encoder, batcher: Batcher, metrics: Metrics, pages: PageServing | None) -> Offload:
    """Return what moves the weights between two batches. While they are off the GPU, only questions are encoded."""

    def offload() -> None:
        if isinstance(encoder, Offloadable):
            batcher.run_between_batches(encoder.offload).result()
        if pages is not None:
            batcher.run_between_batches(pages.offload).result()
        batcher.set_urgent_only(True)

    def reload() -> None:
        if isinstance(encoder, Offloadable):
            batcher.run_between_batches(encoder.reload).result()
        if pages is not None:
            batcher.run_between_batches(pages.reload).result()
        batcher.set_urgent_only(False)

    def watch(to: str, seconds: float) -> None:
        metrics.moved(to, seconds)
        log_move(to, seconds)

    return Offload(offload, reload, log.warning, watch)
