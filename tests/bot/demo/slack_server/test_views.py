"""Home and modals, and surfaces that the manifest does not declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.interactions import NotConfigured
from tests.bot.demo.slack_server.conftest import Connect, web_client
from tests.bot.demo.slack_server.test_blocks import actions, button, section
from tests.bot.demo.slack_server.test_interactions import MODAL

BARE = """
features:
  app_home: {home_tab_enabled: false}
  shortcuts: [{name: Find, type: message, callback_id: find, description: x}]
  slash_commands: [{command: /magpie, description: x}]
oauth_config: {scopes: {bot: ["chat:write", "im:history"]}}
settings: {event_subscriptions: {bot_events: [message.im]}, interactivity: {is_enabled: %s}}
"""

Press = Callable[[], dict[str, Any]]


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def press(ws: Workspace, ada: str, connect_socket: Connect) -> Press:
    """Return a function that presses a button as Ada and returns the payload that the app acknowledged."""
    socket, direct = connect_socket(ws), ws.direct(ada)
    ts = web_client(ws).chat_postMessage(channel=direct, text="x", blocks=[actions(button())])["ts"]

    def press() -> dict[str, Any]:
        ws.click(ada, direct, ts, "go")
        while (frame := socket.next())["type"] != "interactive":
            socket.ack(frame)
        socket.ack(frame)
        payload: dict[str, Any] = frame["payload"]
        return payload

    return press


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SlackApiError) as refused:
        call()
    return str(refused.value.response["error"])


def test_stacks_at_most_three_modals(ws: Workspace, client: WebClient, press: Press) -> None:
    def show(method: Callable[..., Any]) -> dict[str, Any]:
        view: dict[str, Any] = method(trigger_id=press()["trigger_id"], view=MODAL)["view"]
        return view

    assert refusal(lambda: show(client.views_push)) == "not_found"
    first = show(client.views_open)
    second = show(client.views_push)
    third = show(client.views_push)
    assert third["root_view_id"] == first["id"]
    assert third["previous_view_id"] == second["id"]
    assert refusal(lambda: show(client.views_push)) == "push_limit_reached"
    assert [each["id"] for each in ws.views()] == [first["id"], second["id"], third["id"]]


def test_update_with_an_old_hash_is_rejected(ws: Workspace, client: WebClient, ada: str, press: Press) -> None:
    home = {"type": "home", "blocks": [section("one")]}
    published = client.views_publish(user_id=ada, view=home)["view"]
    client.views_update(view_id=published["id"], hash=published["hash"], view=home | {"blocks": [section("two")]})
    assert ws.home("ada")["blocks"] == [section("two")]
    opened = client.views_open(trigger_id=press()["trigger_id"], view=MODAL)["view"]
    for old in (published, opened | {"hash": "another"}):
        view = home if old is published else MODAL
        call = {"view_id": old["id"], "hash": old["hash"], "view": view}
        assert refusal(lambda call=call: client.views_update(**call)) == "hash_conflict"  # type: ignore[misc]


def test_view_limits(client: WebClient, ada: str) -> None:
    def publish(**more: Any) -> str:
        return refusal(lambda: client.views_publish(user_id=ada, view={"type": "home", "blocks": []} | more))

    assert publish() == "invalid_arguments"
    assert publish(blocks=[section("x")], callback_id="x" * 256) == "invalid_arguments"
    assert publish(blocks=[section("x")] * 101) == "invalid_arguments"
    assert publish(blocks=[section("x" * 3000)] * 90) == "view_too_large"


@pytest.mark.parametrize("asked", [True, False])
def test_closing_a_modal_notifies_the_app_on_request(
    ws: Workspace, client: WebClient, ada: str, press: Press, asked: bool
) -> None:
    view = client.views_open(trigger_id=press()["trigger_id"], view=MODAL | {"notify_on_close": asked})["view"]
    answer = httpx.post(f"{ws.page.url}as/{ada}/do/close", json={"view": view["id"]}, trust_env=False)
    assert (answer.status_code, ws.views()) == (200, [])
    info = [each.payload["view"]["id"] for each in ws.envelopes("view_closed")]
    assert info == ([view["id"]] if asked else [])


def test_response_url_expires_and_validates_blocks(ws: Workspace, press: Press) -> None:
    assert ws.pace.response_for == 30 * 60
    url = press()["response_url"]
    wrong = httpx.post(url, json={"text": "x", "blocks": [section("x" * 3001)]}, trust_env=False)
    assert (wrong.status_code, wrong.text) == (400, "invalid_blocks")
    assert httpx.post(url, json={"text": "x", "blocks": [section("x")]}, trust_env=False).text == "ok"
    ws.pace.response_for = 0
    old = httpx.post(press()["response_url"], json={"text": "x"}, trust_env=False)
    assert (old.status_code, old.text) == (404, "expired_url")
    assert [each.text for each in ws.ephemerals("ada")] == ["x"]


def test_surfaces_require_a_declaration_in_the_manifest(tmp_path: Path) -> None:
    def error_of(act: Callable[[], object]) -> str:
        with pytest.raises(NotConfigured) as refused:
            act()
        return str(refused.value)

    path = tmp_path / "manifest.yml"
    path.write_text(BARE % "false")
    with open_workspace(manifest=path) as ws:
        ada, direct, client = ws.person("ada"), ws.direct("ada"), web_client(ws)
        ts = client.chat_postMessage(channel=direct, text="x", blocks=[actions(button())])["ts"]
        home = {"type": "home", "blocks": [section("x")]}
        assert refusal(lambda: client.views_publish(user_id=ada, view=home)) == "not_enabled"
        assert "settings.interactivity" in error_of(lambda: ws.click("ada", direct, ts, "go"))
        assert "settings.interactivity" in error_of(lambda: ws.shortcut("ada", direct, ts, "find"))
        assert "scope commands" in error_of(lambda: ws.command("ada", direct, "/magpie"))
        answer = httpx.post(
            f"{ws.page.url}as/{ada}/do/click",
            json={"channel": direct, "ts": ts, "action_id": "go", "value": ""},
            trust_env=False,
        )
        assert "settings.interactivity" in answer.json()["error"]
    path.write_text((BARE % "true").replace('"chat:write"', '"chat:write", commands'))
    with open_workspace(manifest=path) as ws:
        ws.person("ada")
        direct = ws.direct("ada")
        ts = ws.post("ada", direct, "x")
        assert error_of(lambda: ws.shortcut("ada", direct, ts, "lost")) == "lost is not in the app's manifest."
        assert error_of(lambda: ws.command("ada", direct, "/crow")) == "/crow is not in the app's manifest."
        ws.shortcut("ada", direct, ts, "find")
        ws.command("ada", direct, "/magpie")
        assert [each.event for each in ws.envelopes()[-2:]] == ["message_action", "slash_commands"]
