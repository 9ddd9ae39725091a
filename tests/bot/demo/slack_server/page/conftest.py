"""A town with its page, and requests as a browser sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from bot.demo.people import Town, settle
from bot.demo.slack_server import Workspace


@dataclass(frozen=True)
class Visitor:
    ws: Workspace
    http: httpx.Client

    def do(self, person: str, act: str, **asked: Any) -> httpx.Response:
        return self.http.post(f"as/{person}/do/{act}", json=asked)

    def upload(self, person: str, name: str, data: bytes) -> str:
        return str(self.http.post(f"as/{person}/upload", params={"name": name}, content=data).json()["id"])

    @contextmanager
    def live(self, path: str) -> Iterator[Live]:
        url = self.ws.page.url.replace("http:", "ws:") + path
        with connect(url, proxy=None, compression=None) as connection:
            yield Live(connection)

    def sees(self, person: str) -> dict[str, Any]:
        """Everything the page of this person gets."""
        with self.live(f"as/{person}/live") as live:
            found: dict[str, Any] = live.next()["set"]
        return found


class Live:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def next(self) -> dict[str, Any]:
        word: dict[str, Any] = json.loads(self._connection.recv(10))
        return word


@pytest.fixture
def town(ws: Workspace) -> Town:
    return settle(ws)


@pytest.fixture
def visitor(ws: Workspace) -> Iterator[Visitor]:
    with httpx.Client(base_url=ws.page.url, trust_env=False) as http:
        yield Visitor(ws, http)
