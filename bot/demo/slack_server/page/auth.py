"""Who gets in: requests to this machine's own address that know the secret, from no other site's page."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from secrets import token_urlsafe
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.demo.slack_server.host_guard import own_hosts

CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob:",
    "connect-src": "'self' ws://{host}",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""Nothing from elsewhere, nothing inline, and no text is ever made into markup."""


class Door:
    """Refuses with 421 a Host that is not ours (DNS rebinding), with 403 another site's page, with 404 the rest."""

    def __init__(self, inner: ASGIApp, port: int) -> None:
        self._inner = inner
        self._hosts = own_hosts(port)
        self.token = token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`scope` comes from a Mount at a path with `{token}` in it."""
        connection = HTTPConnection(scope)
        host, origin = connection.headers.get("host", ""), connection.headers.get("origin")
        refused = ""
        if host not in self._hosts:
            status, refused = 421, "This workspace answers at 127.0.0.1 alone."
        elif origin is not None and urlsplit(origin).netloc != host:
            status, refused = 403, "This workspace answers no other site's page."
        elif not hmac.compare_digest(str(scope["path_params"]["token"]).encode(), self.token.encode()):
            status, refused = 404, "Not found. The address is the one that `magpie demo` printed when it started."
        if not refused:
            await self._inner(scope, receive, _with(headers(host), send) if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(refused, status)(scope, receive, send)


def headers(host: str) -> dict[str, str]:
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in CSP.items()).format(host=host),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }


def _with(more: Mapping[str, str], send: Send) -> Send:
    """What an answer sets itself stays."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            has = {name for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in more.items() if name.encode() not in has]
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return sending
