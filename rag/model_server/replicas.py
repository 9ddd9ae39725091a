"""The GPU host on several cards: the same app as a Ray Serve deployment, one embedder in each replica.

Ray is an extra (`pip install 'magpie[ray]'`). Its proxy shares requests out among the replicas; within a replica
`serve.batch` merges them. Ray's own ports are open on every interface of the machine and ask for Ray's token: keep them
behind a firewall. No usage statistics are sent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from starlette.applications import Starlette

from rag.errors import BadSetting, EmbedderFailed, Unreadable
from rag.model import Modality
from rag.model_server.app import Host, build_app, check_address
from rag.model_server.batcher import Limits
from rag.model_server.metrics import Metrics
from rag.model_server.server import identity_of, limits_of, open_clip_encoder, token_of
from rag.ports import Encoder, Prepared, Vector, Watch
from rag.settings import Settings

NAME = "magpie-embedder"

_REQUESTS_A_REPLICA = 64
"""Requests a replica works on together; what comes beyond waits in the proxy."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """`least` to `most` replicas, by how many requests wait; each has `gpus` of a card, such as 0.5, or none."""

    least: int = 1
    most: int = 1
    gpus: float = 0.0


class Merging:
    """serve.app.Merging by serve.batch, on one encoder."""

    def __init__(self, encoder: Encoder, limits: Limits, watch: Watch) -> None:
        from ray import serve

        self._encoder = encoder
        self._watch = watch
        self._failed = False
        self._preparing = ThreadPoolExecutor(limits.threads, thread_name_prefix="decode")
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="encode")

        # Two batches at a time: one is merged while the other is encoded.
        def batched(size: int) -> Callable[[Any], Any]:
            made: Callable[[Any], Any] = serve.batch(
                max_batch_size=size, batch_wait_timeout_s=limits.wait, max_concurrent_batches=2
            )
            return made

        @batched(limits.pictures)
        async def encode_picture(prepared: list[Prepared]) -> list[Vector]:
            return await self._encode(Modality.PICTURE, encoder.encode_pictures, prepared)

        @batched(limits.texts)
        async def encode_text(prepared: list[Prepared]) -> list[Vector]:
            return await self._encode(Modality.TEXT, encoder.encode_texts, prepared)

        self._encode_picture: Any = encode_picture
        self._encode_text: Any = encode_text

    def begin(self) -> None:
        """A first vector, in the thread that encodes: a compiled model stays in the thread it was made in."""
        self._encoding.submit(self._encoder.embed_texts, ["a page"]).result()

    async def pictures(self, pictures: Sequence[bytes]) -> list[Vector | Unreadable]:
        return list(await asyncio.gather(*map(self._picture, pictures)))

    async def _picture(self, picture: bytes) -> Vector | Unreadable:
        try:
            prepared = await self._prepare(Modality.PICTURE, partial(self._encoder.prepare_picture, picture))
        except Unreadable as error:
            return error
        made: Vector = await self._encode_picture(prepared)
        return made

    async def texts(self, texts: Sequence[str]) -> list[Vector]:
        prepared = await self._prepare(Modality.TEXT, partial(self._encoder.prepare_texts, texts))
        return list(await asyncio.gather(*map(self._encode_text, prepared)))

    async def windows(self, texts: Sequence[str]) -> list[list[str]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._preparing, self._encoder.windows_of, texts)

    def well(self) -> bool:
        return not self._failed

    async def _prepare(self, modality: Modality, call: Callable[[], Any]) -> Any:
        def timed() -> Any:
            started = perf_counter()
            try:
                return call()
            finally:
                self._watch.prepared(modality, perf_counter() - started)

        return await asyncio.get_running_loop().run_in_executor(self._preparing, timed)

    async def _encode(
        self, modality: Modality, encode: Callable[[Sequence[Prepared]], list[Vector]], prepared: list[Prepared]
    ) -> list[Vector]:
        started = perf_counter()
        self._failed = True
        made = await asyncio.get_running_loop().run_in_executor(self._encoding, encode, prepared)
        self._failed = False
        self._watch.encoded(modality, len(made), perf_counter() - started)
        return made


def replica_app(settings: Settings, open_encoder: Callable[[Settings], Encoder]) -> Starlette:
    """The app of one replica; runs in its process, and has made a vector when it returns."""
    encoder = open_encoder(settings)
    metrics = Metrics()
    merging = Merging(encoder, limits_of(settings), metrics)
    merging.begin()
    return build_app(Host(identity_of(encoder, settings), merging, metrics, None, token_of(settings)))


@contextmanager
def open_replicas(
    settings: Settings, wanted: Replicas, open_encoder: Callable[[Settings], Encoder] = open_clip_encoder
) -> Iterator[int]:
    """The deployment, ready, while the `with` lasts; yields its port.

    Raise EmbedderFailed when Ray is not installed or a replica does not come up, BadSetting for an address that others
    can reach without a token.
    """
    check_address(settings.serve.host, token_of(settings))
    if wanted.most < wanted.least:
        raise BadSetting(f"{wanted.most} replicas at most are fewer than {wanted.least}.", "Raise the most.")
    if find_spec("ray") is None:
        raise EmbedderFailed("Several replicas need Ray.", "pip install 'magpie[ray]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing leaves this house
    os.environ["RAY_AUTH_MODE"] = "token"  # who may speak to Ray's ports may run programs here
    import ray
    from ray import serve

    with _own_signals():
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        serve.start(http_options={"host": settings.serve.host, "port": settings.serve.port})
        try:
            serve.run(_deployment(settings, wanted, open_encoder), name=NAME, route_prefix="/")
        except RuntimeError as error:
            raise EmbedderFailed(
                "The replicas did not start.", "Try `magpie embedder` without replicas: it says what is wrong."
            ) from error
        yield settings.serve.port
    finally:
        serve.shutdown()
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray puts a handler of its own in place of whoever's ends this process cleanly."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    yield
    if main:
        signal.signal(signal.SIGTERM, before)


def _deployment(settings: Settings, wanted: Replicas, open_encoder: Callable[[Settings], Encoder]) -> Any:
    from ray import serve

    scaling: dict[str, Any] = {"num_replicas": wanted.least}
    if wanted.most > wanted.least:
        scaling = {"autoscaling_config": {"min_replicas": wanted.least, "max_replicas": wanted.most}}

    def build() -> Starlette:  # Ray calls a plain function, and takes any other callable for the app itself
        return replica_app(settings, open_encoder)

    @serve.deployment(
        name=NAME,
        ray_actor_options={"num_cpus": 1, "num_gpus": wanted.gpus},
        max_ongoing_requests=_REQUESTS_A_REPLICA,
        max_queued_requests=settings.serve.queue,
        **scaling,
    )
    @serve.ingress(build)
    class Embedder:
        """Nothing but the app."""

    return Embedder.bind()  # type: ignore[attr-defined]
