"""Access to the page: only from this machine, with the secret, and not from another site's page."""

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
"""No resources from other hosts, nothing inline, and no text parsed as markup."""


class PageAuth:
    """Refuse foreign Host headers with 421 (DNS rebinding), other sites' pages with 403, a wrong secret with 404."""

    def __init__(self, inner: ASGIApp, port: int) -> None:
        self._inner = inner
        self._hosts = own_hosts(port)
        self.token = token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`scope` comes from a Mount whose path contains `{token}`."""
        connection = HTTPConnection(scope)
        host, origin = connection.headers.get("host", ""), connection.headers.get("origin")
        refused = ""
        if host not in self._hosts:
            status, refused = 421, "This workspace only answers at 127.0.0.1."
        elif origin is not None and urlsplit(origin).netloc != host:
            status, refused = 403, "This workspace does not answer pages of other sites."
        elif not hmac.compare_digest(str(scope["path_params"]["token"]).encode(), self.token.encode()):
            status, refused = 404, "Not found. Use the address that `magpie demo` printed when it started."
        if not refused:
            await self._inner(scope, receive, _add_headers(headers(host), send) if scope["type"] == "http" else send)
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


def _add_headers(defaults: Mapping[str, str], send: Send) -> Send:
    """Add headers that the response does not set itself."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name for name, _ in message["headers"]}
            added = [
                (name.encode(), value.encode()) for name, value in defaults.items() if name.encode() not in present
            ]
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return send_with_headers
