"""A GPU host on the loopback interface: the real app and server, with a given encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.slack.http import serving
from rag.model_server.server import open_model_server
from rag.ports import Encoder, PageEmbedder
from rag.settings import Settings


@contextmanager
def gpu_host(
    settings: Settings, encoder: Encoder | None = None, page_embedder: PageEmbedder | None = None
) -> Iterator[str]:
    """Run a GPU host and yield its URL. `page_embedder` is used if `page_images.model` is set."""
    chosen = None if encoder is None else lambda _: encoder
    pages = None if page_embedder is None else lambda _: page_embedder
    with (
        open_model_server(settings, chosen, pages) as host,
        serving(host.app, host.address, settings.serve.port) as port,
    ):
        yield f"http://{host.address}:{port}"
