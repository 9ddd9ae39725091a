"""The cost of the first page load: requests and bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.demo.people import create_team
from bot.demo.slack_server import Workspace
from tests.bench.page import first_load

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MAX_REQUESTS, MAX_BYTES = 30, 160_000


def test_first_load_is_small(browser: Browser, ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    create_team(ws)
    load = first_load(browser, ws.page.url)
    with capsys.disabled():
        print(f" {load.requests} requests, {load.size / 1000:.0f} kB", end="", flush=True)  # noqa: T201
    assert {"", "start", "off", "static/main.js", "static/page.css"} <= load.sizes.keys()
    assert load.sockets == 1
    assert load.requests <= MAX_REQUESTS
    assert 80_000 < load.size <= MAX_BYTES
