"""Buttons, shortcuts, commands, modals and Home, handled by a real App."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.bot.demo.slack_server.conftest import run_bolt_bot, web_client
from tests.bot.demo.slack_server.test_blocks import FEEDBACK, actions, button, section

MODAL = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "Why?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [section("x")],
}


class Received:
    """The payloads the listeners received."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Workspace, Received]]:
    with open_workspace(scopes=SCOPES, events=EVENTS) as ws, run_bolt_bot(ws) as (_, app):
        received = Received()
        _listen(app, received, ws.notify)
        ws.person("ada")
        yield ws, received


def _listen(app: App, received: Received, notify: Callable[[], None]) -> None:
    @app.action("go")
    def go(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
        ack()
        received.bodies.append(body)
        respond("only for you")
        notify()

    @app.action("feedback")
    def feedback(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        ack()
        received.bodies.append(body)
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.action("gone")
    def gone(ack: Ack, respond: Respond) -> None:
        ack()
        respond(delete_original=True)

    @app.view("why")
    def why(ack: Ack, view: dict[str, Any]) -> None:
        if view["state"]["values"]:
            ack()
        else:
            ack(response_action="errors", errors={"reason": "Say why"})

    @app.shortcut("find_similar")
    def find(ack: Ack, body: dict[str, Any]) -> None:
        ack()
        received.bodies.append(body)
        notify()

    @app.command("/magpie")
    def command(ack: Ack, body: dict[str, Any]) -> None:
        ack(f"you said {body['text']}")


@pytest.fixture
def ws(running: tuple[Workspace, Received]) -> Workspace:
    return running[0]


@pytest.fixture
def received(running: tuple[Workspace, Received]) -> Received:
    running[1].bodies.clear()
    return running[1]


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", ["ada"])


def test_button_sends_block_actions(ws: Workspace, received: Received, channel: str) -> None:
    blocks = [actions(button(value="7"), button(action_id="other", value="8"))]
    ts = web_client(ws).chat_postMessage(channel=channel, text="x", blocks=blocks)["ts"]
    ws.click("ada", channel, ts, "go")
    before = len(ws.ephemerals("ada"))
    ws.wait(lambda: len(ws.ephemerals("ada")) > before or received.bodies, what="the click")
    ws.settled()
    (body,) = received.bodies
    assert (body["actions"][0]["value"], body["channel"]["id"], body["message"]["ts"]) == ("7", channel, ts)
    assert body["container"] == {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False}
    assert ws.wait(lambda: ws.ephemerals("ada"), what="the response")[-1].text == "only for you"
    with pytest.raises(LookupError):
        ws.click("ada", channel, ts, "nothing")


def test_trigger_opens_one_modal(ws: Workspace, received: Received, channel: str) -> None:
    client = web_client(ws)
    ts = client.chat_postMessage(channel=channel, text="x", blocks=[FEEDBACK])["ts"]
    ws.click("ada", channel, ts, "feedback", "bad:1")
    (view,) = ws.wait(ws.views, what="a modal")
    assert received.bodies[0]["actions"][0] | {"action_ts": ""} == {
        "type": "feedback_buttons",
        "action_id": "feedback",
        "block_id": "b1",
        "action_ts": "",
        "value": "bad:1",
    }
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        client.views_open(trigger_id=received.bodies[0]["trigger_id"], view=MODAL)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        client.views_open(trigger_id="1.2.3", view=MODAL)
    refused = ws.submit("ada", view["id"])
    ws.settled()
    assert ws.envelope(refused).reply == {"response_action": "errors", "errors": {"reason": "Say why"}}
    assert len(ws.views()) == 1
    ws.submit("ada", view["id"], {"reason": {"text": {"type": "plain_text_input", "value": "wrong page"}}})
    ws.wait(lambda: not ws.views(), what="the modal to close")


def test_response_url_deletes_an_ephemeral_message(ws: Workspace, channel: str) -> None:
    client, ada = web_client(ws), ws.conversation(channel).members[0]
    blocks = [actions(button(action_id="gone"))]
    ts = client.chat_postEphemeral(channel=channel, user=ada, text="x", blocks=blocks)["message_ts"]
    ws.click("ada", channel, ts, "gone")
    ws.wait(lambda: ts not in [each.ts for each in ws.ephemerals()], what="the message to go")


def test_message_shortcut_carries_the_message(ws: Workspace, received: Received, channel: str) -> None:
    ts = ws.post("ada", channel, "look", files=[("a.pdf", b"%PDF")])
    ws.shortcut("ada", channel, ts, "find_similar")
    ws.wait(lambda: received.bodies, what="the shortcut")
    assert received.bodies[0]["message"]["files"][0]["name"] == "a.pdf"


def test_text_in_the_acknowledgement_answers_a_command(ws: Workspace, channel: str) -> None:
    ws.command("ada", channel, "/magpie", "status")
    ws.wait(lambda: [each for each in ws.ephemerals("ada") if each.text == "you said status"], what="the answer")


def test_home_is_published_and_validated(ws: Workspace) -> None:
    ada = next(each.id for each in ws.people() if each.name == "ada")
    client = web_client(ws)
    client.views_publish(user_id=ada, view={"type": "home", "blocks": [section("welcome")]})
    assert ws.home("ada")["blocks"] == [section("welcome")]
    ws.open_home("ada")
    assert ws.envelopes("app_home_opened")[-1].payload["event"]["view"]["type"] == "home"
    with pytest.raises(SlackApiError) as refusal:
        client.views_publish(user_id=ada, view={"type": "home", "blocks": [section("x" * 3001)], "submit": {}})
    assert refusal.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/view/blocks/0/text/text]",
        "[ERROR] invalid additional property: submit [json-pointer:/view]",
    ]
    with pytest.raises(SlackApiError, match="hash_conflict"):
        client.views_publish(user_id=ada, view={"type": "home", "blocks": []}, hash="old")


def test_trigger_expires(ws: Workspace, received: Received, channel: str) -> None:
    ws.pace.trigger_for = 0
    ts = ws.post("ada", channel, "look")
    ws.shortcut("ada", channel, ts, "find_similar")
    ws.wait(lambda: received.bodies, what="the shortcut")
    ws.pace.trigger_for = 3
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        web_client(ws).views_open(trigger_id=received.bodies[0]["trigger_id"], view=MODAL)
