"""The workspace on a port of the loopback, in a thread of its own; may stop and start again on the same port."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from bot.demo.slack_server import interactions
from bot.demo.slack_server.actions import Stage
from bot.demo.slack_server.api import Api
from bot.demo.slack_server.broken_responses import CUT
from bot.demo.slack_server.downloads import Downloads
from bot.demo.slack_server.host_guard import Gate, TooLarge
from bot.demo.slack_server.page import Page
from bot.demo.slack_server.socket import serve_link
from bot.demo.slack_server.state import Json
from bot.slack.connection_limits import Limits, limited

HOST = "127.0.0.1"


class Server:
    """`features`: what the app's manifest brings to the page."""

    def __init__(self, stage: Stage, port: int, features: Json) -> None:
        self._stage = stage
        # Bound and not listening: nobody else gets the port while the server is stopped.
        if port:
            # Another workspace of ours would share the port with us; alone, we are refused as we should be.
            _bound(port, alone=True).close()
        self._kept = _bound(port)
        self._port = int(self._kept.getsockname()[1])
        stage.world.host = f"{HOST}:{self._port}"
        self.page = Page(stage, self._port, features)
        stage.delivery.on_reply = lambda envelope: interactions.replied(stage, envelope)
        self._running: _Uvicorn | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        if self._running is not None:
            return
        listening = _bound(self._port)
        listening.listen(128)
        running = _Uvicorn(Gate(_app(self._stage, self.page), self._port))
        thread = Thread(target=running.run, args=([listening],), name="workspace", daemon=True)
        thread.start()
        running.ready.result(30)
        self._running, self._thread = running, thread

    def stop(self) -> None:
        """Refuse and drop every connection."""
        if self._running is None or self._thread is None:
            return
        self._running.end()
        self._thread.join(30)
        self._running = self._thread = None

    def cut(self) -> None:
        if self._running is not None:
            self._running.cut()

    def close(self) -> None:
        self.stop()
        self._kept.close()


def _bound(port: int, alone: bool = False) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT") and not alone:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


def routes(stage: Stage, page: Page) -> list[BaseRoute]:
    """Return everything that the server answers."""
    api, downloads = Api(stage), Downloads(stage)

    async def link(websocket: WebSocket) -> None:
        await serve_link(stage, websocket)

    return [
        Route("/api/{method}", api.call, methods=["GET", "POST"]),
        Route("/upload/{file_id}/{ticket}", api.upload, methods=["POST"]),
        Route("/response/{ticket}", api.respond, methods=["POST"]),
        Route("/files-pri/{ids}/download/{name}", downloads.fetch),
        Route("/files-pri/{ids}/{name}", downloads.fetch),
        Route("/files-tmb/{ids}/{name}", downloads.fetch),
        Route("/login", downloads.login),
        WebSocketRoute("/link", link),
        WebSocketRoute("/link/", link),
        page.route,
    ]


def _app(stage: Stage, page: Page) -> ASGIApp:
    refusals = {ClientDisconnect: _gone, TooLarge: _too_large}
    return Starlette(routes=routes(stage, page), exception_handlers=refusals)


def _gone(_: Request, __: Exception) -> Response:
    """A bot that is killed in the middle of a call gets no answer, and is no error of this server's."""
    return Response(status_code=400)


def _too_large(_: Request, __: Exception) -> Response:
    return Response("The body is too large.", 413, media_type="text/plain")


class _Uvicorn(uvicorn.Server):
    """Without the ticks and pauses of uvicorn's own loop, and able to cut a connection in the middle."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = app
        config = uvicorn.Config(
            self._served,
            interface="asgi3",
            proxy_headers=False,
            http=limited(Limits()),
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            # The SDK's client cannot close while it waits in a read (3 s): a ping wakes it.
            ws_ping_interval=0.25,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        super().__init__(config)
        self.ready: Future[None] = Future()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)

    def cut(self) -> None:
        self._loop.call_soon_threadsafe(self._abort, None)

    async def main_loop(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self.ready.set_result(None)
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        self._abort(None)
        tasks = [task for task in self.server_state.tasks if not task.done()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=0.2)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _abort(self, client: object) -> None:
        for connection in list(self.server_state.connections):
            if client is None or getattr(connection, "client", None) == client:
                connection.transport.abort()

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[CUT] = lambda: self._abort(scope["client"])
        await self._inner(scope, receive, send)
