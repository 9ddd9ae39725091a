"""The client of a model server (GPU host): another machine or process that runs `magpie embedder`."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from rag.errors import BadSetting, EmbedderBusy, EmbedderDown, EmbedderFailed, MagpieError
from rag.ports import Vector
from rag.settings import EmbedSettings
from rag.wire import MAX_TEXTS, PICTURES_TYPE, ErrorBody, Lease, ServerIdentity, Texts, Vectors, Windows, pack_pictures

log = logging.getLogger("magpie")

_Shape = TypeVar("_Shape", bound=BaseModel)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each retry. A question waits for them, so they are few."""

_CONNECT_SECONDS = 3.0
_IDENTITY_SECONDS = 10.0
"""Timeout for the identity, which needs no forward pass."""

_MAX_QUESTION_ITEMS = 8
_QUESTION_SECONDS = 20.0
"""Timeout for a request of at most 8 items: it is a question, and other lanes can answer it."""

_CONCURRENT_REQUESTS = 2
"""The host prepares one request while it encodes the other."""

_REQUEST_MB = 32
"""Size limit of a request of several pictures; a larger picture is sent alone."""

_LEASE_SECONDS = 600.0

_START_HINT = "run `magpie embedder` on that machine, or correct MAGPIE_EMBED__URL"


def open_remote(settings: EmbedSettings, pauses: Sequence[float] = _PAUSES) -> RemoteClip:
    """Return the embedder at `embed.url`; sends no request yet. Raise BadSetting for an invalid URL.

    `pauses` are the seconds before each retry. If a busy host names a time, that is used, up to the last pause.
    """
    url = settings.url.rstrip("/")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadSetting(
            "embed.url is not a valid URL (expected http://host:port).",
            "Set MAGPIE_EMBED__URL to one such as http://gpu.lan:8468.",
        )
    return RemoteClip(settings, url, pauses)


class RemoteClip:
    """Implements ports.Embedder and ports.Movable over HTTP.

    Raises EmbedderDown if no server answers, EmbedderBusy if the server is busy, slow or fails.
    """

    def __init__(self, settings: EmbedSettings, url: str, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._seconds = settings.seconds
        self._address = httpx.URL(url).copy_with(userinfo=b"")
        self._client_name = uuid.uuid4().hex
        self._known: ServerIdentity | None = None
        token = settings.token.get_secret_value() if settings.token else ""
        self._client = httpx.Client(
            base_url=url,
            headers=[(b"authorization", f"Bearer {token}".encode())] if token else [],
            follow_redirects=False,
            trust_env=False,  # no proxy and no .netrc: the host is in the same network
            limits=httpx.Limits(keepalive_expiry=4),  # shorter than the host's
        )

    def close(self) -> None:
        self._client.close()

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
        return self._request(
            "GET", "/identity", ServerIdentity, seconds=min(self._seconds, _IDENTITY_SECONDS), pauses=()
        )

    # ------------------------------------------------------------ texts

    def windows(self, text: str) -> list[str]:
        return self.windows_of([text])[0]

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = []
        for start in range(0, len(texts), MAX_TEXTS):
            part = texts[start : start + MAX_TEXTS]
            cut = self._post("/windows", Texts(texts=list(part)), Windows, len(part)).windows
            if len(cut) != len(part):
                raise _unfit(f"it returned windows of {len(cut)} texts instead of {len(part)}")
            found += cut
        return found

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        size = self._host().texts
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]

        def embed(batch: Sequence[str]) -> list[Vector]:
            rows = self._rows(self._post("/texts", Texts(texts=list(batch)), Vectors, len(batch)), len(batch))
            if any(row is None for row in rows):
                raise _unfit("it refused a text")
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
            body = pack_pictures(sent)
            response = self._request(
                "POST", "/pictures", Vectors, body, PICTURES_TYPE, seconds=self._timeout(len(sent))
            )
            vectors = iter(self._rows(response, len(sent)))
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
            raise _unfit(str(error)) from error

    # ------------------------------------------------------------ GPU sharing

    def offload(self) -> None:
        """Lease the host's GPU until `back`, for at most ten minutes. Does nothing if the host is down."""
        self._move("/away")

    def reload(self) -> None:
        self._move("/back")

    def _move(self, path: str) -> None:
        try:
            self._post(path, Lease(client=self._client_name, seconds=_LEASE_SECONDS), Lease)
        except EmbedderDown:
            log.warning("Could not lease the GPU: no server answers at embed.url.")

    # ------------------------------------------------------------ requests

    def _post(self, path: str, sent: BaseModel, shape: type[_Shape], count: int = _MAX_QUESTION_ITEMS + 1) -> _Shape:
        """Send JSON with `count` items and return the response."""
        body = sent.model_dump_json().encode()
        return self._request("POST", path, shape, body, "application/json", seconds=self._timeout(count))

    def _timeout(self, count: int) -> float:
        return min(self._seconds, _QUESTION_SECONDS) if count <= _MAX_QUESTION_ITEMS else self._seconds

    def _request(
        self,
        method: str,
        path: str,
        shape: type[_Shape],
        body: bytes = b"",
        kind: str = "",
        *,
        seconds: float,
        pauses: Sequence[float] | None = None,
    ) -> _Shape:
        """Return the response. Retry if the host is busy or the connection breaks: every request is idempotent."""
        waits = self._pauses if pauses is None else pauses
        headers = {"content-type": kind} if kind else {}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        for wait in (*waits, None):
            try:
                with self._map_errors(seconds):
                    answer = self._client.request(method, path, content=body, headers=headers, timeout=timeout)
                    return self._read(answer, shape)
            except EmbedderBusy as error:
                if wait is None or isinstance(error, _NoRetry):
                    raise
                threading.Event().wait(min(getattr(error, "seconds", wait), waits[-1]))
        raise AssertionError("a try returns or raises")

    @contextmanager
    def _map_errors(self, seconds: float) -> Iterator[None]:
        """Map httpx's errors to Magpie's. Messages have the address, but nothing that was sent."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EmbedderDown(
                f"waiting for the GPU host: no server answers at {self._address}.", _START_HINT
            ) from error
        except httpx.TimeoutException as error:
            raise _Timeout(
                f"The GPU host at {self._address} did not answer in {seconds:.0f} s.",
                "Raise MAGPIE_EMBED__SECONDS.",
            ) from error
        except httpx.HTTPError as error:
            message = f"waiting for the GPU host: the connection broke off ({type(error).__name__})."
            raise EmbedderBusy(message, "Magpie tries again.") from error

    def _read(self, answer: httpx.Response, shape: type[_Shape]) -> _Shape:
        if answer.status_code == httpx.codes.OK:
            try:
                return shape.model_validate_json(answer.content)
            except ValidationError as error:
                raise _unfit("its response is invalid") from error
        failure = _failure_of(answer)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise _QueueFull(f"waiting for the GPU host: {failure.error}", failure.hint, _retry_after(answer))
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise EmbedderFailed(
                f"The GPU host at {self._address} does not accept the token.", "Set MAGPIE_EMBED__TOKEN as on the host."
            )
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _NoRetry(f"The GPU host failed: {failure.error}", failure.hint or "Its log says more.")
        raise _unfit(f"it answered {answer.status_code}: {failure.error}")


class _QueueFull(EmbedderBusy):
    """The host's queue is full. `seconds` is when to retry, if the host named a time."""

    def __init__(self, message: str, hint: str, seconds: float | None) -> None:
        super().__init__(message, hint)
        if seconds is not None:
            self.seconds = seconds


class _NoRetry(EmbedderBusy):
    """A retry at once would not help."""


class _Timeout(_NoRetry):
    """The whole timeout has passed."""


def _unfit(why: str) -> MagpieError:
    return EmbedderFailed(
        f"The server at embed.url is not a GPU host of this version: {why}.",
        "Install the same version of Magpie on both machines.",
    )


def _failure_of(answer: httpx.Response) -> ErrorBody:
    try:
        failure = ErrorBody.model_validate_json(answer.content)
    except ValidationError:
        return ErrorBody(error="no reason was given")
    return ErrorBody(error=failure.error[:300], hint=failure.hint[:300])


def _retry_after(answer: httpx.Response) -> float | None:
    seconds = answer.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else None


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
