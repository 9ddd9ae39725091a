"""Slack's limits per method and minute, on a clock the test moves."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import ManualClock, Workspace


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def test_calls_above_the_limit_are_refused_for_the_rest_of_the_minute(
    ws: Workspace, client: WebClient, channel: str
) -> None:
    clock = ManualClock()
    ws.limits.enforce(clock=clock)
    for _ in range(50):
        client.files_list(channel=channel)
        clock.advance(0.5)
    with pytest.raises(SlackApiError, match="ratelimited") as refusal:
        client.files_list(channel=channel)
    assert (refusal.value.response.status_code, refusal.value.response.headers["Retry-After"]) == (429, "35")
    client.conversations_info(channel=channel)
    clock.advance(35)
    client.files_list(channel=channel)
    assert (ws.limits.allowed("files.list"), ws.limits.refused("files.list")) == (51, 1)
    ws.limits.enforce(clock=clock, per_minute={"files.list": 1})
    client.files_list(channel=channel)
    with pytest.raises(SlackApiError, match="ratelimited"):
        client.files_list(channel=channel)
    ws.limits.lift()
    client.files_list(channel=channel)


def test_messages_are_limited_in_each_channel(ws: Workspace, client: WebClient, channel: str) -> None:
    ws.limits.enforce(clock=ManualClock(), per_minute={"chat.postMessage": 1})
    client.chat_postMessage(channel=channel, text="one")
    with pytest.raises(SlackApiError, match="ratelimited"):
        client.chat_postMessage(channel=channel, text="two")
    client.chat_postMessage(channel=ws.channel("other", ["ada"]), text="three")
    assert [each.text for each in ws.messages(channel)] == ["one"]


def test_apps_outside_the_marketplace_read_fifteen_messages_a_minute(
    ws: Workspace, client: WebClient, channel: str
) -> None:
    for number in range(20):
        ws.post("ada", channel, str(number))
    clock = ManualClock()
    ws.limits.enforce(clock=clock, outside_marketplace=True)
    page = client.conversations_history(channel=channel, limit=200)
    assert (len(page["messages"]), page["has_more"]) == (15, True)
    with pytest.raises(SlackApiError, match="ratelimited") as refusal:
        client.conversations_history(channel=channel)
    assert refusal.value.response.headers["Retry-After"] == "60"
    clock.advance(60)
    rest = client.conversations_history(channel=channel, cursor=page["response_metadata"]["next_cursor"])
    assert len(rest["messages"]) == 5


def test_nothing_is_limited_by_default(ws: Workspace, client: WebClient, channel: str) -> None:
    for _ in range(60):
        client.files_list(channel=channel)
    assert ws.limits.refused("files.list") == 0
