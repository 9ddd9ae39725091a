"""CLIP on a model server (GPU host): another machine or process that runs `magpie embedder`."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rag.adapters.model_server_client import PAUSES, ModelServerClient, checked_url, unfit
from rag.errors import EmbedderBusy, EmbedderDown
from rag.ports import Vector
from rag.setting_groups import EmbedSettings
from rag.wire import MAX_TEXTS, Lease, ServerIdentity, Texts, Vectors, Windows

log = logging.getLogger("magpie")

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CONCURRENT_REQUESTS = 2
"""The host prepares one request while it encodes the other."""

_REQUEST_MB = 32
"""Size limit of a request of several pictures; a larger picture is sent alone."""

_LEASE_SECONDS = 600.0


def open_remote(settings: EmbedSettings, pauses: Sequence[float] = PAUSES) -> RemoteClip:
    """Return the embedder at `embed.url`; sends no request yet. Raise BadSetting for an invalid URL.

    `pauses` are the seconds before each retry. If a busy host names a time, that is used, up to the last pause.
    """
    return RemoteClip(settings, checked_url(settings), pauses)


class RemoteClip(ModelServerClient):
    """Implements ports.Embedder and ports.Movable over HTTP.

    Raises EmbedderDown if no server answers, EmbedderBusy if the server is busy, slow or fails.
    """

    def __init__(self, settings: EmbedSettings, url: str, pauses: Sequence[float]) -> None:
        super().__init__(settings, url, pauses)
        self._client_name = uuid.uuid4().hex
        self._known: ServerIdentity | None = None

    # ------------------------------------------------------------ identity

    @property
    def identity(self) -> str:
        """Requested each time, because a restarted host may have another model."""
        self._known = self._request_identity()
        return self._known.identity

    @property
    def dim(self) -> int:
        return self._host().dim

    def _host(self) -> ServerIdentity:
        if self._known is None:
            self._known = self._request_identity()
        return self._known

    def _request_identity(self) -> ServerIdentity:
        return self.get("/identity", ServerIdentity)

    # ------------------------------------------------------------ texts

    def windows(self, text: str) -> list[str]:
        return self.windows_of([text])[0]

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = []
        for start in range(0, len(texts), MAX_TEXTS):
            part = texts[start : start + MAX_TEXTS]
            cut = self.post("/windows", Texts(texts=list(part)), Windows, len(part)).windows
            if len(cut) != len(part):
                raise unfit(f"it returned windows of {len(cut)} texts instead of {len(part)}")
            found += cut
        return found

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        size = self._host().texts
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]

        def embed(batch: Sequence[str]) -> list[Vector]:
            rows = self._rows(self.post("/texts", Texts(texts=list(batch)), Vectors, len(batch)), len(batch))
            if any(row is None for row in rows):
                raise unfit("it refused a text")
            return [row for row in rows if row is not None]

        return [row for rows in _map_concurrently(embed, batches) for row in rows]

    # ------------------------------------------------------------ pictures

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        max_bytes = self._host().max_mb << 20
        requests = _requests(pictures, self._host().pictures, max_bytes)

        def embed(batch: Sequence[Path]) -> list[Vector | None]:
            contents = [_read_picture(path, max_bytes) for path in batch]
            sent = [content for content in contents if content is not None]
            if not sent:
                return [None] * len(batch)
            vectors = iter(self._rows(self.post_pictures("/pictures", sent, Vectors), len(sent)))
            return [None if content is None else next(vectors) for content in contents]

        return [row for rows in _map_concurrently(embed, requests) for row in rows]

    def _rows(self, response: Vectors, count: int) -> list[Vector | None]:
        if self._known is not None and response.identity != self._known.identity:
            raise EmbedderBusy("The GPU host has another model now.", "Vectors are computed again automatically.")
        if response.refused:
            reasons = ", ".join(sorted({refused.reason for refused in response.refused}))
            log.warning("The GPU host refused %d of %d pictures: %s", len(response.refused), count, reasons[:200])
        try:
            return response.rows(count)
        except ValueError as error:
            raise unfit(str(error)) from error

    # ------------------------------------------------------------ GPU sharing

    def offload(self) -> None:
        """Lease the host's GPU until `back`, for at most ten minutes. Does nothing if the host is down."""
        self._move("/away")

    def reload(self) -> None:
        self._move("/back")

    def _move(self, path: str) -> None:
        try:
            self.post(path, Lease(client=self._client_name, seconds=_LEASE_SECONDS), Lease)
        except EmbedderDown:
            log.warning("Could not lease the GPU: no server answers at embed.url.")


def _read_picture(path: Path, max_bytes: int) -> bytes | None:
    """Return the file's bytes, or None if it is missing or larger than the host accepts."""
    try:
        if path.stat().st_size > max_bytes:
            log.warning("A picture is larger than the GPU host accepts; it gets no vector.")
            return None
        return path.read_bytes()
    except OSError:
        return None


def _requests(pictures: Sequence[Path], size: int, max_bytes: int) -> list[list[Path]]:
    """Return batches of at most `size` pictures and _REQUEST_MB; a larger picture is alone in its batch."""
    found: list[list[Path]] = []
    left = 0
    for path in pictures:
        try:
            weight = min(path.stat().st_size, max_bytes)
        except OSError:
            weight = 0
        if not found or len(found[-1]) == size or weight > left:
            found.append([])
            left = _REQUEST_MB << 20
        found[-1].append(path)
        left -= weight
    return found


def _map_concurrently(
    call: Callable[[Sequence[_Item]], list[_Result]], batches: Sequence[Sequence[_Item]]
) -> Iterator[list[_Result]]:
    """Yield the result of `call` for each batch, in order. Two calls run at the same time."""
    if len(batches) < 2:
        yield from map(call, batches)
        return
    with ThreadPoolExecutor(_CONCURRENT_REQUESTS, thread_name_prefix="gpu-host") as pool:
        yield from pool.map(call, batches)
