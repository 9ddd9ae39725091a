"""Streamed messages through the SDK's chat_stream."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.demo.slack_server import Workspace
from tests.bot.demo.slack_server.test_blocks import FEEDBACK


@pytest.fixture
def direct(ws: Workspace) -> str:
    return ws.direct(ws.person("ada"))


def test_stream_appends_text_until_it_is_stopped(ws: Workspace, client: WebClient, direct: str) -> None:
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


def test_stream_shorter_than_its_buffer_is_posted_at_the_end(ws: Workspace, client: WebClient, direct: str) -> None:
    ts = ws.post("ada", direct, "question")
    stream = client.chat_stream(channel=direct, thread_ts=ts)
    stream.append(markdown_text="short")
    stream.stop()
    assert ws.thread(direct, ts)[1].text == "short"


def test_expired_stream_can_be_finished_by_an_update(ws: Workspace, client: WebClient, direct: str) -> None:
    ts = ws.post("ada", direct, "question")
    stream = client.chat_stream(channel=direct, thread_ts=ts, buffer_size=1)
    stream.append(markdown_text="one ")
    ws.pace.stream_for = 0
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        stream.append(markdown_text="two")
    client.chat_update(channel=direct, ts=str(stream.ts), text="one two")
    assert ws.thread(direct, ts)[1].text == "one two"


def test_stream_errors(ws: Workspace, client: WebClient, direct: str) -> None:
    channel = ws.channel("papers", ["ada"])
    ts = ws.post("ada", channel, "question")
    with pytest.raises(SlackApiError, match="missing_recipient_team_id"):
        client.chat_startStream(channel=channel, thread_ts=ts, markdown_text="x")
    question_ts = ws.post("ada", direct, "question")
    begun = client.chat_startStream(channel=direct, thread_ts=question_ts, markdown_text="x")["ts"]
    with pytest.raises(SlackApiError, match="streaming_mode_mismatch"):
        client.chat_appendStream(channel=direct, ts=begun, chunks=[{"type": "markdown_text", "text": "y"}])
    with pytest.raises(SlackApiError, match="invalid_chunks"):
        client.chat_appendStream(channel=direct, ts=begun, chunks=[{"type": "whistle"}])


TASK = {"type": "task_update", "id": "read", "title": "Reading", "status": "in_progress"}


def test_task_of_a_stream_is_updated_by_its_id(ws: Workspace, client: WebClient, direct: str) -> None:
    ts = ws.post("ada", direct, "question")
    first = TASK | {"details": "2 pages"}
    begun = client.chat_startStream(channel=direct, thread_ts=ts, chunks=[first], task_display_mode="timeline")["ts"]
    client.chat_appendStream(channel=direct, ts=begun, chunks=[TASK | {"status": "complete"}])
    assert ws.message(direct, begun).tasks == {"read": ("Reading", "complete", "2 pages")}
    client.chat_stopStream(channel=direct, ts=begun)
    client.chat_update(channel=direct, ts=begun, text="answer")
    assert not ws.message(direct, begun).tasks


@pytest.mark.parametrize(
    "chunk",
    [
        TASK | {"status": "done"},
        TASK | {"title": ""},
        TASK | {"title": 7},
        TASK | {"color": "red"},
        {name: value for name, value in TASK.items() if name != "id"},
        {"type": "markdown_text"},
        {"type": "markdown_text", "text": "x", "style": "bold"},
        "text",
    ],
)
def test_malformed_chunk_is_refused(ws: Workspace, client: WebClient, direct: str, chunk: dict[str, str]) -> None:
    ts = ws.post("ada", direct, "question")
    with pytest.raises(SlackApiError, match="invalid_chunks"):
        client.api_call("chat.startStream", json={"channel": direct, "thread_ts": ts, "chunks": [chunk]})


def test_text_and_blocks_of_a_stream_have_limits(ws: Workspace, client: WebClient, direct: str) -> None:
    here: dict[str, Any] = {"channel": direct, "thread_ts": ws.post("ada", direct, "question")}
    with pytest.raises(SlackApiError, match="msg_too_long"):
        client.chat_startStream(**here, chunks=[{"type": "markdown_text", "text": "x" * 12_001}])
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        client.chat_startStream(**here, chunks=[{"type": "blocks", "blocks": [{"type": "whistle"}]}])
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        client.chat_startStream(**here, markdown_text="x", task_display_mode="list")
