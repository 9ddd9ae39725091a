"""Socket Mode's other end: one open WebSocket."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.demo.slack_server.actions import Stage


class OpenLink:
    """Frames wait here for the loop of the server, whatever thread they come from."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, frame: str) -> None:
        self._put(frame)

    def close(self) -> None:
        self._put(None)

    def _put(self, frame: str | None) -> None:
        # After the server stopped its loop is closed, and so is the connection.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.frames.put_nowait, frame)


async def serve_link(stage: Stage, websocket: WebSocket) -> None:
    ticket = websocket.query_params.get("ticket", "")
    if ticket not in stage.world.tickets:
        await websocket.close()
        return
    stage.world.tickets.discard(ticket)
    await websocket.accept()
    link = OpenLink()
    stage.delivery.opened(link)
    sending = asyncio.create_task(_send(link, websocket))
    try:
        async for text in websocket.iter_text():
            _received(stage, text)
    finally:
        stage.delivery.closed(link)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def _send(link: OpenLink, websocket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while (frame := await link.frames.get()) is not None:
            await websocket.send_text(frame)
        await websocket.close()


def _received(stage: Stage, text: str) -> None:
    with suppress(json.JSONDecodeError):
        frame = json.loads(text)
        if isinstance(frame, dict) and "envelope_id" in frame:
            payload = frame.get("payload")
            stage.delivery.acked(frame["envelope_id"], payload if isinstance(payload, dict) else {})
