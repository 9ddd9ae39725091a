"""Who gets in, and what the browser is told to keep out."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.page.routes import STATIC
from tests.bot.demo.slack_server.page.conftest import Visitor


def test_the_secret_is_long_and_another_one_each_time(ws: Workspace) -> None:
    with open_workspace() as other:
        secrets = [each.page.url.rstrip("/").rpartition("/")[2] for each in (ws, other)]
    assert secrets[0] != secrets[1]
    assert min(map(len, secrets)) >= 32
    assert ws.page.url.startswith(f"http://127.0.0.1:{ws.host.partition(':')[2]}/page/")


@pytest.mark.parametrize("path", ["", "start", "static/main.js", "as/U0000000002/do/post", "off"])
def test_without_the_secret_there_is_nothing(ws: Workspace, visitor: Visitor, path: str) -> None:
    wrong = ws.page.url.rstrip("/")[:-1] + "/"
    for address in (wrong, f"http://{ws.host}/page/x/", f"http://{ws.host}/page/é/"):
        assert visitor.http.get(address + path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "127.0.0.1", "0.0.0.0:1", ""])
def test_another_host_is_refused(visitor: Visitor, host: str) -> None:
    """A name that its owner lets lead to this machine would make another site's page one of ours."""
    assert visitor.http.get("start", headers={"host": host}).status_code == 421


def test_another_sites_page_is_refused(ws: Workspace, visitor: Visitor) -> None:
    assert visitor.http.post("off", headers={"origin": "http://evil.example"}).status_code == 403
    assert visitor.http.post("off", headers={"origin": f"http://{ws.host}"}).status_code == 200
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        with pytest.raises(InvalidStatus):
            connect(ws.page.url.replace("http:", "ws:") + "inspect", additional_headers=headers, proxy=None)


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(visitor: Visitor) -> None:
    response = visitor.http.get("")
    told = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert told["default-src"] == "'none'"
    assert told["script-src"] == told["style-src"] == "'self'"
    assert told["require-trusted-types-for"] == "'script'"
    assert response.headers["referrer-policy"] == "no-referrer"
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "innerHTML" not in text
        assert "http://" not in text, path
        # Links to what people wrote are made in the page; none is written into it.
        assert 'src="http' not in text
        assert "@import" not in text
        assert "url(" not in text
        assert visitor.http.get(f"static/{path.name}").status_code == 200
        assert text.count("\n") < 400, path


@pytest.mark.parametrize("name", ["..%2froutes.py", "%2e%2e/routes.py", "none.js", "static"])
def test_only_the_pages_own_files_are_given(visitor: Visitor, name: str) -> None:
    assert visitor.http.get(f"static/{name}").status_code == 404


def test_the_api_knows_no_token_that_can_be_guessed(ws: Workspace) -> None:
    with open_workspace() as other:
        assert {ws.bot_token, ws.app_token}.isdisjoint({other.bot_token, other.app_token})
    answer = httpx.post(f"{ws.api_url}auth.test", data={"token": "xoxb-1-0000000001-magpie"}, trust_env=False)
    assert answer.json()["error"] == "invalid_auth"
