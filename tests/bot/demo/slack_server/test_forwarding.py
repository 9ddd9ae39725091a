"""Forwarded messages, previews of links, deleted threads and permalinks."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada", real_name="Ada Byron"), ws.person("ben")])


def events(ws: Workspace) -> list[dict[str, Any]]:
    return [each.payload["event"] for each in ws.envelopes()]


def test_forwarded_message_stands_in_an_attachment(ws: Workspace, client: WebClient, channel: str) -> None:
    source = ws.channel("board", ["ada", "ben"], private=True, with_bot=False)
    ts = ws.post("ada", source, "Which colour?", files=[("inv.pdf", b"%PDF")])
    new = ws.forward("ben", source, ts, channel, f"<@{ws.bot_user}> what is due here?")
    message, mention = events(ws)
    (attachment,) = message["attachments"]
    ada = ws.message(source, ts).user
    assert (attachment["is_share"], attachment["is_msg_unfurl"]) == (True, True)
    assert (attachment["channel_id"], attachment["ts"], attachment["author_id"]) == (source, ts, ada)
    assert (attachment["text"], attachment["author_name"]) == ("Which colour?", "Ada Byron")
    assert attachment["files"][0]["name"] == "inv.pdf"
    assert attachment["from_url"] == f"https://magpie.slack.com/archives/{source}/p{ts.replace('.', '')}"
    assert mention["attachments"] == message["attachments"]
    assert "subtype" not in message
    (found,) = client.conversations_history(channel=channel)["messages"]
    assert (found["ts"], found["attachments"]) == (new, message["attachments"])
    with pytest.raises(SlackApiError, match="file_not_found"):
        client.files_info(file=attachment["files"][0]["id"])
    with pytest.raises(LookupError):
        ws.forward(ws.person("eve"), source, ts, channel)


def test_comment_of_a_forwarded_message_can_be_edited(ws: Workspace, channel: str) -> None:
    ts = ws.post("ada", channel, "words")
    new = ws.forward("ben", channel, ts, channel, thread_ts=ts)
    assert ws.message(channel, new).thread_ts == ts
    ws.edit(channel, new, "look")
    assert events(ws)[-1]["message"]["attachments"] == events(ws)[-1]["previous_message"]["attachments"]


def test_preview_of_a_link_is_a_change_without_an_edit(ws: Workspace, channel: str) -> None:
    linked = ws.post("ada", channel, "words")
    ts = ws.post("ben", channel, f"see <{ws.link(channel, linked)}>")
    ws.unfurl(channel, ts, channel, linked)
    changed = events(ws)[-1]
    assert (changed["subtype"], changed["message"]["ts"]) == ("message_changed", ts)
    assert "edited" not in changed["message"]
    (attachment,) = changed["message"]["attachments"]
    assert (attachment["is_msg_unfurl"], "is_share" in attachment) == (True, False)
    assert "attachments" not in changed["previous_message"]


def test_links(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "root", files=[("Plan B.pdf", b"%PDF")])
    reply = ws.post("ben", channel, "reply", thread_ts=ts)
    for each in (ts, reply):
        assert client.chat_getPermalink(channel=channel, message_ts=each)["permalink"] == ws.link(channel, each)
    number = reply.replace(".", "")
    assert ws.link(channel, reply).endswith(f"/archives/{channel}/p{number}?thread_ts={ts}&cid={channel}")
    file = ws.files("Plan B.pdf")[0]
    assert ws.file_link(file.id) == f"https://magpie.slack.com/files/{file.owner}/{file.id}/plan_b.pdf"
    assert client.files_info(file=file.id)["file"]["permalink"] == ws.file_link(file.id)


def test_deleted_root_becomes_a_tombstone_until_its_last_reply_goes(
    ws: Workspace, client: WebClient, channel: str
) -> None:
    ws.quirks.tombstone_change = True
    ts = ws.post("ada", channel, "root")
    reply = ws.post("ben", channel, "reply", thread_ts=ts)
    ws.delete_message(channel, ts)
    changed = events(ws)[-1]
    assert (changed["subtype"], changed["message"]["subtype"]) == ("message_changed", "tombstone")
    assert (changed["message"]["thread_ts"], changed["message"]["user"]) == (ts, "USLACKBOT")
    assert changed["previous_message"]["text"] == "root"
    ws.delete_message(channel, reply)
    of_reply, of_root = events(ws)[-2:]
    assert [each["deleted_ts"] for each in (of_reply, of_root)] == [reply, ts]
    assert of_root["previous_message"]["subtype"] == "tombstone"
    assert ws.messages(channel) == []
    answer = client.chat_postMessage(channel=channel, text="answer", thread_ts=ts)
    assert "thread_ts" not in answer["message"]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        client.conversations_replies(channel=channel, ts=ts)
