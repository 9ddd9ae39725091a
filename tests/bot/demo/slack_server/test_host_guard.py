"""Every address of the demo's server, requested by other sites' pages and by other users of the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from slack_sdk import WebClient
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.demo.slack_server import Workspace
from bot.demo.slack_server.host_guard import API_BYTES
from bot.demo.slack_server.server import routes

PATH_PARAMETERS = {"method": "auth.test", "file_id": "F1", "ticket": "t", "ids": "T1-F1", "name": "a.png", "token": "x"}
PHISHING = {"text": "<http://evil.example|Log in again>", "response_type": "in_channel"}


def addresses(ws: Workspace) -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route, with the path parameters filled in."""
    for route in routes(ws._context, ws.page):
        yield from route_addresses(route)


def route_addresses(route: BaseRoute) -> Iterator[tuple[str, str]]:
    assert isinstance(route, Mount | Route | WebSocketRoute)
    path = route.path
    for name, value in PATH_PARAMETERS.items():
        path = path.replace("{" + name + "}", value)
    if isinstance(route, WebSocketRoute):
        yield "WS", path
    elif isinstance(route, Mount):
        yield "GET", f"{path}/"
    else:
        yield from ((method, path) for method in sorted(route.methods or ()))


def status(ws: Workspace, method: str, path: str, headers: dict[str, str]) -> int:
    if method != "WS":
        return httpx.request(method, f"http://{ws.host}{path}", headers=headers, trust_env=False).status_code
    try:
        with connect(f"ws://{ws.host}{path}", additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_every_address_refuses_foreign_host_headers(ws: Workspace) -> None:
    port = ws.host.rpartition(":")[2]
    asked = [one for one in addresses(ws) if one[0] != "WS"]
    assert len(asked) > 8
    for method, path in asked:
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:1", f"127.0.0.1.evil.example:{port}", ""):
            assert status(ws, method, path, {"host": host}) == 421, (method, path, host)
    assert ws.called("auth.test") == ws.called("login") == []


@pytest.mark.parametrize("sent", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "none"}])
def test_bot_addresses_refuse_browsers(ws: Workspace, sent: dict[str, str]) -> None:
    for method, path in addresses(ws):
        if not path.startswith("/page/"):
            assert status(ws, method, path, sent) == 403, (method, path)
    assert ws.called("auth.test") == ws.called("login") == []


def test_response_urls_cannot_be_guessed(ws: Workspace) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbour", [ada])
    urls = [ws.envelope(ws.command(ada, channel, "/magpie", "help")).payload["response_url"] for _ in range(3)]
    assert all(len(url.rpartition("/")[2]) >= 32 for url in urls)
    assert len({url.rpartition("/")[2][:8] for url in urls}) == 3
    for url in (urls[0][:-1], f"http://{ws.host}/response/R1"):
        assert httpx.post(url, json=PHISHING, trust_env=False).status_code == 404
    assert ws.messages(channel) == []
    assert httpx.post(urls[0], json={"text": "help"}, trust_env=False).status_code == 200


def test_response_url_rejects_bodies_that_are_not_objects(ws: Workspace) -> None:
    ada = ws.person("ada")
    url = ws.envelope(ws.command(ada, ws.channel("harbour", [ada]), "/magpie", "help")).payload["response_url"]
    for body in (b"", b"[]", b"[" * 100_000, b"\xff", b"7"):
        assert httpx.post(url, content=body, trust_env=False).status_code == 400
    assert httpx.post(url, content=b" " * (API_BYTES + 1), trust_env=False).status_code == 413


def test_upload_and_socket_addresses_cannot_be_guessed(ws: Workspace, client: WebClient) -> None:
    info = client.files_getUploadURLExternal(filename="a.png", length=3)
    url, file = str(info["upload_url"]), str(info["file_id"])
    for wrong in (f"http://{ws.host}/upload/{file}/", f"http://{ws.host}/upload/{file}/x", url[:-1]):
        assert httpx.post(wrong, content=b"abc", trust_env=False).status_code in (404, 405)
    assert httpx.post(url, content=b"abc", trust_env=False).status_code == 200
    tickets = [WebClient(ws.app_token, ws.api_url).apps_connections_open(app_token=ws.app_token)["url"] for _ in "ab"]
    first, second = (str(ticket).partition("ticket=")[2].partition("&")[0] for ticket in tickets)
    assert len(first) >= 32
    assert first[:8] != second[:8]


def test_calls_without_a_token_are_refused_and_not_recorded(ws: Workspace) -> None:
    url = f"http://{ws.host}/api/chat.postMessage"

    def error_of(content: bytes, kind: str) -> str:
        info = httpx.post(url, content=content, headers={"content-type": kind}, trust_env=False)
        return str(info.json()["error"]) if info.status_code == 200 else str(info.status_code)

    assert error_of(json.dumps({"text": "CANARY"}).encode(), "application/json") == "not_authed"
    assert error_of(b"token=xoxb-wrong&text=CANARY", "application/x-www-form-urlencoded") == "invalid_auth"
    assert error_of(b"token=%C3%A4", "application/x-www-form-urlencoded") == "invalid_auth"
    assert error_of(b"\xff\xfe", "application/x-www-form-urlencoded") == "not_authed"
    assert error_of(b"[" * 100_000, "application/json") == "not_authed"
    assert error_of(b" " * (API_BYTES + 1), "application/json") == "413"
    assert "CANARY" not in str(ws.called("chat.postMessage"))
    for ids in ("x", "T1", "T1-", "T1-F1-x"):
        assert httpx.get(f"http://{ws.host}/files-pri/{ids}/a.png", trust_env=False).status_code == 302
