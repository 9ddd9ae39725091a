"""What changes, as it changes: over one WebSocket, only what is new since the last word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.demo.slack_server.page.visibility import Sizes, seen
from bot.demo.slack_server.state import Json, Person, World
from bot.demo.slack_server.trace import Trace

GATHER = 0.03
"""Seconds in which changes are gathered into one word: a burst of calls is drawn once."""

Look = Callable[[], Json | None]
"""What is new since the last call; None: nothing."""


class View:
    """One person's view, compared with what was told before."""

    def __init__(self, world: World, person: Person, sizes: Sizes, more: Callable[[], dict[str, Json]]) -> None:
        self._world, self._person, self._sizes, self._more = world, person, sizes, more
        self._told: dict[str, str] | None = None

    def __call__(self) -> Json | None:
        with self._world.changed:
            now = {key: _line(value) for key, value in (seen(*self._asked) | self._more()).items()}
        before, self._told = self._told, now
        if before is None:
            return {"whole": True, "set": {key: json.loads(line) for key, line in now.items()}, "gone": []}
        fresh = {key: json.loads(line) for key, line in now.items() if before.get(key) != line}
        gone = [key for key in before if key not in now]
        return {"whole": False, "set": fresh, "gone": gone} if fresh or gone else None

    @property
    def _asked(self) -> tuple[World, Person, Sizes]:
        return self._world, self._person, self._sizes


class Tail:
    """The trace, record by record, each again when it changes."""

    def __init__(self, world: World, trace: Trace) -> None:
        self._world, self._trace = world, trace
        self._version = 0

    def __call__(self) -> Json | None:
        with self._world.changed:
            records = self._trace.changed_since(self._version)
            self._version = self._trace.version
            return json.loads(_line({"records": records})) if records else None


def _line(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


async def serve(world: World, websocket: WebSocket, look: Look) -> None:
    """Until the page goes away or the server stops."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def heard() -> None:
        # After the server stopped its loop is closed, and so is the connection.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(changed.set)

    await websocket.accept()
    with world.changed:
        world.changed.heard.append(heard)
    telling = asyncio.create_task(_tell(websocket, look, changed))
    try:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        with world.changed:
            world.changed.heard.remove(heard)
        telling.cancel()
        with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await telling


async def _tell(websocket: WebSocket, look: Look, changed: asyncio.Event) -> None:
    while True:
        changed.clear()
        word = look()
        if word is not None:
            await websocket.send_text(json.dumps(word, ensure_ascii=False))
        await changed.wait()
        await asyncio.sleep(GATHER)
