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


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words} | more


def rich(*elements: dict[str, Any], part: str = "rich_text_section", **more: Any) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": part, "elements": list(elements)} | more]}


def cell(words: str) -> dict[str, Any]:
    return rich(text(words))


def table(rows: list[Any], **more: Any) -> dict[str, Any]:
    return {"type": "table", "rows": rows} | more


def container(*children: dict[str, Any], title: str = "More", **more: Any) -> dict[str, Any]:
    shown = {"type": "plain_text", "text": title}
    return {"type": "container", "title": shown, "child_blocks": list(children)} | more


ITEM = {"type": "rich_text_section", "elements": [text("a")]}

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


def card(title: str = "x", **image: Any) -> dict[str, Any]:
    picture = {"hero_image": {"type": "image", "alt_text": "a picture"} | image} if image else {}
    return {"type": "card", "title": {"type": "mrkdwn", "text": title}} | picture


def carousel(*cards: dict[str, Any]) -> dict[str, Any]:
    return {"type": "carousel", "elements": list(cards)}


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
        [rich(text("a", style={"bold": True}), {"type": "user", "user_id": "U1"})],
        [table([[cell("a"), {"type": "raw_text", "text": "b"}]], column_settings=[{"align": "right"}, None])],
        [container(section("x"), table([[cell("a")]]), is_collapsible=True, default_collapsed=True)],
    ],
)
def test_accepts_valid_blocks(ws: Workspace, client: WebClient, blocks: list[dict[str, Any]]) -> None:
    channel = ws.channel("papers", [ws.person("ada")])
    assert client.chat_postMessage(channel=channel, text="x", blocks=blocks)["message"]["blocks"] == blocks


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([{"type": "rich_text"}], "missing required field: elements [json-pointer:/blocks/0]"),
        ([rich(text(""))], "[json-pointer:/blocks/0/elements/0/elements/0/text]"),
        ([rich(text("a", style={"blink": True}))], "[json-pointer:/blocks/0/elements/0/elements/0/style]"),
        ([rich(text("a", size=3))], "invalid additional property: size"),
        ([rich({"type": "whistle"})], "unsupported type: whistle [json-pointer:/blocks/0/elements/0/elements/0/type]"),
        ([rich(text("a"), part="rich_text_title")], "[json-pointer:/blocks/0/elements/0/type]"),
        ([rich(ITEM, part="rich_text_list", style="stars")], "[json-pointer:/blocks/0/elements/0/style]"),
        ([rich(ITEM, part="rich_text_list", style="bullet", indent=9)], "[json-pointer:/blocks/0/elements/0/indent]"),
        (
            [rich(text("a"), part="rich_text_list", style="bullet")],
            "[json-pointer:/blocks/0/elements/0/elements/0/type]",
        ),
        ([table([])], "must have 1 to 100 rows [json-pointer:/blocks/0/rows]"),
        ([table([[cell("a")]] * 101)], "must have 1 to 100 rows [json-pointer:/blocks/0/rows]"),
        ([table([[cell("a")] * 21])], "[json-pointer:/blocks/0/rows/0]"),
        ([table([[cell("")]])], "must be more than 0 characters"),
        ([table([["a"]])], "failed to match any allowed schemas [json-pointer:/blocks/0/rows/0/0]"),
        ([table([[cell("a" * 5001)] * 2])], "must be less than 10001 characters [json-pointer:/blocks/0/rows]"),
        (
            [table([[cell("a")]], column_settings=[{"align": "top"}])],
            "[json-pointer:/blocks/0/column_settings/0/align]",
        ),
        ([table([[cell("a")]]), table([[cell("a")]])], "only one table is allowed [json-pointer:/blocks]"),
        ([table([[cell("a")]]), container(table([[cell("a")]]))], "only one table is allowed [json-pointer:/blocks]"),
        ([container()], "must have 1 to 10 items [json-pointer:/blocks/0/child_blocks]"),
        ([container(*[section("x")] * 11)], "must have 1 to 10 items [json-pointer:/blocks/0/child_blocks]"),
        ([container(section("x"), title="x" * 151)], "[json-pointer:/blocks/0/title/text]"),
        ([container(section(""))], "[json-pointer:/blocks/0/child_blocks/0/text/text]"),
        ([container(container(section("x")))], "[json-pointer:/blocks/0/child_blocks/0/type]"),
        ([container(section("x"), default_collapsed=True)], "[json-pointer:/blocks/0/default_collapsed]"),
        ([container(section("x"), width="huge")], "[json-pointer:/blocks/0/width]"),
        ([{"type": "container", "child_blocks": [section("x")]}], "missing required field: title"),
        ([carousel()], "must have 1 to 10 items [json-pointer:/blocks/0/elements]"),
        ([carousel(*[card()] * 11)], "must have 1 to 10 items [json-pointer:/blocks/0/elements]"),
        ([carousel(section("x"))], "unsupported type: section [json-pointer:/blocks/0/elements/0/type]"),
        ([carousel({"type": "card"})], "[json-pointer:/blocks/0/elements/0]"),
        ([carousel(card("x" * 151))], "[json-pointer:/blocks/0/elements/0/title/text]"),
        ([carousel(card(slack_file={"id": "F1"}))], "invalid slack file"),
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
