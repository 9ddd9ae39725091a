"""The server side of one Socket Mode connection."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.demo.slack_server.actions import Context


class QueuedConnection:
    """A queue of frames that any thread fills and the server's event loop sends."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, frame: str) -> None:
        self._put(frame)

    def close(self) -> None:
        self._put(None)

    def _put(self, frame: str | None) -> None:
        # The loop raises RuntimeError once the server has stopped; the connection is closed then.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.frames.put_nowait, frame)


async def serve_connection(context: Context, websocket: WebSocket) -> None:
    """Send frames and receive acknowledgements until the client disconnects. Each ticket opens one connection."""
    ticket = websocket.query_params.get("ticket", "")
    if ticket not in context.state.tickets:
        await websocket.close()
        return
    context.state.tickets.discard(ticket)
    await websocket.accept()
    connection = QueuedConnection()
    context.delivery.add_connection(connection)
    sending = asyncio.create_task(_send_frames(connection, websocket))
    try:
        async for text in websocket.iter_text():
            _receive(context, text)
    finally:
        context.delivery.remove_connection(connection)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def _send_frames(connection: QueuedConnection, websocket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while (frame := await connection.frames.get()) is not None:
            await websocket.send_text(frame)
        await websocket.close()


def _receive(context: Context, text: str) -> None:
    with suppress(json.JSONDecodeError):
        frame = json.loads(text)
        if isinstance(frame, dict) and "envelope_id" in frame:
            payload = frame.get("payload")
            context.delivery.acknowledge(frame["envelope_id"], payload if isinstance(payload, dict) else {})
