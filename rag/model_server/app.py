"""The model server's HTTP app: /pictures, /texts, /windows, /identity, /pages/…, /away, /back, /health, /metrics.

One process serves it directly (server.py); Ray Serve runs the same app in every replica (replicas.py).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
from rag.model_server.page_images import PageServing
from rag.ports import Vector
from rag.wire import (
    PICTURES_TYPE,
    ErrorBody,
    Lease,
    RejectedPicture,
    ServerIdentity,
    Texts,
    Vectors,
    Windows,
    unpack_pictures,
)

BODY_MB = 64
"""Largest request, unless one picture may be larger."""

_TOTAL_MB = 512
"""Largest total size of all requests in progress; beyond it, clients get 503."""

_RETRY_SECONDS = 1
_JSON = "application/json"

_Shape = TypeVar("_Shape", bound=BaseModel)


@dataclass(frozen=True)
class AppContext:
    """What the routes need to answer."""

    identity: ServerIdentity
    batcher: Batcher
    metrics: Metrics
    leases: Leases | None
    """None where the model runs on several GPUs: then none of them is leased."""

    token: str
    pages: PageServing | None = None
    """None if no late-interaction model is set."""


class _Refusal(Exception):
    def __init__(self, status: int, error: str, hint: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.failure = ErrorBody(error=error, hint=hint)


class _ByteBudget:
    """Bytes of the requests in progress. Used in the server's event loop only."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def acquire(self, size: int) -> None:
        """Raise EmbedderBusy when fewer than `size` bytes are left."""
        if size > self._left:
            raise EmbedderBusy("The GPU host is receiving too many requests.", "Magpie tries again.")
        self._left -= size

    def release(self, size: int) -> None:
        self._left += size


def check_address(host: str, token: str) -> None:
    """Raise BadSetting for an address that other machines can reach when no token is set."""
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not is_local and not token:
        raise BadSetting(
            f"Other machines can reach {host or 'every address'}, and no token is set.",
            "Set MAGPIE_EMBED__TOKEN to a long random word, on this machine and on the client.",
        )


def build_app(context: AppContext) -> Starlette:
    """Return the app. It answers every failure as JSON."""

    limit = max(BODY_MB, context.identity.max_mb + 1) << 20

    async def identity(_: Request) -> BaseModel:
        return context.identity

    async def pictures(request: Request) -> BaseModel:
        return await _embed_pictures(context, await _read_pictures(request, limit))

    async def texts(request: Request) -> BaseModel:
        sent = await _read_json(request, Texts)
        vectors = await asyncio.gather(*map(asyncio.wrap_future, context.batcher.submit_texts(sent.texts)))
        return Vectors.of(context.identity.identity, context.identity.dim, vectors)

    async def windows(request: Request) -> BaseModel:
        sent = await _read_json(request, Texts)
        return Windows(windows=await asyncio.wrap_future(context.batcher.submit_windows(sent.texts)))

    async def away(request: Request) -> BaseModel:
        sent = await _read_json(request, Lease)
        await run_in_threadpool(_leases(context).acquire, sent.client, sent.seconds)
        return sent

    async def back(request: Request) -> BaseModel:
        sent = await _read_json(request, Lease)
        await run_in_threadpool(_leases(context).release, sent.client)
        return sent

    async def health(_: Request) -> Response:
        healthy = context.batcher.is_healthy()
        return Response(f'{{"ok":{str(healthy).lower()}}}', 200 if healthy else 503, media_type=_JSON)

    async def metrics(request: Request) -> Response:
        if not _is_authorized(request, context.token):
            return Response(status_code=401)
        return Response(context.metrics.text(), media_type="text/plain; version=0.0.4")

    budget = _ByteBudget(_TOTAL_MB << 20)
    read = [
        Route("/health", health),
        Route("/metrics", metrics),
        _route(context, "/identity", identity, budget),
    ]
    posted = {"/pictures": pictures, "/texts": texts, "/windows": windows, "/away": away, "/back": back}
    routes = [*read, *(_route(context, path, answer, budget, "POST") for path, answer in posted.items())]
    routes += _page_routes(context, budget, limit)
    # Without a token only this machine may connect, and the Host header has to name it. With a token, the token decides
    # who may connect, and the server may have any name.
    guard = Middleware(
        LoopbackOnly, remedy="To use another name, set MAGPIE_EMBED__TOKEN on this machine and on the client."
    )
    return Starlette(routes=routes, middleware=[] if context.token else [guard])


def _route(
    context: AppContext,
    path: str,
    answer: Callable[[Request], Awaitable[BaseModel]],
    budget: _ByteBudget,
    method: str = "GET",
) -> Route:
    """Return the route of one path: it checks the token first, answers failures as JSON, and counts every status."""

    async def endpoint(request: Request) -> Response:
        status, headers = 200, {}
        request.state.budget, request.state.acquired = budget, 0
        try:
            if not _is_authorized(request, context.token):
                raise _Refusal(401, "The GPU host requires a token.", "Set MAGPIE_EMBED__TOKEN as on the host.")
            body: BaseModel = await answer(request)
        except _Refusal as refusal:
            status, body = refusal.status, refusal.failure
        except EmbedderBusy as error:
            status, body, headers = 503, _failure(error), {"retry-after": str(_RETRY_SECONDS)}
        except ClientDisconnect:
            status, body = 400, ErrorBody(error="The request was aborted.")
        except MagpieError as error:
            status, body = 500, _failure(error)
        finally:
            budget.release(request.state.acquired)
        context.metrics.answered(path, status)
        return Response(body.model_dump_json(), status, headers, _JSON)

    return Route(path, endpoint, methods=[method])


def _page_routes(context: AppContext, budget: _ByteBudget, limit: int) -> list[Route]:
    """Return the routes of late interaction. Without a model they answer 501."""

    async def identity(_: Request) -> BaseModel:
        return _pages(context).identity

    async def pages(request: Request) -> BaseModel:
        sent = await _read_pictures(request, limit)
        return await asyncio.wrap_future(_pages(context).embed_pages(sent))

    async def question(request: Request) -> BaseModel:
        sent = await _read_json(request, Texts)
        return await asyncio.wrap_future(_pages(context).embed_question(" ".join(sent.texts)))

    return [
        _route(context, "/pages/identity", identity, budget),
        _route(context, "/pages", pages, budget, "POST"),
        _route(context, "/pages/question", question, budget, "POST"),
    ]


def _leases(context: AppContext) -> Leases:
    if context.leases is None:
        raise _Refusal(409, "A host with replicas does not lease its GPUs.", "Set MAGPIE_EMBED__OFFLOAD=false.")
    return context.leases


def _pages(context: AppContext) -> PageServing:
    if context.pages is None:
        raise _Refusal(
            501,
            "The model server has no late-interaction model.",
            "Set MAGPIE_PAGE_IMAGES__MODEL on its machine, and start `magpie embedder` again.",
        )
    return context.pages


async def _embed_pictures(context: AppContext, sent: Sequence[bytes]) -> Vectors:
    """Return the vectors. A picture that is too large or cannot be decoded is refused; the others are embedded."""
    limit = context.identity.max_mb
    refused = [
        RejectedPicture(index=index, reason=f"The picture is larger than {limit} MB.")
        for index, picture in enumerate(sent)
        if len(picture) > limit << 20
    ]
    fitting = [index for index, picture in enumerate(sent) if len(picture) <= limit << 20]
    futures = context.batcher.submit_pictures([sent[index] for index in fitting])
    results = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
    vectors: list[Vector] = []
    for index, result in zip(fitting, results, strict=True):
        if isinstance(result, Unreadable):
            refused.append(RejectedPicture(index=index, reason=str(result)))
        elif isinstance(result, BaseException):
            raise result
        else:
            vectors.append(result)
    context.metrics.refused(len(refused))
    return Vectors.of(context.identity.identity, context.identity.dim, vectors, refused)


def _is_authorized(request: Request, token: str) -> bool:
    """Return whether the request has the token. Compared in constant time, so that timing reveals nothing."""
    given = request.headers.get("authorization", "").encode("latin-1")  # the bytes as received
    return not token or hmac.compare_digest(given, f"Bearer {token}".encode())


def _failure(error: MagpieError) -> ErrorBody:
    return ErrorBody(error=str(error), hint=error.hint)


async def _read_body(request: Request, kind: str, limit: int) -> bytes:
    if request.headers.get("content-type", "").split(";")[0].strip() != kind:
        raise _Refusal(415, f"The content type must be {kind}.")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _Refusal(413, f"The request is larger than {limit >> 20} MB.", "Send fewer at a time.")
        request.state.budget.acquire(len(part))
        request.state.acquired = size
        parts.append(part)
    return b"".join(parts)


async def _read_pictures(request: Request, limit: int) -> list[bytes]:
    body = await _read_body(request, PICTURES_TYPE, limit)
    try:
        return unpack_pictures(body)
    except ValueError as error:
        raise _Refusal(400, f"The pictures cannot be unpacked: {error}.") from error


async def _read_json(request: Request, shape: type[_Shape]) -> _Shape:
    body = await _read_body(request, _JSON, BODY_MB << 20)
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _Refusal(422, f"The request is invalid at {where or 'its start'}: {first['msg']}.") from error
