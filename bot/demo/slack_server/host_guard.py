"""Who reaches the workspace's server: this machine under its own name, and on the bot's addresses no browser at all.

What a stranger's page in a browser, or another user of this machine, would need besides is a secret: every address that
answers or does something has one, in a token or in a part of the address that cannot be guessed.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = "/page/"
"""The one part that a browser asks for; its own door checks what comes from other sites."""

API_BYTES = 4 << 20
"""Of a call's arguments, which come before the token is known; Slack's longest message is a tenth of this."""

UPLOAD_BYTES = 250 << 20
"""Of one file; more than Magpie reads by default."""


def own_hosts(port: int) -> Collection[str]:
    """Return the Host headers that this server answers to."""
    return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})


class Gate:
    """Refuse with 421 a Host that is not ours (DNS rebinding), and with 403 a browser where the bot should be."""

    def __init__(self, inner: ASGIApp, port: int) -> None:
        self._inner = inner
        # slack_sdk opens its socket without the port in its Host header.
        self._hosts = {*own_hosts(port), "127.0.0.1", "localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = HTTPConnection(scope).headers
        from_browser = "origin" in headers or "sec-fetch-site" in headers
        status, refused = 0, ""
        if headers.get("host") not in self._hosts:
            status, refused = 421, "This workspace answers at 127.0.0.1 alone."
        elif from_browser and not scope["path"].startswith(PAGE):
            status, refused = 403, "This address is the bot's, and answers no web page."
        if not refused:
            await self._inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(refused, status)(scope, receive, send)


class TooLarge(Exception):
    """A body that is larger than its address takes."""


async def body_within(request: Request, limit: int) -> bytes:
    """Return the request's body. Raise TooLarge as soon as it is known to have more than `limit` bytes."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told[:18]) > limit:
        raise TooLarge
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise TooLarge
    return bytes(body)
