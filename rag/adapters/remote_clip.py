"""Pictures and texts to vectors by a GPU host: another machine, or another process, that runs `magpie embedder`."""

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
from rag.wire import MOST_TEXTS, PICTURES_TYPE, Failure, Identity, Lease, Texts, Vectors, Windows, pack_pictures

log = logging.getLogger("magpie")

_Shape = TypeVar("_Shape", bound=BaseModel)
_Sent = TypeVar("_Sent")
_Made = TypeVar("_Made")

_PAUSES = (0.2, 1.0, 3.0)
"""A question waits for these, so they are few."""

_CONNECT_SECONDS = 3.0
_LOOK_SECONDS = 10.0
"""The identity is asked for while somebody waits: it needs no forward pass."""

_FEW = 8
_QUESTION_SECONDS = 20.0
"""Longest wait for so few pictures or texts: they are a question, which other lanes answer as well."""

_AT_ONCE = 2
"""Requests on their way together: the host prepares one while it encodes the other."""

_REQUEST_MB = 32
"""Pictures are sent in requests of no more than this, but for one that is larger by itself."""

_LEASE_SECONDS = 600.0

_START = "run `magpie embedder` on that machine; MAGPIE_EMBED__URL says where it is"


def open_remote(settings: EmbedSettings, pauses: Sequence[float] = _PAUSES) -> RemoteClip:
    """The embedder at `embed.url`; asks nothing yet. Raise BadSetting for what is no address.

    `pauses`: seconds before each further try; a host that names a time is waited for that long, up to the last.
    """
    url = settings.url.rstrip("/")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadSetting(
            "embed.url is no address of a GPU host.", "Set MAGPIE_EMBED__URL to one such as http://gpu.lan:8468."
        )
    return RemoteClip(settings, url, pauses)


class RemoteClip:
    """Embedder and Movable over HTTP. EmbedderDown while nobody answers, EmbedderBusy when it does not answer well."""

    def __init__(self, settings: EmbedSettings, url: str, pauses: Sequence[float]) -> None:
        self._pauses = pauses
        self._seconds = settings.seconds
        self._place = httpx.URL(url).copy_with(userinfo=b"")
        self._name = uuid.uuid4().hex
        self._known: Identity | None = None
        token = settings.token.get_secret_value() if settings.token else ""
        self._client = httpx.Client(
            base_url=url,
            headers=[(b"authorization", f"Bearer {token}".encode())] if token else [],
            follow_redirects=False,
            trust_env=False,  # the host is in this house: no proxy of the environment, and no .netrc
            limits=httpx.Limits(keepalive_expiry=4),  # less than the host keeps them
        )

    def close(self) -> None:
        self._client.close()

    # ------------------------------------------------------------ who it is

    @property
    def identity(self) -> str:
        """Asked for each time: a host that came back may have another model."""
        self._known = self._ask("GET", "/identity", Identity, seconds=min(self._seconds, _LOOK_SECONDS), pauses=())
        return self._known.identity

    @property
    def dim(self) -> int:
        return self._host().dim

    def _host(self) -> Identity:
        if self._known is None:
            self._known = self._ask("GET", "/identity", Identity, seconds=min(self._seconds, _LOOK_SECONDS), pauses=())
        return self._known

    # ------------------------------------------------------------ texts

    def windows(self, text: str) -> list[str]:
        return self.windows_of([text])[0]

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        found: list[list[str]] = []
        for start in range(0, len(texts), MOST_TEXTS):
            part = texts[start : start + MOST_TEXTS]
            told = self._post("/windows", Texts(texts=list(part)), Windows, len(part)).windows
            if len(told) != len(part):
                raise _unfit(f"it cut {len(part)} texts and sent {len(told)}")
            found += told
        return found

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        size = self._host().texts
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]

        def embed(batch: Sequence[str]) -> list[Vector]:
            rows = self._rows(self._post("/texts", Texts(texts=list(batch)), Vectors, len(batch)), len(batch))
            if any(row is None for row in rows):
                raise _unfit("it refused a text")
            return [row for row in rows if row is not None]

        return [row for rows in _two_at_once(embed, batches) for row in rows]

    # ------------------------------------------------------------ pictures

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        most = self._host().max_mb << 20
        requests = _requests(pictures, self._host().pictures, most)

        def embed(batch: Sequence[Path]) -> list[Vector | None]:
            read = [_bytes_of(path, most) for path in batch]
            sent = [one for one in read if one is not None]
            if not sent:
                return [None] * len(batch)
            body = pack_pictures(sent)
            told = self._ask("POST", "/pictures", Vectors, body, PICTURES_TYPE, seconds=self._patience(len(sent)))
            made = iter(self._rows(told, len(sent)))
            return [None if one is None else next(made) for one in read]

        return [row for rows in _two_at_once(embed, requests) for row in rows]

    def _rows(self, told: Vectors, wanted: int) -> list[Vector | None]:
        if self._known is not None and told.identity != self._known.identity:
            raise EmbedderBusy("The GPU host has another model now.", "Its vectors are made anew by themselves.")
        if told.refused:
            reasons = ", ".join(sorted({refused.reason for refused in told.refused}))
            log.warning("The GPU host refused %d of %d pictures: %s", len(told.refused), wanted, reasons[:200])
        try:
            return told.rows(wanted)
        except ValueError as error:
            raise _unfit(str(error)) from error

    # ------------------------------------------------------------ the card

    def leave(self) -> None:
        """Ask the host for its card, until `back` or for ten minutes. A host that is away has nothing on it."""
        self._move("/away")

    def back(self) -> None:
        self._move("/back")

    def _move(self, path: str) -> None:
        try:
            self._post(path, Lease(client=self._name, seconds=_LEASE_SECONDS), Lease)
        except EmbedderDown:
            log.warning("The GPU host did not hear of a generator on its card: nobody answers there.")

    # ------------------------------------------------------------ asking

    def _post(self, path: str, sent: BaseModel, shape: type[_Shape], count: int = _FEW + 1) -> _Shape:
        body = sent.model_dump_json().encode()
        return self._ask("POST", path, shape, body, "application/json", seconds=self._patience(count))

    def _patience(self, count: int) -> float:
        return min(self._seconds, _QUESTION_SECONDS) if count <= _FEW else self._seconds

    def _ask(
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
        """Tried again when the host is busy, or broke off; each request can be sent twice without harm."""
        waits = self._pauses if pauses is None else pauses
        headers = {"content-type": kind} if kind else {}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        for wait in (*waits, None):
            try:
                with self._told_apart(seconds):
                    answer = self._client.request(method, path, content=body, headers=headers, timeout=timeout)
                    return self._read(answer, shape)
            except EmbedderBusy as error:
                if wait is None or isinstance(error, _Fruitless):
                    raise
                threading.Event().wait(min(getattr(error, "seconds", wait), waits[-1]))
        raise AssertionError("a try returns or raises")

    @contextmanager
    def _told_apart(self, seconds: float) -> Iterator[None]:
        """httpx's errors as ours, with the address and never what was sent."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EmbedderDown(f"waiting for the GPU host: nobody answers at {self._place}.", _START) from error
        except httpx.TimeoutException as error:
            raise _Slow(
                f"The GPU host at {self._place} did not answer in {seconds:.0f} s.",
                "Raise MAGPIE_EMBED__SECONDS.",
            ) from error
        except httpx.HTTPError as error:
            said = f"waiting for the GPU host: it broke off ({type(error).__name__})."
            raise EmbedderBusy(said, "It is tried again by itself.") from error

    def _read(self, answer: httpx.Response, shape: type[_Shape]) -> _Shape:
        if answer.status_code == httpx.codes.OK:
            try:
                return shape.model_validate_json(answer.content)
            except ValidationError as error:
                raise _unfit("what it sent cannot be read") from error
        failure = _failure_of(answer)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise _Waiting(f"waiting for the GPU host: {failure.error}", failure.hint, _seconds_of(answer))
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise EmbedderFailed(
                f"The GPU host at {self._place} does not accept the token.", "Set MAGPIE_EMBED__TOKEN as on the host."
            )
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _Fruitless(f"The GPU host failed: {failure.error}", failure.hint or "Its log says more.")
        raise _unfit(f"it answered {answer.status_code}: {failure.error}")


class _Waiting(EmbedderBusy):
    """The host's queue is full; it said after how many seconds to come again."""

    def __init__(self, message: str, hint: str, seconds: float | None) -> None:
        super().__init__(message, hint)
        if seconds is not None:
            self.seconds = seconds


class _Fruitless(EmbedderBusy):
    """Trying again at once would not help."""


class _Slow(_Fruitless):
    """The whole time-out was waited for already."""


def _unfit(why: str) -> MagpieError:
    return EmbedderFailed(
        f"What answers at embed.url is no GPU host of this version: {why}.", "Install the same Magpie on both machines."
    )


def _failure_of(answer: httpx.Response) -> Failure:
    try:
        failure = Failure.model_validate_json(answer.content)
    except ValidationError:
        return Failure(error="no reason was given")
    return Failure(error=failure.error[:300], hint=failure.hint[:300])


def _seconds_of(answer: httpx.Response) -> float | None:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else None


def _bytes_of(path: Path, most: int) -> bytes | None:
    """The file, or None when it is gone or larger than the host takes."""
    try:
        if path.stat().st_size > most:
            log.warning("A picture larger than the GPU host takes has no vector.")
            return None
        return path.read_bytes()
    except OSError:
        return None


def _requests(pictures: Sequence[Path], size: int, most: int) -> list[list[Path]]:
    """Batches of at most `size` pictures and _REQUEST_MB; a larger picture goes alone."""
    found: list[list[Path]] = []
    room = 0
    for path in pictures:
        try:
            weight = min(path.stat().st_size, most)
        except OSError:
            weight = 0
        if not found or len(found[-1]) == size or weight > room:
            found.append([])
            room = _REQUEST_MB << 20
        found[-1].append(path)
        room -= weight
    return found


def _two_at_once(
    call: Callable[[Sequence[_Sent]], list[_Made]], batches: Sequence[Sequence[_Sent]]
) -> Iterator[list[_Made]]:
    """What `call` makes of each batch, in order; the next is on its way while one is answered."""
    if len(batches) < 2:
        yield from map(call, batches)
        return
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="gpu-host") as pool:
        yield from pool.map(call, batches)
