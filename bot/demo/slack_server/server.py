"""The HTTP server of a workspace: on a loopback port, in its own thread, able to stop and start on the same port."""

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

from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.api import Api
from bot.demo.slack_server.broken_responses import ABORT_KEY
from bot.demo.slack_server.downloads import Downloads
from bot.demo.slack_server.host_guard import HostGuard
from bot.demo.slack_server.page import BrowserPage
from bot.demo.slack_server.socket import serve_connection
from bot.demo.slack_server.state import Json
from bot.slack.bodies import TooLarge
from bot.slack.connection_limits import ConnectionLimits, limited

HOST = "127.0.0.1"


class Server:
    """`features` is what the page shows of the app's manifest."""

    def __init__(self, context: Context, port: int, features: Json) -> None:
        self._context = context
        # Bind without listening, so that no other process takes the port while the server is stopped.
        if port:
            # With SO_REUSEPORT two workspaces could share a port. Binding once without it fails if the port is taken.
            _bind(port, reuse_port=False).close()
        self._reserved = _bind(port)
        self._port = int(self._reserved.getsockname()[1])
        context.state.host = f"{HOST}:{self._port}"
        self.page = BrowserPage(context, self._port, features)
        self._running: _UvicornServer | None = None
        self._thread: Thread | None = None

    def start(self) -> None:
        if self._running is not None:
            return
        listening = _bind(self._port)
        listening.listen(128)
        running = _UvicornServer(HostGuard(_app(self._context, self.page), self._port))
        thread = Thread(target=running.run, args=([listening],), name="workspace", daemon=True)
        thread.start()
        running.ready.result(30)
        self._running, self._thread = running, thread

    def stop(self) -> None:
        """Drop every connection and refuse new ones."""
        if self._running is None or self._thread is None:
            return
        self._running.request_stop()
        self._thread.join(30)
        self._running = self._thread = None

    def drop_connections(self) -> None:
        """Drop every connection without a close frame."""
        if self._running is not None:
            self._running.drop_connections()

    def close(self) -> None:
        self.stop()
        self._reserved.close()


def _bind(port: int, reuse_port: bool = True) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT") and reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


def routes(context: Context, page: BrowserPage) -> list[BaseRoute]:
    """Return every route of the server."""
    api, downloads = Api(context), Downloads(context)

    async def socket_mode(websocket: WebSocket) -> None:
        await serve_connection(context, websocket)

    return [
        Route("/api/{method}", api.call, methods=["GET", "POST"]),
        Route("/upload/{file_id}/{ticket}", api.upload, methods=["POST"]),
        Route("/response/{ticket}", api.respond, methods=["POST"]),
        Route("/files-pri/{ids}/download/{name}", downloads.fetch),
        Route("/files-pri/{ids}/{name}", downloads.fetch),
        Route("/files-tmb/{ids}/{name}", downloads.fetch),
        Route("/login", downloads.login),
        WebSocketRoute("/link", socket_mode),
        WebSocketRoute("/link/", socket_mode),
        page.route,
    ]


def _app(context: Context, page: BrowserPage) -> ASGIApp:
    refusals = {ClientDisconnect: _client_disconnected, TooLarge: _too_large}
    return Starlette(routes=routes(context, page), exception_handlers=refusals)


def _client_disconnected(_: Request, __: Exception) -> Response:
    """Handle a bot that disconnects in the middle of a call. Not an error of this server."""
    return Response(status_code=400)


def _too_large(_: Request, __: Exception) -> Response:
    return Response("The body is too large.", 413, media_type="text/plain")


class _UvicornServer(uvicorn.Server):
    """uvicorn without its polling loop, and able to drop connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = app
        config = uvicorn.Config(
            self._serve_request,
            interface="asgi3",
            proxy_headers=False,
            http=limited(ConnectionLimits()),
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            # The SDK's client cannot close while it waits in a read (3 s). A ping wakes it.
            ws_ping_interval=0.25,
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        super().__init__(config)
        self.ready: Future[None] = Future()

    def request_stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)

    def drop_connections(self) -> None:
        self._loop.call_soon_threadsafe(self._abort, None)

    async def main_loop(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self.ready.set_result(None)
        await self._stopping.wait()

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

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ABORT_KEY] = lambda: self._abort(scope["client"])
        await self._inner(scope, receive, send)
