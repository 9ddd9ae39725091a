"""Answers that grow, through the SDK's own chat_stream."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.test_blocks import FEEDBACK


@pytest.fixture
def direct(ws: Workspace) -> str:
    return ws.direct(ws.person("ada"))


def test_an_answer_grows_and_ends(ws: Workspace, client: WebClient, direct: str) -> None:
    ts = ws.post("ada", direct, "question")
    stream = client.chat_stream(channel=direct, thread_ts=ts, buffer_size=1)
    stream.append(markdown_text="one ")
    assert [each.text for each in ws.thread(direct, ts)] == ["question", "one "]
    with pytest.raises(SlackApiError, match="streaming_state_conflict"):
        client.chat_update(channel=direct, ts=str(stream.ts), text="x")
    stream.append(markdown_text="two")
    stream.stop(blocks=[FEEDBACK], metadata={"event_type": "answer", "event_payload": {}})
    answer = ws.thread(direct, ts)[1]
    assert (answer.text, answer.blocks, answer.metadata["event_type"]) == ("one two", [FEEDBACK], "answer")
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        client.chat_appendStream(channel=direct, ts=answer.ts, markdown_text="x")


def test_a_short_answer_comes_with_the_end(ws: Workspace, client: WebClient, direct: str) -> None:
    ts = ws.post("ada", direct, "question")
    stream = client.chat_stream(channel=direct, thread_ts=ts)
    stream.append(markdown_text="short")
    stream.stop()
    assert ws.thread(direct, ts)[1].text == "short"


def test_streams_die_and_the_message_can_be_saved(ws: Workspace, client: WebClient, direct: str) -> None:
    ts = ws.post("ada", direct, "question")
    stream = client.chat_stream(channel=direct, thread_ts=ts, buffer_size=1)
    stream.append(markdown_text="one ")
    ws.pace.stream_for = 0
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        stream.append(markdown_text="two")
    client.chat_update(channel=direct, ts=str(stream.ts), text="one two")
    assert ws.thread(direct, ts)[1].text == "one two"


def test_refusals(ws: Workspace, client: WebClient, direct: str) -> None:
    room = ws.channel("papers", ["ada"])
    ts = ws.post("ada", room, "question")
    with pytest.raises(SlackApiError, match="missing_recipient_team_id"):
        client.chat_startStream(channel=room, thread_ts=ts, markdown_text="x")
    asked = ws.post("ada", direct, "question")
    begun = client.chat_startStream(channel=direct, thread_ts=asked, markdown_text="x")["ts"]
    with pytest.raises(SlackApiError, match="streaming_mode_mismatch"):
        client.chat_appendStream(channel=direct, ts=begun, chunks=[{"type": "markdown_text", "text": "y"}])
    with pytest.raises(SlackApiError, match="invalid_chunks"):
        client.chat_appendStream(channel=direct, ts=begun, chunks=[{"type": "whistle"}])
