"""Every address of the demo's server, asked by who has no business there: another site's page, another user."""

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

FILLED = {"method": "auth.test", "file_id": "F1", "ticket": "t", "ids": "T1-F1", "name": "a.png", "token": "x"}
PHISHING = {"text": "<http://evil.example|Log in again>", "response_type": "in_channel"}


def addresses(ws: Workspace) -> Iterator[tuple[str, str]]:
    """(method, path) of everything the server answers, as it is routed; a path's parts are filled in."""
    for route in routes(ws._stage, ws.page):
        yield from of_route(route)


def of_route(route: BaseRoute) -> Iterator[tuple[str, str]]:
    assert isinstance(route, Mount | Route | WebSocketRoute)
    path = route.path
    for name, value in FILLED.items():
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


def test_no_address_answers_under_another_name(ws: Workspace) -> None:
    port = ws.host.rpartition(":")[2]
    asked = [one for one in addresses(ws) if one[0] != "WS"]
    assert len(asked) > 8
    for method, path in asked:
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:1", f"127.0.0.1.evil.example:{port}", ""):
            assert status(ws, method, path, {"host": host}) == 421, (method, path, host)
    assert ws.called("auth.test") == ws.called("login") == []


@pytest.mark.parametrize("sent", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "none"}])
def test_no_browser_gets_an_answer_at_the_addresses_of_the_bot(ws: Workspace, sent: dict[str, str]) -> None:
    for method, path in addresses(ws):
        if not path.startswith("/page/"):
            assert status(ws, method, path, sent) == 403, (method, path)
    assert ws.called("auth.test") == ws.called("login") == []


def test_a_response_url_cannot_be_guessed_from_another(ws: Workspace) -> None:
    ada = ws.person("ada")
    room = ws.channel("harbour", [ada])
    urls = [ws.envelope(ws.command(ada, room, "/magpie", "help")).payload["response_url"] for _ in range(3)]
    assert all(len(url.rpartition("/")[2]) >= 32 for url in urls)
    assert len({url.rpartition("/")[2][:8] for url in urls}) == 3
    for url in (urls[0][:-1], f"http://{ws.host}/response/R1"):
        assert httpx.post(url, json=PHISHING, trust_env=False).status_code == 404
    assert ws.messages(room) == []
    assert httpx.post(urls[0], json={"text": "help"}, trust_env=False).status_code == 200


def test_what_is_no_object_at_a_response_url_is_refused(ws: Workspace) -> None:
    ada = ws.person("ada")
    url = ws.envelope(ws.command(ada, ws.channel("harbour", [ada]), "/magpie", "help")).payload["response_url"]
    for body in (b"", b"[]", b"[" * 100_000, b"\xff", b"7"):
        assert httpx.post(url, content=body, trust_env=False).status_code == 400
    assert httpx.post(url, content=b" " * (API_BYTES + 1), trust_env=False).status_code == 413


def test_an_upload_and_the_socket_have_addresses_that_cannot_be_guessed(ws: Workspace, client: WebClient) -> None:
    told = client.files_getUploadURLExternal(filename="a.png", length=3)
    url, file = str(told["upload_url"]), str(told["file_id"])
    for wrong in (f"http://{ws.host}/upload/{file}/", f"http://{ws.host}/upload/{file}/x", url[:-1]):
        assert httpx.post(wrong, content=b"abc", trust_env=False).status_code in (404, 405)
    assert httpx.post(url, content=b"abc", trust_env=False).status_code == 200
    tickets = [WebClient(ws.app_token, ws.api_url).apps_connections_open(app_token=ws.app_token)["url"] for _ in "ab"]
    first, second = (str(ticket).partition("ticket=")[2].partition("&")[0] for ticket in tickets)
    assert len(first) >= 32
    assert first[:8] != second[:8]


def test_a_stranger_without_a_token_leaves_nothing_behind_and_breaks_nothing(ws: Workspace) -> None:
    url = f"http://{ws.host}/api/chat.postMessage"

    def said(content: bytes, kind: str) -> str:
        told = httpx.post(url, content=content, headers={"content-type": kind}, trust_env=False)
        return str(told.json()["error"]) if told.status_code == 200 else str(told.status_code)

    assert said(json.dumps({"text": "CANARY"}).encode(), "application/json") == "not_authed"
    assert said(b"token=xoxb-wrong&text=CANARY", "application/x-www-form-urlencoded") == "invalid_auth"
    assert said(b"token=%C3%A4", "application/x-www-form-urlencoded") == "invalid_auth"
    assert said(b"\xff\xfe", "application/x-www-form-urlencoded") == "not_authed"
    assert said(b"[" * 100_000, "application/json") == "not_authed"
    assert said(b" " * (API_BYTES + 1), "application/json") == "413"
    assert "CANARY" not in str(ws.called("chat.postMessage"))
    for ids in ("x", "T1", "T1-", "T1-F1-x"):
        assert httpx.get(f"http://{ws.host}/files-pri/{ids}/a.png", trust_env=False).status_code == 302
