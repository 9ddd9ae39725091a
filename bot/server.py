"""What Magpie serves over HTTP: /health, and in HTTP mode the address Slack sends events to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette import SlackRequestHandler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag import BadSetting

EVENTS_PATH = "/slack/events"
HEALTH_PATH = "/health"

Health = Callable[[], Mapping[str, object]]


_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that a proxy sets: who asks is then not on this machine, though the proxy may be."""


def build_server(health: Health, app: App | None) -> Starlette:
    """`health` gives what is told under HEALTH_PATH; its "ok" decides between 200 and 503. `app`: HTTP mode.

    Only this machine is told the rest: to Slack's side of the port Magpie is well or not, and nothing else.
    """

    def tell(request: Request) -> Response:
        told = health()
        shown = dict(told) if _from_here(request) else {"ok": told["ok"]}
        return JSONResponse(shown, 200 if told["ok"] else 503)

    routes = [Route(HEALTH_PATH, tell)]
    if app is not None:
        handler = SlackRequestHandler(app)

        async def events(request: Request) -> Response:
            answered: Response = await handler.handle(request)
            return answered

        routes.append(Route(EVENTS_PATH, events, methods=["POST"]))
    return Starlette(routes=routes)


def _from_here(request: Request) -> bool:
    """Whether this machine itself asks. What cannot be told counts as no."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:  # no address: a socket's name, or what a proxy made up
        return False


@contextmanager
def serving(server: Starlette, host: str, port: int) -> Iterator[int]:
    """The server in a thread of its own while the `with` lasts; yields its port. Raise BadSetting when it is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise BadSetting(f"Port {port} cannot be used: {error.strerror}.", "Choose another port.") from error
    # Nobody's word is taken for where a request came from: `proxy_headers` would, and who asks could then lie.
    config = uvicorn.Config(
        server,
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
