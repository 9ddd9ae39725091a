"""A workspace per test, and the bot's own libraries pointed at it."""

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

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True, scope="package")
def _no_proxy() -> Iterator[None]:
    """The SDK would ask a proxy even for the loopback."""
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXIES:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with open_workspace(scopes=SCOPES, events=EVENTS) as workspace:
        yield workspace


@pytest.fixture
def client(ws: Workspace) -> WebClient:
    return client_of(ws)


def client_of(ws: Workspace) -> WebClient:
    return WebClient(token=ws.bot_token, base_url=ws.api_url)


class Bot:
    """A bot that acknowledges every event and remembers it, in the order of arrival."""

    def __init__(self, ws: Workspace) -> None:
        self.ws, self.heard = ws, list[dict[str, Any]]()

    def events(self, kind: str = "", channel: str = "") -> list[dict[str, Any]]:
        events = [each["event"] for each in self.heard if kind in ("", each["event"]["type"])]
        return [each for each in events if not channel or channel in (each.get("channel"), each.get("channel_id"))]

    def kinds(self) -> list[str]:
        return [each["type"] for each in self.events()]


@contextmanager
def bolt_bot(ws: Workspace) -> Iterator[tuple[Bot, App]]:
    """The real App behind the real SocketModeHandler. Closing it takes a second: the SDK's threads poll."""
    with ExitStack() as closing:
        pool = ThreadPoolExecutor(4)
        closing.callback(pool.shutdown)
        bot, client = Bot(ws), client_of(ws)
        app = App(
            client=client, process_before_response=True, listener_executor=pool, ignoring_self_events_enabled=False
        )
        handler = SocketModeHandler(app, ws.app_token, ping_interval=0.2)

        @app.middleware
        def hear(body: dict[str, Any], ack: Callable[[], Any], next: Callable[[], Any]) -> Any:
            if "event" not in body:
                return next()
            bot.heard.append(body)
            ws.notify()
            return ack()

        handler.connect()  # type: ignore[no-untyped-call]
        closing.callback(handler.close)
        ws.wait(lambda: ws.connections > 0, what="a connection")
        yield bot, app


class Ear:
    """One raw Socket Mode connection, which acknowledges what it is told to."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.hello = self.next()

    def next(self, timeout: float = 5) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self._connection.recv(timeout))
        return frame

    def ack(self, frame: dict[str, Any], payload: dict[str, Any] | None = None) -> None:
        told = {"envelope_id": frame["envelope_id"]} | ({"payload": payload} if payload else {})
        self._connection.send(json.dumps(told))


Connect = Callable[[Workspace], Ear]


@pytest.fixture
def listen() -> Iterator[Connect]:
    with ExitStack() as closing:

        def listen(ws: Workspace) -> Ear:
            url = WebClient(base_url=ws.api_url).apps_connections_open(app_token=ws.app_token)["url"]
            return Ear(closing.enter_context(connect(url, proxy=None, compression=None)))

        yield listen


def fetch(url: str, token: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as http:
        return http.get(url, headers={"Authorization": f"Bearer {token}"})
