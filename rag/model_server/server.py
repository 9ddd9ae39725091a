"""The GPU host put together: an encoder, what merges its clients' requests, and the app in front of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from rag.model_server.app import Host, Merged, build_app, check_address
from rag.model_server.batcher import Batcher, Limits
from rag.model_server.leases import Leases
from rag.model_server.metrics import Metrics
from rag.ports import Encoder, Movable
from rag.settings import Settings
from rag.vectors.gpu_sharing import Offload, told_move
from rag.wire import Identity

log = logging.getLogger("magpie")

_PROBE = "a page"


@dataclass(frozen=True)
class OpenHost:
    """A host ready to be served at `address` and `port`."""

    app: Starlette
    identity: str
    device: str
    address: str
    port: int
    between: Callable[[Callable[[], None]], Future[None]]
    """Runs something in the thread that owns the model, between two batches."""


@contextmanager
def open_host(settings: Settings, open_encoder: Callable[[Settings], Encoder] | None = None) -> Iterator[OpenHost]:
    """Load the embedder that the settings name and build its app; a first vector was made when this yields.

    Raise WeightsMissing or EmbedderFailed when there is no embedder to serve, and BadSetting for an address that
    others can reach without a token.
    """
    token = token_of(settings)
    check_address(settings.serve.host, token)
    encoder = (open_encoder or open_clip_encoder)(settings)
    identity = identity_of(encoder, settings)
    metrics = Metrics()
    batcher = Batcher(encoder, limits_of(settings), metrics)
    try:
        batcher.texts([_PROBE])[0].result()  # in the thread that owns the model: a compiled one stays in its thread
        metrics.watch_queue(batcher.waiting)
        leases = Leases(_offload(encoder, batcher, metrics))
        try:
            app = build_app(Host(identity, Merged(batcher), metrics, leases, token))
            device = str(getattr(encoder, "device", "cpu"))
            yield OpenHost(app, identity.identity, device, settings.serve.host, settings.serve.port, batcher.between)
        finally:
            leases.close()
    finally:
        batcher.close()


def token_of(settings: Settings) -> str:
    return settings.embed.token.get_secret_value() if settings.embed.token else ""


def open_clip_encoder(settings: Settings) -> Encoder:
    """open_clip on this machine, wherever the settings say that the GPU host is."""
    from rag.adapters.openclip import open_embedder

    return open_embedder(settings.embed, os.cpu_count())


def identity_of(encoder: Encoder, settings: Settings) -> Identity:
    embed = settings.embed
    return Identity(
        identity=encoder.identity,
        dim=encoder.dim,
        pictures=embed.picture_batch,
        texts=embed.text_batch,
        max_mb=settings.serve.max_mb,
    )


def limits_of(settings: Settings) -> Limits:
    embed, serve = settings.embed, settings.serve
    threads = serve.threads or os.cpu_count() or 1
    return Limits(embed.picture_batch, embed.text_batch, serve.queue, serve.wait_ms / 1000, threads)


def _offload(encoder: Encoder, batcher: Batcher, metrics: Metrics) -> Offload:
    """Moves run between two batches; while the weights are away, only questions are encoded."""

    def leave() -> None:
        if isinstance(encoder, Movable):
            batcher.between(encoder.leave).result()
        batcher.hold(True)

    def back() -> None:
        if isinstance(encoder, Movable):
            batcher.between(encoder.back).result()
        batcher.hold(False)

    def watch(to: str, seconds: float) -> None:
        metrics.moved(to, seconds)
        told_move(to, seconds)

    return Offload(leave, back, log.warning, watch)
