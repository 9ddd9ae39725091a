"""Read the bodies of requests that strangers may send, up to a limit."""

from __future__ import annotations

from starlette.requests import Request


class TooLarge(Exception):
    """A request body over the limit of its address."""


async def body_within(request: Request, limit: int) -> bytes:
    """Return the request's body. Raise TooLarge as soon as it is known to exceed `limit` bytes."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:18]) > limit:
        raise TooLarge
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise TooLarge
    return bytes(body)
