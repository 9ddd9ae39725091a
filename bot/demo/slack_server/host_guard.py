"""Checks on every request: only this machine's host names, no browser on the bot's addresses, bounded bodies.

Every address that answers or changes something also needs a secret: a token, or a part of its path that cannot be
guessed. Web pages of other sites and other users of this machine can reach the port, but do not know the secrets.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = "/page/"
"""The only prefix a browser may request; page/auth.py checks the origin there."""

API_BYTES = 4 << 20
"""Limit for the arguments of a call, which are read before the token is known. Slack's longest message is a tenth."""

UPLOAD_BYTES = 250 << 20
"""Limit for one file. Larger than what Magpie reads by default."""


def own_hosts(port: int) -> Collection[str]:
    """Return the Host headers that this server answers to."""
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})


class HostGuard:
    """Refuse foreign Host headers with 421 (DNS rebinding), and browsers on the bot's addresses with 403."""

    def __init__(self, inner: ASGIApp, port: int) -> None:
        self._inner = inner
        # slack_sdk opens its WebSocket with a Host header without the port.
        self._hosts = {*own_hosts(port), "127.0.0.1", "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = HTTPConnection(scope).headers
        from_browser = "origin" in headers or "sec-fetch-site" in headers
        status, refused = 0, ""
        if headers.get("host") not in self._hosts:
            status, refused = 421, "This workspace only answers at 127.0.0.1."
        elif from_browser and not scope["path"].startswith(PAGE):
            status, refused = 403, "This address is for the bot. It does not answer web pages."
        if not refused:
            await self._inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(refused, status)(scope, receive, send)
