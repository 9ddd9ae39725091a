"""The demo's team, and a client that sends requests as the page does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import Workspace


@dataclass(frozen=True)
class Visitor:
    ws: Workspace
    http: httpx.Client

    def do(self, person: str, command: str, **arguments: Any) -> httpx.Response:
        return self.http.post(f"as/{person}/do/{command}", json=arguments)

    def upload(self, person: str, name: str, data: bytes) -> str:
        return str(self.http.post(f"as/{person}/upload", params={"name": name}, content=data).json()["id"])

    @contextmanager
    def live(self, path: str) -> Iterator[LiveSocket]:
        url = self.ws.page.url.replace("http:", "ws:") + path
        with connect(url, proxy=None, compression=None) as connection:
            yield LiveSocket(connection)

    def view_of(self, person: str) -> dict[str, Any]:
        """Return all entries that this person's page receives."""
        with self.live(f"as/{person}/live") as live:
            found: dict[str, Any] = live.next()["set"]
        return found


class LiveSocket:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def next(self) -> dict[str, Any]:
        update: dict[str, Any] = json.loads(self._connection.recv(10))
        return update


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    return create_team(ws)


@pytest.fixture
def visitor(ws: Workspace) -> Iterator[Visitor]:
    with httpx.Client(base_url=ws.page.url, trust_env=False) as http:
        yield Visitor(ws, http)
