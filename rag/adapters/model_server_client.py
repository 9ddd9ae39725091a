"""Requests to a model server (GPU host): another machine or process that runs `magpie embedder`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from rag.errors import BadSetting, EmbedderBusy, EmbedderDown, EmbedderFailed, MagpieError
from rag.setting_groups import EmbedSettings
from rag.wire import PICTURES_TYPE, ErrorBody, pack_pictures

_Shape = TypeVar("_Shape", bound=BaseModel)

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each retry. A question waits for them, so they are few."""

_CONNECT_SECONDS = 3.0
_IDENTITY_SECONDS = 10.0
"""Timeout for the identity, which needs no forward pass."""

MAX_QUESTION_ITEMS = 8
_QUESTION_SECONDS = 20.0
"""Timeout for a request of at most 8 items: it is a question, and other lanes can answer it."""

_START_HINT = "run `magpie embedder` on that machine, or correct MAGPIE_EMBED__URL"


def checked_url(settings: EmbedSettings) -> str:
    """Return the server's URL. Raise BadSetting for an invalid one."""
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
    return url


class ModelServerClient:
    """Sends requests to a model server. Thread-safe.

    Raises EmbedderDown if no server answers, EmbedderBusy if the server is busy, slow or fails.
    """

    def __init__(self, settings: EmbedSettings, url: str, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._seconds = settings.seconds
        self._address = httpx.URL(url).copy_with(userinfo=b"")
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

    def get(self, path: str, shape: type[_Shape]) -> _Shape:
        """Return the response to a request that needs no forward pass, without retries."""
        return self._request("GET", path, shape, seconds=min(self._seconds, _IDENTITY_SECONDS), pauses=())

    def post(self, path: str, sent: BaseModel, shape: type[_Shape], count: int = MAX_QUESTION_ITEMS + 1) -> _Shape:
        """Send JSON with `count` items and return the response."""
        body = sent.model_dump_json().encode()
        return self._request("POST", path, shape, body, "application/json", seconds=self._timeout(count))

    def post_pictures(self, path: str, pictures: Sequence[bytes], shape: type[_Shape]) -> _Shape:
        body = pack_pictures(pictures)
        return self._request("POST", path, shape, body, PICTURES_TYPE, seconds=self._timeout(len(pictures)))

    def _timeout(self, count: int) -> float:
        return min(self._seconds, _QUESTION_SECONDS) if count <= MAX_QUESTION_ITEMS else self._seconds

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
                raise unfit("its response is invalid") from error
        failure = _failure_of(answer)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise _QueueFull(f"waiting for the GPU host: {failure.error}", failure.hint, _retry_after(answer))
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise EmbedderFailed(
                f"The GPU host at {self._address} does not accept the token.", "Set MAGPIE_EMBED__TOKEN as on the host."
            )
        if answer.status_code == httpx.codes.NOT_IMPLEMENTED:
            raise EmbedderFailed(failure.error, failure.hint)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _NoRetry(f"The GPU host failed: {failure.error}", failure.hint or "Its log says more.")
        raise unfit(f"it answered {answer.status_code}: {failure.error}")


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


def unfit(why: str) -> MagpieError:
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
