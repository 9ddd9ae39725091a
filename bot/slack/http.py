"""Magpie's HTTP server: /health, /ready, /metrics and, in HTTP mode, the endpoint for Slack's events."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

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
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Health = Callable[[], Mapping[str, object]]


def build_server(
    checks: Mapping[str, Health],
    app: App | None = None,
    secret: str = "",
    metrics: Callable[[], bytes] | None = None,
) -> Starlette:
    """Return the ASGI app. In HTTP mode, `app` handles requests that are signed with `secret`.

    Each path of `checks` returns only the check's `ok`, with status 200 or 503, even to local requests: behind a
    reverse proxy every request is local, and not every proxy adds a header that shows its origin. `metrics` is the page
    /metrics; do not give it to a server that strangers reach.
    """

    def route(path: str, check: Health) -> Route:
        def respond(_: Request) -> Response:
            ok = bool(check()["ok"])
            return JSONResponse({"ok": ok}, 200 if ok else 503)

        return Route(path, respond)

    routes = [route(path, check) for path, check in checks.items()]
    if metrics is not None:
        page = metrics

        def show(_: Request) -> Response:
            return Response(page(), media_type=METRICS_TYPE)

        routes.append(Route("/metrics", show))
    if app is not None:

        async def events(request: Request) -> Response:
            return await answer_signed(request, app, secret)

        routes.append(Route(EVENTS_PATH, events, methods=["POST"]))
    return Starlette(routes=routes)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def serving(
    server: ASGIApp,
    host: str,
    port: int,
    limits: ConnectionLimits | None = None,
    lifespan: Literal["on", "off"] = "off",
) -> Iterator[int]:
    """Run the server in its own thread for the `with` block and yield its port. Raise BadSetting if it is in use.

    `lifespan`: "on" if the app has something to open and close.
    """
    limits = limits or ConnectionLimits()
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise BadSetting(
            f"Port {port} cannot be used: {error.strerror or error}.", "Choose another port, or another address."
        ) from error
    # With `proxy_headers`, uvicorn would trust a header that any client can set.
    config = uvicorn.Config(
        server,
        http=limited(limits),
        timeout_keep_alive=limits.idle_seconds,
        h11_max_incomplete_event_size=limits.head_bytes,
        log_config=None,
        log_level="warning",
        lifespan=lifespan,
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
