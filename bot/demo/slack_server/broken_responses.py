"""Answers that break: the connection is cut before, or in the middle of, the body."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

CUT = "magpie.cut"
"""Where the server leaves, in a request's scope, what cuts its connection."""


class CutOff(Response):
    """Nothing at all; or, with a `body`, its first half under the length of the whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.body:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            half = bytes(self.body)[: len(self.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
        scope[CUT]()
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()


class Halting(Response):
    """The whole body, with a pause in the middle."""

    pause: float = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        middle = len(self.body) // 2
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[:middle], "more_body": True})
        await asyncio.sleep(self.pause)
        await send({"type": "http.response.body", "body": bytes(self.body)[middle:]})
