"""The model server on several GPUs: Ray Serve runs the same app in each replica and shares requests out among them.

Ray is an extra (`pip install -e '.[ray]'`). Ray's own ports are open on every interface of the machine and require
Ray's token: keep them behind a firewall. No usage statistics are sent.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from rag.errors import BadSetting, EmbedderFailed
from rag.model_server.app import check_address
from rag.model_server.server import open_clip_encoder, open_model_server, read_token
from rag.ports import Encoder
from rag.settings import Settings

NAME = "magpie-embedder"

_REQUESTS_PER_REPLICA = 64
"""Requests that a replica handles at once; further ones queue in Ray's proxy."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Ray scales from `least` to `most` replicas as requests queue up. Each gets `gpus` of a GPU, such as 0.5."""

    least: int = 1
    most: int = 1
    gpus: float = 0.0


def replica_app(settings: Settings, open_encoder: Callable[[Settings], Encoder]) -> Starlette:
    """Open a model server in this process and return its app, which closes it on shutdown."""
    opened = ExitStack()
    server = opened.enter_context(open_model_server(settings, open_encoder, leases_gpu=False))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with opened:
            yield

    return Starlette(routes=[Mount("/", server.app)], lifespan=lifespan)


@contextmanager
def open_replicas(
    settings: Settings, wanted: Replicas, open_encoder: Callable[[Settings], Encoder] = open_clip_encoder
) -> Iterator[int]:
    """Run the replicas while the `with` block lasts; yields their port when all of them are ready.

    Raise EmbedderFailed when Ray is not installed or a replica does not start, and BadSetting for an address that other
    machines can reach when no token is set.
    """
    check_address(settings.serve.host, read_token(settings))
    if wanted.most < wanted.least:
        raise BadSetting(
            f"The maximum of {wanted.most} replicas is less than the minimum of {wanted.least}.", "Raise the maximum."
        )
    if find_spec("ray") is None:
        raise EmbedderFailed("Several replicas require Ray.", "pip install -e '.[ray]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"  # anyone who can connect to Ray's ports can run programs here
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
                "The replicas did not start.", "Run `magpie embedder` without replicas to see the reason."
            ) from error
        yield settings.serve.port
    finally:
        serve.shutdown()
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore the SIGTERM handler, which Ray replaces; ours ends the process cleanly."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _deployment(settings: Settings, wanted: Replicas, open_encoder: Callable[[Settings], Encoder]) -> Any:
    from ray import serve

    scaling: dict[str, Any] = {"num_replicas": wanted.least}
    if wanted.most > wanted.least:
        scaling = {"autoscaling_config": {"min_replicas": wanted.least, "max_replicas": wanted.most}}

    def build() -> Starlette:  # has to be a plain function: Ray would take any other callable for the app
        return replica_app(settings, open_encoder)

    @serve.deployment(
        name=NAME,
        ray_actor_options={"num_cpus": 1, "num_gpus": wanted.gpus},
        max_ongoing_requests=_REQUESTS_PER_REPLICA,
        max_queued_requests=settings.serve.queue,
        **scaling,
    )
    @serve.ingress(build)
    class Embedder:
        """Serves the app."""

    return Embedder.bind()  # type: ignore[attr-defined]
