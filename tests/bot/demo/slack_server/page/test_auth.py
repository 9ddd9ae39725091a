"""Access to the page: secret, Host header, origin and content security policy."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.page.routes import STATIC
from tests.bot.demo.slack_server.page.conftest import Visitor


def test_secret_is_long_and_differs_on_each_start(ws: Workspace) -> None:
    with open_workspace() as other:
        secrets = [each.page.url.rstrip("/").rpartition("/")[2] for each in (ws, other)]
    assert secrets[0] != secrets[1]
    assert min(map(len, secrets)) >= 32
    assert ws.page.url.startswith(f"http://127.0.0.1:{ws.host.partition(':')[2]}/page/")


@pytest.mark.parametrize("path", ["", "start", "static/main.js", "as/U0000000002/do/post", "off"])
def test_returns_404_without_the_secret(ws: Workspace, visitor: Visitor, path: str) -> None:
    wrong = ws.page.url.rstrip("/")[:-1] + "/"
    for address in (wrong, f"http://{ws.host}/page/x/", f"http://{ws.host}/page/é/"):
        assert visitor.http.get(address + path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "127.0.0.1", "0.0.0.0:1", ""])
def test_refuses_foreign_host_headers(visitor: Visitor, host: str) -> None:
    """With DNS rebinding, a foreign name that resolves to this machine would make another site same-origin."""
    assert visitor.http.get("start", headers={"host": host}).status_code == 421


def test_refuses_requests_of_other_sites(ws: Workspace, visitor: Visitor) -> None:
    assert visitor.http.post("off", headers={"origin": "http://evil.example"}).status_code == 403
    assert visitor.http.post("off", headers={"origin": f"http://{ws.host}"}).status_code == 200
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        with pytest.raises(InvalidStatus):
            connect(ws.page.url.replace("http:", "ws:") + "inspect", additional_headers=headers, proxy=None)


def test_page_loads_nothing_from_other_hosts_and_nothing_inline(visitor: Visitor) -> None:
    response = visitor.http.get("")
    info = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert info["default-src"] == "'none'"
    assert info["script-src"] == info["style-src"] == "'self'"
    assert info["require-trusted-types-for"] == "'script'"
    assert response.headers["referrer-policy"] == "no-referrer"
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "innerHTML" not in text
        assert "http://" not in text, path
        # Links come from messages at run time; the static files contain none.
        assert 'src="http' not in text
        assert "@import" not in text
        assert "url(" not in text
        assert visitor.http.get(f"static/{path.name}").status_code == 200
        assert text.count("\n") < 400, path


@pytest.mark.parametrize("name", ["..%2froutes.py", "%2e%2e/routes.py", "none.js", "static"])
def test_serves_only_static_files(visitor: Visitor, name: str) -> None:
    assert visitor.http.get(f"static/{name}").status_code == 404


def test_api_tokens_differ_on_each_start(ws: Workspace) -> None:
    with open_workspace() as other:
        assert {ws.bot_token, ws.app_token}.isdisjoint({other.bot_token, other.app_token})
    answer = httpx.post(f"{ws.api_url}auth.test", data={"token": "xoxb-1-0000000001-magpie"}, trust_env=False)
    assert answer.json()["error"] == "invalid_auth"
