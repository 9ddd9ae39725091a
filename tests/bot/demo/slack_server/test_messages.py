"""chat.*, conversations.*, reactions.*, through the real WebClient."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace

METADATA = {"event_type": "answer", "event_payload": {"question": "7"}}


@pytest.fixture
def room(ws: Workspace) -> str:
    return ws.channel("papers", [ws.person("ada")])


def texts(answer: Any) -> list[str]:
    return [each["text"] for each in answer["messages"]]


def test_a_reply_is_in_its_thread_and_not_in_the_channel(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "question")
    answer = client.chat_postMessage(channel=room, text="answer", thread_ts=ts, metadata=METADATA)
    assert (answer["message"]["thread_ts"], answer["message"]["bot_id"]) == (ts, ws.bot_id)
    assert [(each.user, each.text) for each in ws.thread(room, ts)][1] == (ws.bot_user, "answer")
    history = client.conversations_history(channel=room)
    assert texts(history) == ["question"]
    assert (history["messages"][0]["reply_count"], history["messages"][0]["latest_reply"]) == (1, answer["ts"])
    assert texts(client.conversations_replies(channel=room, ts=ts)) == ["question", "answer"]
    assert texts(client.conversations_replies(channel=room, ts=answer["ts"])) == ["answer"]


def test_metadata_is_told_only_to_who_asks(ws: Workspace, client: WebClient, room: str) -> None:
    ts = client.chat_postMessage(channel=room, text="answer", metadata=METADATA)["ts"]
    client.chat_update(channel=room, ts=ts, text="better")
    assert "metadata" not in client.conversations_replies(channel=room, ts=ts)["messages"][0]
    told = client.conversations_replies(channel=room, ts=ts, include_all_metadata=True)["messages"][0]
    assert told["metadata"] == METADATA
    client.chat_update(channel=room, ts=ts, text="better", metadata={})
    assert ws.message(room, ts).metadata == {}
    with pytest.raises(SlackApiError, match="invalid_metadata_format"):
        client.chat_postMessage(channel=room, text="answer", metadata={"event_type": "answer"})


def test_a_thread_that_is_gone(ws: Workspace, client: WebClient, room: str) -> None:
    """Slack says nothing: the reply stands in the channel. A thread with replies leaves a tombstone."""
    ts = ws.post("ada", room, "question")
    ws.delete_message(room, ts)
    answer = client.chat_postMessage(channel=room, text="answer", thread_ts=ts)
    assert "thread_ts" not in answer["message"]
    assert texts(client.conversations_history(channel=room)) == ["answer"]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        client.conversations_replies(channel=room, ts=ts)
    with pytest.raises(SlackApiError, match="invalid_thread_ts"):
        client.chat_postMessage(channel=room, text="answer", thread_ts="0")
    kept = ws.post("ada", room, "another")
    client.chat_postMessage(channel=room, text="answer", thread_ts=kept)
    ws.delete_message(room, kept)
    first, reply = client.conversations_replies(channel=room, ts=kept)["messages"]
    assert (first["subtype"], reply["text"]) == ("tombstone", "answer")


def test_a_reply_to_a_reply_is_lost(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "question")
    reply = ws.post("ada", room, "more", thread_ts=ts)
    client.chat_postMessage(channel=room, text="answer", thread_ts=reply)
    assert texts(client.conversations_replies(channel=room, ts=ts)) == ["question", "more"]
    assert texts(client.conversations_history(channel=room)) == ["question"]


def test_updates(ws: Workspace, client: WebClient, room: str) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "one"}}
    ts = client.chat_postMessage(channel=room, text="one", blocks=[block])["ts"]
    client.chat_update(channel=room, ts=ts, text="two")
    assert (ws.message(room, ts).text, ws.message(room, ts).blocks) == ("two", [])
    client.api_call("chat.update", json={"channel": room, "ts": ts, "blocks": [block]})
    assert (ws.message(room, ts).text, ws.message(room, ts).blocks) == ("two", [block])
    with pytest.raises(SlackApiError, match="msg_too_long"):
        client.chat_update(channel=room, ts=ts, text="x" * 4001)
    with pytest.raises(SlackApiError, match="message_not_found"):
        client.chat_update(channel=room, ts="1700000000.000001", text="x")
    theirs = ws.post("ada", room, "mine")
    with pytest.raises(SlackApiError, match="cant_update_message"):
        client.chat_update(channel=room, ts=theirs, text="x")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        client.chat_delete(channel=room, ts=theirs)
    client.chat_delete(channel=room, ts=ts)
    assert [each.text for each in ws.messages(room)] == ["mine"]


def test_long_text_is_cut_and_no_text_refused(ws: Workspace, client: WebClient, room: str) -> None:
    ts = client.chat_postMessage(channel=room, text="x" * 40_001)["ts"]
    assert len(ws.message(room, ts).text) == 40_000
    with pytest.raises(SlackApiError, match="no_text"):
        client.api_call("chat.postMessage", json={"channel": room})
    with pytest.raises(SlackApiError, match="markdown_text_conflict"):
        client.chat_postMessage(channel=room, text="a", markdown_text="b")
    with pytest.raises(SlackApiError, match="msg_too_long"):
        client.chat_postMessage(channel=room, markdown_text="b" * 12_001)
    assert client.chat_postMessage(channel=room, markdown_text="*b*")["message"]["text"] == "*b*"


def test_what_only_one_person_sees(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "question")
    client.chat_postEphemeral(channel=room, user=ws.message(room, ts).user, text="psst", thread_ts=ts)
    assert [(each.text, each.thread_ts) for each in ws.ephemerals("ada")] == [("psst", ts)]
    assert texts(client.conversations_history(channel=room)) == ["question"]
    with pytest.raises(SlackApiError, match="user_not_in_channel"):
        client.chat_postEphemeral(channel=room, user=ws.person("bob"), text="psst")


def test_reactions(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "hello")
    client.reactions_add(channel=room, name="eyes", timestamp=ts)
    assert ws.message(room, ts).reactions == {"eyes": [ws.bot_user]}
    assert client.reactions_get(channel=room, timestamp=ts)["message"]["reactions"][0]["count"] == 1
    for name, at, error in (
        ("eyes", ts, "already_reacted"),
        (":tada:", ts, "invalid_name"),
        ("tada", "1700000000.000001", "message_not_found"),
    ):
        with pytest.raises(SlackApiError, match=error):
            client.reactions_add(channel=room, name=name, timestamp=at)
    client.reactions_remove(channel=room, name="eyes", timestamp=ts)
    assert ws.message(room, ts).reactions == {}
    with pytest.raises(SlackApiError, match="no_reaction"):
        client.reactions_remove(channel=room, name="eyes", timestamp=ts)


def test_history_in_pages_and_between_times(ws: Workspace, client: WebClient, room: str) -> None:
    stamps = [ws.post("ada", room, str(number)) for number in range(5)]
    pages = [texts(page) for page in client.conversations_history(channel=room, limit=2)]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    between: dict[str, Any] = {"channel": room, "oldest": stamps[1], "latest": stamps[3]}
    assert texts(client.conversations_history(**between)) == ["2"]
    assert texts(client.conversations_history(**between, inclusive=True)) == ["3", "2", "1"]
    for number in range(3):
        ws.post("ada", room, f"reply {number}", thread_ts=stamps[0])
    replies = [texts(page) for page in client.conversations_replies(channel=room, ts=stamps[0], limit=3)]
    assert [text for page in replies for text in page] == ["0", "reply 0", "reply 1", "reply 2"]


def test_links(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "question")
    reply = ws.post("ada", room, "more", thread_ts=ts)
    link = client.chat_getPermalink(channel=room, message_ts=reply)["permalink"]
    assert link.endswith(f"/archives/{room}/p{reply.replace('.', '')}?thread_ts={ts}&cid={room}")


def test_a_status_stands_until_the_next_message(ws: Workspace, client: WebClient, room: str) -> None:
    ts = ws.post("ada", room, "question")
    client.assistant_threads_setStatus(channel_id=room, thread_ts=ts, status="is reading")
    assert ws.status(room, ts) == "is reading"
    client.chat_postMessage(channel=room, thread_ts=ts, text="answer")
    assert ws.status(room, ts) == ""
    direct = ws.direct("ada")
    client.assistant_threads_setSuggestedPrompts(channel_id=direct, prompts=[{"title": "New", "message": "What?"}])
    assert ws.prompts(direct) == [{"title": "New", "message": "What?"}]


def test_who_is_where(ws: Workspace, client: WebClient, room: str) -> None:
    ada = ws.space(room).members[0]
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
    assert client.conversations_members(channel=room)["members"] == [ada, ws.bot_user]
    pages = client.conversations_members(channel=room, limit=1)
    assert [page["members"] for page in pages] == [[ada], [ws.bot_user]]
    told = client.conversations_info(channel=shared)["channel"]
    assert (told["is_ext_shared"], told["connected_team_ids"]) == (True, ["T9999999999"])
    ws.set_shared(room)
    assert client.conversations_info(channel=room)["channel"]["is_ext_shared"]
    types = ["public_channel", "private_channel", "im", "mpim"]
    mine = {each["id"] for each in client.users_conversations(types=types)["channels"]}
    hers = {each["id"] for each in client.users_conversations(types=types, user=ada)["channels"]}
    assert mine == hers == {room, shared, private}
    listed = {each["id"] for each in client.conversations_list(types=types)["channels"]}
    assert hidden not in listed
    opened = client.conversations_open(users=[ada])["channel"]["id"]
    assert opened == ws.direct("ada")
    assert client.chat_postMessage(channel=ada, text="hello")["channel"] == opened
