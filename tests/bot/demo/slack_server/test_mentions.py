"""app_mention as Slack sends it: without files, before or after the message event, or instead of it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.demo.slack_server import Workspace


def pushed(ws: Workspace) -> list[dict[str, Any]]:
    return [each.payload["event"] for each in ws.envelopes()]


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def ask(ws: Workspace, channel: str) -> str:
    return ws.post("ada", channel, f"<@{ws.bot_user}> what is due?", files=[("inv.pdf", b"%PDF")])


def test_mention_can_lack_the_files(ws: Workspace, channel: str) -> None:
    ws.quirks.mention_files = False
    ask(ws, channel)
    message, mention, _ = pushed(ws)
    assert (mention["type"], mention["ts"], mention["text"]) == ("app_mention", message["ts"], message["text"])
    assert not {"files", "upload"} & mention.keys()
    assert [each["name"] for each in message["files"]] == ["inv.pdf"]


def test_mention_can_come_before_the_message(ws: Workspace, channel: str) -> None:
    ws.quirks.mention_order = "before"
    ask(ws, channel)
    assert [each["type"] for each in pushed(ws)] == ["app_mention", "message", "file_shared"]


def test_mention_can_replace_the_message(ws: Workspace, channel: str) -> None:
    ws.quirks.mention_order = "instead"
    ask(ws, channel)
    ws.post("ada", channel, "no mention")
    assert [each["type"] for each in pushed(ws)] == ["app_mention", "file_shared", "message"]


def test_the_second_of_the_two_events_can_be_late(ws: Workspace, channel: str, connect_socket: Any) -> None:
    ws.quirks.mention_order, ws.quirks.mention_delay = "after", 0.15
    socket = connect_socket(ws)
    ask(ws, channel)
    first, second, late = (socket.next()["payload"]["event"]["type"] for _ in range(3))
    assert (first, second, late) == ("message", "file_shared", "app_mention")


def test_edit_that_adds_a_mention_follows_the_same_rules(ws: Workspace, channel: str) -> None:
    ws.quirks.mention_files, ws.quirks.mention_order = False, "before"
    ts = ws.post("ada", channel, "what is due?", files=[("inv.pdf", b"%PDF")])
    ws.edit(channel, ts, f"<@{ws.bot_user}> what is due?")
    *_, mention, changed = pushed(ws)
    assert (mention["type"], changed["subtype"]) == ("app_mention", "message_changed")
    assert "files" not in mention


def test_lost_and_late_events_can_be_of_one_kind(ws: Workspace, channel: str, connect_socket: Any) -> None:
    socket = connect_socket(ws)
    ws.faults.lose_events(kind="file_shared")
    ws.faults.delay_events(seconds=0.1, kind="message")
    ask(ws, channel)
    assert [socket.next()["payload"]["event"]["type"] for _ in range(2)] == ["app_mention", "message"]
    assert ws.envelopes("file_shared")[0].given_up
