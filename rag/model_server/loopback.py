"""A guard for servers that only this machine may reach: the Host header has to name this machine.

Listening on the loopback keeps other machines out, but not their web pages. A page can let its own name point to
127.0.0.1 (DNS rebinding), and the browser then treats this server as part of that page's site. The Host header still
has the page's name.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class LoopbackOnly:
    """Middleware that answers 421 unless the Host header is `localhost` or a loopback address, with any port."""

    def __init__(self, inner: ASGIApp, remedy: str) -> None:
        """`remedy` is a sentence that says how another name can be used."""
        self._inner = inner
        self._remedy = remedy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or names_loopback(Headers(scope=scope).getlist("host")):
            await self._inner(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refused = PlainTextResponse(f"This server accepts requests from this machine only. {self._remedy}", 421)
            await refused(scope, receive, send)


def names_loopback(hosts: list[str]) -> bool:
    """Return whether there is one Host header and it names this machine without DNS."""
    if len(hosts) != 1:
        return False
    try:
        parts = urlsplit(f"//{hosts[0]}")
        name, _ = parts.hostname or "", parts.port  # an invalid port raises
    except ValueError:
        return False
    if parts.netloc != hosts[0] or "@" in hosts[0]:
        return False
    if name.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
