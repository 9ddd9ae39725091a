"""The GPU host's addresses: /pictures, /texts, /windows, /identity, /away, /back, /health, /metrics."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from rag.errors import BadSetting, EmbedderBusy, MagpieError, Unreadable
from rag.model_server.batcher import Batcher
from rag.model_server.leases import Leases
from rag.model_server.loopback import LoopbackOnly
from rag.model_server.metrics import Metrics
from rag.ports import Vector
from rag.wire import PICTURES_TYPE, Failure, Identity, Lease, Refused, Texts, Vectors, Windows, unpack_pictures

BODY_MB = 64
"""The largest request, unless one picture may be larger."""

_ALL_MB = 512
"""What the requests of all clients may hold together; beyond, 503."""

_RETRY_SECONDS = 1
_JSON = "application/json"

_Shape = TypeVar("_Shape", bound=BaseModel)


class Merging(Protocol):
    """Where the requests of all clients come together. Every member may raise EmbedderBusy."""

    async def pictures(self, pictures: Sequence[bytes]) -> list[Vector | Unreadable]:
        """One for each, in order."""
        ...

    async def texts(self, texts: Sequence[str]) -> list[Vector]: ...

    async def windows(self, texts: Sequence[str]) -> list[list[str]]: ...

    def well(self) -> bool:
        """Whether the last batch was encoded."""
        ...


class Merged:
    """Merging by a Batcher."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self.well = batcher.well

    async def pictures(self, pictures: Sequence[bytes]) -> list[Vector | Unreadable]:
        futures = self._batcher.pictures(pictures)
        made = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        return [_vector_or_refusal(one) for one in made]

    async def texts(self, texts: Sequence[str]) -> list[Vector]:
        return list(await asyncio.gather(*map(asyncio.wrap_future, self._batcher.texts(texts))))

    async def windows(self, texts: Sequence[str]) -> list[list[str]]:
        return await asyncio.wrap_future(self._batcher.windows(texts))


def _vector_or_refusal(made: Vector | BaseException) -> Vector | Unreadable:
    if isinstance(made, BaseException) and not isinstance(made, Unreadable):
        raise made
    return made


@dataclass(frozen=True)
class Host:
    """What the addresses answer from."""

    identity: Identity
    merging: Merging
    metrics: Metrics
    leases: Leases | None
    """None where the model lies on several cards: they are not lent."""

    token: str


class _Refusal(Exception):
    def __init__(self, status: int, error: str, hint: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.failure = Failure(error=error, hint=hint)


class _Room:
    """Bytes that are being received or worked on. Used in the server's one thread."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, size: int) -> None:
        """Raise EmbedderBusy when there is no room."""
        if size > self._left:
            raise EmbedderBusy("Too much is being sent to the GPU host already.", "It is tried again by itself.")
        self._left -= size

    def leave(self, size: int) -> None:
        self._left += size


def check_address(host: str, token: str) -> None:
    """Raise BadSetting for an address that others can reach, without a token."""
    try:
        alone = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        alone = False
    if not alone and not token:
        raise BadSetting(
            f"Others can reach {host or 'every address'}, and no token is set.",
            "Set MAGPIE_EMBED__TOKEN to a long random word, here and on the machine that asks.",
        )


def build_app(host: Host) -> Starlette:
    """The app of one host; raises nothing later but what is answered as JSON."""

    async def identity(_: Request) -> BaseModel:
        return host.identity

    async def pictures(request: Request) -> BaseModel:
        limit = max(BODY_MB, host.identity.max_mb + 1) << 20
        body = await _body(request, PICTURES_TYPE, limit)
        try:
            sent = unpack_pictures(body)
        except ValueError as error:
            raise _Refusal(400, f"The pictures cannot be told apart: {error}.") from error
        return await _embed_pictures(host, sent)

    async def texts(request: Request) -> BaseModel:
        asked = await _json(request, Texts)
        made = await host.merging.texts(asked.texts)
        return Vectors.of(host.identity.identity, host.identity.dim, made)

    async def windows(request: Request) -> BaseModel:
        asked = await _json(request, Texts)
        return Windows(windows=await host.merging.windows(asked.texts))

    async def away(request: Request) -> BaseModel:
        asked = await _json(request, Lease)
        await run_in_threadpool(_leases(host).lend, asked.client, asked.seconds)
        return asked

    async def back(request: Request) -> BaseModel:
        asked = await _json(request, Lease)
        await run_in_threadpool(_leases(host).take_back, asked.client)
        return asked

    async def health(_: Request) -> Response:
        well = host.merging.well()
        return Response(f'{{"ok":{str(well).lower()}}}', 200 if well else 503, media_type=_JSON)

    async def metrics(request: Request) -> Response:
        if not _may(request, host.token):
            return Response(status_code=401)
        return Response(host.metrics.text(), media_type="text/plain; version=0.0.4")

    room = _Room(_ALL_MB << 20)
    told = [Route("/health", health), Route("/metrics", metrics), _route(host, "/identity", identity, room)]
    posted = {"/pictures": pictures, "/texts": texts, "/windows": windows, "/away": away, "/back": back}
    routes = [*told, *(_route(host, path, answer, room, "POST") for path, answer in posted.items())]
    # Without a token only this machine reaches the host, and the Host header has to say so. With one, the token says
    # who may ask, and the host may be known by any name.
    guard = Middleware(LoopbackOnly, remedy="To use another name, set MAGPIE_EMBED__TOKEN here and where you ask.")
    return Starlette(routes=routes, middleware=[] if host.token else [guard])


def _route(
    host: Host, path: str, answer: Callable[[Request], Awaitable[BaseModel]], room: _Room, method: str = "GET"
) -> Route:
    """One address: the token asked for first, every failure answered as JSON, counted by its status."""

    async def endpoint(request: Request) -> Response:
        status, headers = 200, {}
        request.state.room, request.state.taken = room, 0
        try:
            if not _may(request, host.token):
                raise _Refusal(401, "The GPU host asks for a token.", "Set MAGPIE_EMBED__TOKEN as on the host.")
            told: BaseModel = await answer(request)
        except _Refusal as refusal:
            status, told = refusal.status, refusal.failure
        except EmbedderBusy as error:
            status, told, headers = 503, _failure(error), {"retry-after": str(_RETRY_SECONDS)}
        except ClientDisconnect:
            status, told = 400, Failure(error="The request broke off.")
        except MagpieError as error:
            status, told = 500, _failure(error)
        finally:
            room.leave(request.state.taken)
        host.metrics.answered(path, status)
        return Response(told.model_dump_json(), status, headers, _JSON)

    return Route(path, endpoint, methods=[method])


def _leases(host: Host) -> Leases:
    if host.leases is None:
        raise _Refusal(409, "A host with replicas does not lend its cards.", "Set MAGPIE_EMBED__OFFLOAD=false.")
    return host.leases


async def _embed_pictures(host: Host, sent: Sequence[bytes]) -> Vectors:
    """What cannot be decoded, or is too large, is refused alone."""
    large = {n for n, picture in enumerate(sent) if len(picture) > host.identity.max_mb << 20}
    fitting = [n for n in range(len(sent)) if n not in large]
    made = await host.merging.pictures([sent[n] for n in fitting])
    refused = [Refused(index=n, reason=f"The picture is larger than {host.identity.max_mb} MB.") for n in sorted(large)]
    vectors: list[Vector] = []
    for n, one in zip(fitting, made, strict=True):
        if isinstance(one, Unreadable):
            refused.append(Refused(index=n, reason=str(one)))
        else:
            vectors.append(one)
    host.metrics.refused(len(refused))
    return Vectors.of(host.identity.identity, host.identity.dim, vectors, refused)


def _may(request: Request, token: str) -> bool:
    """Compared in constant time, so that a token cannot be guessed letter by letter."""
    given = request.headers.get("authorization", "").encode("latin-1")  # as it came
    return not token or hmac.compare_digest(given, f"Bearer {token}".encode())


def _failure(error: MagpieError) -> Failure:
    return Failure(error=str(error), hint=error.hint)


async def _body(request: Request, kind: str, limit: int) -> bytes:
    if request.headers.get("content-type", "").split(";")[0].strip() != kind:
        raise _Refusal(415, f"The body has to be {kind}.")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _Refusal(413, f"The request is larger than {limit >> 20} MB.", "Send fewer at a time.")
        request.state.room.take(len(part))
        request.state.taken = size
        parts.append(part)
    return b"".join(parts)


async def _json(request: Request, shape: type[_Shape]) -> _Shape:
    body = await _body(request, _JSON, BODY_MB << 20)
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        said = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in said["loc"])
        raise _Refusal(422, f"The request is wrong at {where or 'its start'}: {said['msg']}.") from error
