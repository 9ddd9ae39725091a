"""Validation of blocks, with Slack's error messages."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}} | more


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}} | more


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


FEEDBACK = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "good:1"},
            "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "bad:1"},
        }
    ],
}


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x" * 3000, block_id="b" * 255, expand=True), {"type": "divider"}, header("x" * 150)],
        [actions(button(value="v" * 2000, style="primary"), button(action_id="b", url="https://example.org"))],
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "a"}, {"type": "plain_text", "text": "b"}]}],
        [FEEDBACK],
        [{"type": "markdown", "text": "**a**"}],
        [{"type": "image", "alt_text": "p. 1", "image_url": "https://example.org/a.png"}],
        [section("x", accessory=button())],
        [{"type": "section", "fields": [{"type": "mrkdwn", "text": "a"}]}],
        [section("x")] * 50,
    ],
)
def test_accepts_valid_blocks(ws: Workspace, client: WebClient, blocks: list[dict[str, Any]]) -> None:
    channel = ws.channel("papers", [ws.person("ada")])
    assert client.chat_postMessage(channel=channel, text="x", blocks=blocks)["message"]["blocks"] == blocks


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([section("x")] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([section("")], "[json-pointer:/blocks/0/text/text]"),
        ([{"type": "section"}], "[json-pointer:/blocks/0]"),
        ([section("x"), header("x" * 151)], "[json-pointer:/blocks/1/text/text]"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "[json-pointer:/blocks/0/text/type]"),
        ([{"type": "whistle"}], "unsupported type: whistle [json-pointer:/blocks/0/type]"),
        ([section("x", colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
        ([section("x", block_id="b" * 256)], "[json-pointer:/blocks/0/block_id]"),
        ([section("x", block_id="b"), section("y", block_id="b")], "[json-pointer:/blocks/1/block_id]"),
        ([actions(button(value="v" * 2001))], "[json-pointer:/blocks/0/elements/0/value]"),
        ([actions(button(action_id="a" * 256))], "[json-pointer:/blocks/0/elements/0/action_id]"),
        ([actions(button(), button())], "[json-pointer:/blocks/0/elements/1/action_id]"),
        ([actions(button(text={"type": "plain_text", "text": "x" * 76}))], "[json-pointer:/blocks/0/elements/0/text"),
        ([actions()], "[json-pointer:/blocks/0/elements]"),
        ([actions(*[button(action_id=str(n)) for n in range(26)])], "no more than 25 items"),
        ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "a"}] * 11}], "no more than 10 items"),
        ([{"type": "markdown", "text": "x" * 6001}] * 2, "[json-pointer:/blocks]"),
        ([{"type": "image", "alt_text": "", "image_url": "https://example.org"}], "[json-pointer:/blocks/0/alt_text]"),
        ([{"type": "image", "alt_text": "a"}], "[json-pointer:/blocks/0]"),
        ([{"type": "image", "alt_text": "a", "slack_file": {"id": "F1"}}], "invalid slack file"),
    ],
)
def test_rejects_invalid_blocks(ws: Workspace, client: WebClient, blocks: list[dict[str, Any]], pointer: str) -> None:
    channel = ws.channel("papers", [ws.person("ada")])
    with pytest.raises(SlackApiError) as refusal:
        client.chat_postMessage(channel=channel, text="x", blocks=blocks)
    assert refusal.value.response["error"] == "invalid_blocks"
    assert any(pointer in each for each in refusal.value.response["response_metadata"]["messages"])
    assert ws.messages(channel) == []


def test_rejects_blocks_that_are_too_long_together(ws: Workspace, client: WebClient) -> None:
    channel = ws.channel("papers", [ws.person("ada")])
    with pytest.raises(SlackApiError, match="msg_blocks_too_long"):
        client.chat_postMessage(channel=channel, text="x", blocks=[section("x" * 2700)] * 5)
