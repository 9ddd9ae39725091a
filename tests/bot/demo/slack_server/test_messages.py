"""chat.*, conversations.* and reactions.* through the real WebClient."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace

METADATA = {"event_type": "answer", "event_payload": {"question": "7"}}


@pytest.fixture
def channel(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def texts(answer: Any) -> list[str]:
    return [each["text"] for each in answer["messages"]]


def test_reply_is_in_its_thread_and_not_in_the_channel(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "question")
    answer = client.chat_postMessage(channel=channel, text="answer", thread_ts=ts, metadata=METADATA)
    assert (answer["message"]["thread_ts"], answer["message"]["bot_id"]) == (ts, ws.bot_id)
    assert [(each.user, each.text) for each in ws.thread(channel, ts)][1] == (ws.bot_user, "answer")
    history = client.conversations_history(channel=channel)
    assert texts(history) == ["question"]
    assert (history["messages"][0]["reply_count"], history["messages"][0]["latest_reply"]) == (1, answer["ts"])
    assert texts(client.conversations_replies(channel=channel, ts=ts)) == ["question", "answer"]
    assert texts(client.conversations_replies(channel=channel, ts=answer["ts"])) == ["answer"]


def test_metadata_is_returned_only_on_request(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = client.chat_postMessage(channel=channel, text="answer", metadata=METADATA)["ts"]
    client.chat_update(channel=channel, ts=ts, text="better")
    assert "metadata" not in client.conversations_replies(channel=channel, ts=ts)["messages"][0]
    info = client.conversations_replies(channel=channel, ts=ts, include_all_metadata=True)["messages"][0]
    assert info["metadata"] == METADATA
    client.chat_update(channel=channel, ts=ts, text="better", metadata={})
    assert ws.message(channel, ts).metadata == {}
    with pytest.raises(SlackApiError, match="invalid_metadata_format"):
        client.chat_postMessage(channel=channel, text="answer", metadata={"event_type": "answer"})


def test_reply_to_a_deleted_thread_goes_to_the_channel(ws: Workspace, client: WebClient, channel: str) -> None:
    """Slack does not report it: the reply is posted to the channel. A thread with replies leaves a tombstone."""
    ts = ws.post("ada", channel, "question")
    ws.delete_message(channel, ts)
    answer = client.chat_postMessage(channel=channel, text="answer", thread_ts=ts)
    assert "thread_ts" not in answer["message"]
    assert texts(client.conversations_history(channel=channel)) == ["answer"]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        client.conversations_replies(channel=channel, ts=ts)
    with pytest.raises(SlackApiError, match="invalid_thread_ts"):
        client.chat_postMessage(channel=channel, text="answer", thread_ts="0")
    kept = ws.post("ada", channel, "another")
    client.chat_postMessage(channel=channel, text="answer", thread_ts=kept)
    ws.delete_message(channel, kept)
    first, reply = client.conversations_replies(channel=channel, ts=kept)["messages"]
    assert (first["subtype"], reply["text"]) == ("tombstone", "answer")


def test_reply_to_a_reply_is_lost(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "question")
    reply = ws.post("ada", channel, "more", thread_ts=ts)
    client.chat_postMessage(channel=channel, text="answer", thread_ts=reply)
    assert texts(client.conversations_replies(channel=channel, ts=ts)) == ["question", "more"]
    assert texts(client.conversations_history(channel=channel)) == ["question"]


def test_update_changes_text_and_blocks(ws: Workspace, client: WebClient, channel: str) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "one"}}
    ts = client.chat_postMessage(channel=channel, text="one", blocks=[block])["ts"]
    client.chat_update(channel=channel, ts=ts, text="two")
    assert (ws.message(channel, ts).text, ws.message(channel, ts).blocks) == ("two", [])
    client.api_call("chat.update", json={"channel": channel, "ts": ts, "blocks": [block]})
    assert (ws.message(channel, ts).text, ws.message(channel, ts).blocks) == ("two", [block])
    with pytest.raises(SlackApiError, match="msg_too_long"):
        client.chat_update(channel=channel, ts=ts, text="x" * 4001)
    with pytest.raises(SlackApiError, match="message_not_found"):
        client.chat_update(channel=channel, ts="1700000000.000001", text="x")
    theirs = ws.post("ada", channel, "mine")
    with pytest.raises(SlackApiError, match="cant_update_message"):
        client.chat_update(channel=channel, ts=theirs, text="x")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        client.chat_delete(channel=channel, ts=theirs)
    client.chat_delete(channel=channel, ts=ts)
    assert [each.text for each in ws.messages(channel)] == ["mine"]


def test_long_text_is_truncated_and_empty_text_rejected(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = client.chat_postMessage(channel=channel, text="x" * 40_001)["ts"]
    assert len(ws.message(channel, ts).text) == 40_000
    with pytest.raises(SlackApiError, match="no_text"):
        client.api_call("chat.postMessage", json={"channel": channel})
    with pytest.raises(SlackApiError, match="markdown_text_conflict"):
        client.chat_postMessage(channel=channel, text="a", markdown_text="b")
    with pytest.raises(SlackApiError, match="msg_too_long"):
        client.chat_postMessage(channel=channel, markdown_text="b" * 12_001)
    assert client.chat_postMessage(channel=channel, markdown_text="*b*")["message"]["text"] == "*b*"


def test_ephemeral_message_is_shown_to_one_person(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "question")
    client.chat_postEphemeral(channel=channel, user=ws.message(channel, ts).user, text="psst", thread_ts=ts)
    assert [(each.text, each.thread_ts) for each in ws.ephemerals("ada")] == [("psst", ts)]
    assert texts(client.conversations_history(channel=channel)) == ["question"]
    with pytest.raises(SlackApiError, match="user_not_in_channel"):
        client.chat_postEphemeral(channel=channel, user=ws.person("bob"), text="psst")


def test_reactions_are_added_and_removed(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "hello")
    client.reactions_add(channel=channel, name="eyes", timestamp=ts)
    assert ws.message(channel, ts).reactions == {"eyes": [ws.bot_user]}
    assert client.reactions_get(channel=channel, timestamp=ts)["message"]["reactions"][0]["count"] == 1
    for name, at, error in (
        ("eyes", ts, "already_reacted"),
        (":tada:", ts, "invalid_name"),
        ("tada", "1700000000.000001", "message_not_found"),
    ):
        with pytest.raises(SlackApiError, match=error):
            client.reactions_add(channel=channel, name=name, timestamp=at)
    client.reactions_remove(channel=channel, name="eyes", timestamp=ts)
    assert ws.message(channel, ts).reactions == {}
    with pytest.raises(SlackApiError, match="no_reaction"):
        client.reactions_remove(channel=channel, name="eyes", timestamp=ts)


def test_history_is_paged_and_limited_by_time(ws: Workspace, client: WebClient, channel: str) -> None:
    stamps = [ws.post("ada", channel, str(number)) for number in range(5)]
    pages = [texts(page) for page in client.conversations_history(channel=channel, limit=2)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    between: dict[str, Any] = {"channel": channel, "oldest": stamps[1], "latest": stamps[3]}
    assert texts(client.conversations_history(**between)) == ["2"]
    assert texts(client.conversations_history(**between, inclusive=True)) == ["3", "2", "1"]
    for number in range(3):
        ws.post("ada", channel, f"reply {number}", thread_ts=stamps[0])
    replies = [texts(page) for page in client.conversations_replies(channel=channel, ts=stamps[0], limit=3)]
    assert [text for page in replies for text in page] == ["0", "reply 0", "reply 1", "reply 2"]


def test_permalink_of_a_reply_names_its_thread(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "question")
    reply = ws.post("ada", channel, "more", thread_ts=ts)
    link = client.chat_getPermalink(channel=channel, message_ts=reply)["permalink"]
    assert link.endswith(f"/archives/{channel}/p{reply.replace('.', '')}?thread_ts={ts}&cid={channel}")


def test_status_is_cleared_by_the_next_message(ws: Workspace, client: WebClient, channel: str) -> None:
    ts = ws.post("ada", channel, "question")
    client.assistant_threads_setStatus(channel_id=channel, thread_ts=ts, status="is reading")
    assert ws.status(channel, ts) == "is reading"
    client.chat_postMessage(channel=channel, thread_ts=ts, text="answer")
    assert ws.status(channel, ts) == ""
    direct = ws.direct("ada")
    client.assistant_threads_setSuggestedPrompts(channel_id=direct, prompts=[{"title": "New", "message": "What?"}])
    assert ws.prompts(direct) == [{"title": "New", "message": "What?"}]


def test_people_and_members_are_listed(ws: Workspace, client: WebClient, channel: str) -> None:
    ada = ws.conversation(channel).members[0]
    gus, eve = ws.person("gus", guest="single"), ws.person("eve", stranger_team="T9999999999")
    shared = ws.channel("partners", [ada, eve], shared=True)
    hidden = ws.channel("hidden", [ada], private=True, with_bot=False)
    private = ws.channel("private", [ada], private=True)
    assert client.users_info(user=gus)["user"]["is_ultra_restricted"]
    ws.set_guest("gus", "")
    assert not client.users_info(user=gus)["user"]["is_restricted"]
    stranger = client.users_info(user=eve)["user"]
    assert (stranger["team_id"], stranger["is_stranger"]) == ("T9999999999", False)
    assert eve not in [each["id"] for each in client.users_list()["members"]]
    assert client.conversations_members(channel=channel)["members"] == [ada, ws.bot_user]
    pages = client.conversations_members(channel=channel, limit=1)
    assert [page["members"] for page in pages] == [[ada], [ws.bot_user]]
    info = client.conversations_info(channel=shared)["channel"]
    assert (info["is_ext_shared"], info["connected_team_ids"]) == (True, ["T9999999999"])
    ws.set_shared(channel)
    assert client.conversations_info(channel=channel)["channel"]["is_ext_shared"]
    types = ["public_channel", "private_channel", "im", "mpim"]
    mine = {each["id"] for each in client.users_conversations(types=types)["channels"]}
    hers = {each["id"] for each in client.users_conversations(types=types, user=ada)["channels"]}
    assert mine == hers == {channel, shared, private}
    listed = {each["id"] for each in client.conversations_list(types=types)["channels"]}
    assert hidden not in listed
    opened = client.conversations_open(users=[ada])["channel"]["id"]
    assert opened == ws.direct("ada")
    assert client.chat_postMessage(channel=ada, text="hello")["channel"] == opened
