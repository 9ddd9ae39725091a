"""Magpie's HTTP server: /health and, in HTTP mode, the endpoint for Slack's events."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import uvicorn
from slack_bolt import App
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.slack.connection_limits import ConnectionLimits, limited
from bot.slack.signatures import answer_signed
from rag import BadSetting

EVENTS_PATH = "/slack/events"
HEALTH_PATH = "/health"

Health = Callable[[], Mapping[str, object]]


def build_server(health: Health, app: App | None, secret: str = "") -> Starlette:
    """Return the ASGI app. In HTTP mode, `app` handles requests that are signed with `secret`.

    /health returns only `health()["ok"]`, with status 200 or 503, even to local requests: behind a reverse proxy every
    request is local, and not every proxy adds a header that shows its origin.
    """

    def respond(_: Request) -> Response:
        ok = bool(health()["ok"])
        return JSONResponse({"ok": ok}, 200 if ok else 503)

    routes = [Route(HEALTH_PATH, respond)]
    if app is not None:

        async def events(request: Request) -> Response:
            return await answer_signed(request, app, secret)

        routes.append(Route(EVENTS_PATH, events, methods=["POST"]))
    return Starlette(routes=routes)


@contextmanager
def serving(server: ASGIApp, host: str, port: int, limits: ConnectionLimits | None = None) -> Iterator[int]:
    """Run the server in its own thread for the `with` block and yield its port. Raise BadSetting if it is in use."""
    limits = limits or ConnectionLimits()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise BadSetting(f"Port {port} cannot be used: {error.strerror}.", "Choose another port.") from error
    # With `proxy_headers`, uvicorn would trust a header that any client can set.
    config = uvicorn.Config(
        server,
        http=limited(limits),
        timeout_keep_alive=limits.idle_seconds,
        h11_max_incomplete_event_size=limits.head_bytes,
        log_config=None,
        log_level="warning",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, name="http")
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        running.should_exit = True
        thread.join()
        listening.close()
