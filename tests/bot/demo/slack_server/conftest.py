"""A workspace per test, and real slack_bolt and slack_sdk clients connected to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from websockets.sync.client import ClientConnection, connect

from bot.demo.slack_server import Workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.support.slack_workspace import without_proxies, workspace_fixture

ws = workspace_fixture(scopes=SCOPES, events=EVENTS)


@pytest.fixture(autouse=True, scope="package")
def _no_proxy() -> Iterator[None]:
    with without_proxies():
        yield


@pytest.fixture
def client(ws: Workspace) -> WebClient:
    return web_client(ws)


def web_client(ws: Workspace) -> WebClient:
    return WebClient(token=ws.bot_token, base_url=ws.api_url)


class Bot:
    """The events a bot received and acknowledged, in order of arrival."""

    def __init__(self, ws: Workspace) -> None:
        self.ws, self.received = ws, list[dict[str, Any]]()

    def events(self, kind: str = "", channel: str = "") -> list[dict[str, Any]]:
        events = [each["event"] for each in self.received if kind in ("", each["event"]["type"])]
        return [each for each in events if not channel or channel in (each.get("channel"), each.get("channel_id"))]

    def kinds(self) -> list[str]:
        return [each["type"] for each in self.events()]


@contextmanager
def run_bolt_bot(ws: Workspace) -> Iterator[tuple[Bot, App]]:
    """Run a real App behind a real SocketModeHandler. Closing takes a second because the SDK's threads poll."""
    with ExitStack() as closing:
        pool = ThreadPoolExecutor(4)
        closing.callback(pool.shutdown)
        bot, client = Bot(ws), web_client(ws)
        app = App(
            client=client, process_before_response=True, listener_executor=pool, ignoring_self_events_enabled=False
        )
        handler = SocketModeHandler(app, ws.app_token, ping_interval=0.2)

        @app.middleware
        def receive(body: dict[str, Any], ack: Callable[[], Any], next: Callable[[], Any]) -> Any:
            if "event" not in body:
                return next()
            bot.received.append(body)
            ws.notify()
            return ack()

        handler.connect()  # type: ignore[no-untyped-call]
        closing.callback(handler.close)
        ws.wait(lambda: ws.connections > 0, what="a connection")
        yield bot, app


class SocketClient:
    """One raw Socket Mode connection, which acknowledges only on request."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.hello = self.next()

    def next(self, timeout: float = 5) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self._connection.recv(timeout))
        return frame

    def ack(self, frame: dict[str, Any], payload: dict[str, Any] | None = None) -> None:
        message = {"envelope_id": frame["envelope_id"]} | ({"payload": payload} if payload else {})
        self._connection.send(json.dumps(message))


Connect = Callable[[Workspace], SocketClient]


@pytest.fixture
def connect_socket() -> Iterator[Connect]:
    with ExitStack() as closing:

        def connect_socket(ws: Workspace) -> SocketClient:
            url = WebClient(base_url=ws.api_url).apps_connections_open(app_token=ws.app_token)["url"]
            return SocketClient(closing.enter_context(connect(url, proxy=None, compression=None)))

        yield connect_socket


def fetch(url: str, token: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as http:
        return http.get(url, headers={"Authorization": f"Bearer {token}"})
