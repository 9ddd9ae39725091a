"""Live updates over one WebSocket: each carries what has changed since the one before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.demo.slack_server.page.visibility import ImageSizes, visible_entries
from bot.demo.slack_server.state import Json, Person, State
from bot.demo.slack_server.trace import Trace

BATCH_SECONDS = 0.03
"""Changes within this time are sent as one update, so that a burst of calls is drawn once."""

NextUpdate = Callable[[], Json | None]
"""Return what has changed since the last call, or None."""


class PersonView:
    """What one person sees, as differences from the last update."""

    def __init__(
        self, state: State, person: Person, image_sizes: ImageSizes, extra: Callable[[], dict[str, Json]]
    ) -> None:
        self._state, self._person, self._image_sizes, self._extra = state, person, image_sizes, extra
        self._last: dict[str, str] | None = None

    def __call__(self) -> Json | None:
        with self._state.changed:
            entries = visible_entries(self._state, self._person, self._image_sizes) | self._extra()
            now = {key: _dump(value) for key, value in entries.items()}
        before, self._last = self._last, now
        if before is None:
            return {"whole": True, "set": {key: json.loads(line) for key, line in now.items()}, "gone": []}
        changed = {key: json.loads(line) for key, line in now.items() if before.get(key) != line}
        gone = [key for key in before if key not in now]
        return {"whole": False, "set": changed, "gone": gone} if changed or gone else None


class TraceTail:
    """The records of the trace that are new or have changed."""

    def __init__(self, state: State, trace: Trace) -> None:
        self._state, self._trace = state, trace
        self._version = 0

    def __call__(self) -> Json | None:
        with self._state.changed:
            records = self._trace.changed_since(self._version)
            self._version = self._trace.version
            return json.loads(_dump({"records": records})) if records else None


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


async def serve(state: State, websocket: WebSocket, next_update: NextUpdate) -> None:
    """Send updates until the page disconnects or the server stops."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def notify() -> None:
        # The loop raises RuntimeError once the server has stopped; the connection is closed then.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(changed.set)

    await websocket.accept()
    with state.changed:
        state.changed.listeners.append(notify)
    sending = asyncio.create_task(_send_updates(websocket, next_update, changed))
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        with state.changed:
            state.changed.listeners.remove(notify)
        sending.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await sending


async def _send_updates(websocket: WebSocket, next_update: NextUpdate, changed: asyncio.Event) -> None:
    while True:
        changed.clear()
        update = next_update()
        if update is not None:
            await websocket.send_text(json.dumps(update, ensure_ascii=False))
        await changed.wait()
        await asyncio.sleep(BATCH_SECONDS)
