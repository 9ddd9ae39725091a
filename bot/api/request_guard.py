"""Checks on every request of other tools: for this server, not from another site's page, and with a valid token."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.api.api import Api
from bot.api.call_limits import TooManyCalls
from bot.api.models import ErrorDetail, ErrorResponse
from bot.api.tokens import TokenRefused
from rag import LoopbackOnly, MagpieError, NotFound, OperatorMustAct, TryAgain, UserCanFix

if TYPE_CHECKING:
    from bot.db.api_tokens import ApiToken

TOKEN = "magpie.token"
"""Key of the caller's token in the ASGI scope."""

_RETRY_SECONDS = 10


def error_response(error: MagpieError) -> JSONResponse:
    """Return an error with its HTTP status. What only the operator can mend is not described to others."""
    headers = {}
    match error:
        case TokenRefused():
            status, code = 401, "token_refused"
            headers["www-authenticate"] = "Bearer"
        case TooManyCalls():
            status, code = 429, "too_many_calls"
            headers["retry-after"] = str(max(1, round(error.seconds)))
        case NotFound():
            status, code = 404, "not_found"
        case UserCanFix():
            status, code = 422, "unusable"
        case TryAgain():
            status, code = 503, "try_again"
            headers["retry-after"] = str(_RETRY_SECONDS)
        case _:
            return refusal(503, "out_of_order", *describe(error))
    return refusal(status, code, *describe(error), headers)


def describe(error: MagpieError) -> tuple[str, str]:
    """Return what happened and what to do, as the caller may read it."""
    if isinstance(error, OperatorMustAct):
        return "Magpie can't answer now.", "Its operator has to act: ask them to run magpie doctor."
    return str(error), error.hint


def refusal(
    status: int, code: str, message: str, hint: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    content = ErrorResponse(error=ErrorDetail(code=code, message=message, hint=hint))
    return JSONResponse(content.model_dump(), status, headers)


class SiteGuard:
    """Middleware that refuses requests for other hosts (421, DNS rebinding) and from pages of other sites (403)."""

    def __init__(self, inner: ASGIApp, names: Collection[str]) -> None:
        """`names`: host names beside those of this machine, as a reverse proxy passes them on."""
        self._inner = inner
        self._local = LoopbackOnly(inner, "For another host name, set SLACK_TOOLS_HOSTS.")
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins, hosts = headers.getlist("origin"), headers.getlist("host")
        if any(not _is_same_site(origin, hosts) for origin in origins):
            refused = refusal(403, "other_site", "Pages of other sites may not call Magpie.")
            await refused(scope, receive, send)
        elif len(hosts) == 1 and _name_of(hosts[0]) in self._names:
            await self._inner(scope, receive, send)
        else:
            await self._local(scope, receive, send)


def _is_same_site(origin: str, hosts: list[str]) -> bool:
    return [_site_of(origin)] == [host.lower() for host in hosts]


def _site_of(origin: str) -> str | None:
    """Return the host and port of an origin of the web; None for any other."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") else None


def _name_of(host: str) -> str:
    return host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()


class TokenGuard:
    """Middleware that requires a valid token and counts calls, before any part of a body is read."""

    def __init__(self, inner: ASGIApp, api: Api) -> None:
        self._inner = inner
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).getlist("authorization")
        try:
            token = await run_in_threadpool(self._api.authenticate, given[0] if len(given) == 1 else "")
            with self._api.calling(token):
                await self._inner({**scope, TOKEN: token}, receive, send)
        except (TokenRefused, TooManyCalls) as error:
            await error_response(error)(scope, receive, send)


def token_of(scope: Any) -> ApiToken:
    """Return the caller's token, which TokenGuard put there."""
    token: ApiToken = scope[TOKEN]
    return token
