"""Responses that fail on purpose: the connection is dropped, or the body stalls halfway."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

ABORT_KEY = "magpie.abort"
"""Key in the request scope under which the server puts the function that aborts this connection."""


class DroppedConnection(Response):
    """Drop the connection. With a `body`, announce its full length and send only the first half."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.body:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            half = bytes(self.body)[: len(self.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
        scope[ABORT_KEY]()
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()


class StallingResponse(Response):
    """The whole body, with a pause of `pause` seconds in the middle."""

    def __init__(self, content: bytes, media_type: str, pause: float) -> None:
        super().__init__(content, media_type=media_type)
        self._pause = pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        middle = len(self.body) // 2
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[:middle], "more_body": True})
        await asyncio.sleep(self._pause)
        await send({"type": "http.response.body", "body": bytes(self.body)[middle:]})
