"""Answers in direct messages grow in a stream; whatever Slack refuses, they come by updates."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bot.answers.streaming import ENDS_AFTER
from bot.db import questions, retention
from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.buttons import is_working
from bot.slack.messages import progress_texts
from tests.flows.team import HANDBOOK, READ, magpie, mention, receipts, replies, reply, said, share
from tests.flows.test_conversation import ChatGenerator
from tests.support.generator import FakeGenerator

PORT = "Which port does the gateway use?"


@pytest.fixture
def model() -> ChatGenerator:
    return ChatGenerator()


@pytest.fixture
def bot(ws: Workspace, ada: str, channel: str, model: ChatGenerator, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data", generator=model) as bot:
        share(ws, ada, channel)
        yield bot


@pytest.fixture
def direct(ws: Workspace, ada: str) -> str:
    return ws.direct(ada)


def chunks(ws: Workspace) -> list[dict[str, Any]]:
    """Return all chunks that were streamed."""
    calls = [*ws.called("chat.startStream"), *ws.called("chat.appendStream")]
    return [chunk for call in calls for chunk in _list(call["chunks"])]


def _list(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(value) if isinstance(value, str) else value
    return found


def streamed(ws: Workspace) -> str:
    return "".join(chunk["text"] for chunk in chunks(ws) if chunk["type"] == "markdown_text")


def test_answer_in_a_direct_message_is_streamed(ws: Workspace, bot: Bot, ada: str, direct: str) -> None:
    asked = ws.post(ada, direct, PORT)
    answer = reply(ws, direct, asked)
    assert "8443" in said(answer)
    assert "8443" in streamed(ws)
    begun, ended = ws.called("chat.startStream"), ws.called("chat.stopStream")
    assert [call["thread_ts"] for call in begun] == [asked]
    assert [call["ts"] for call in ended] == [answer.ts]
    texts = [one for one in replies(ws, direct, asked) if not one.files]
    assert [one.ts for one in texts] == [answer.ts]  # the placeholder is gone
    assert answer.metadata["event_payload"] == {"question": f"{direct}:{asked}"}
    shown = [chunk["id"] for chunk in chunks(ws) if chunk["type"] == "task_update" and chunk["status"] == "in_progress"]
    assert shown[0] == "reading"
    assert set(shown) <= {"reading", "writing", "checking"}
    ws.wait(lambda: not ws.message(direct, asked).reactions, 20, "the end of the answer")


def test_answer_in_a_channel_is_not_streamed(ws: Workspace, bot: Bot, ada: str, ben: str, channel: str) -> None:
    group = ws.group_direct([ada, ben])
    for where in (channel, group):
        reply(ws, where, ws.post(ada, where, mention(ws, PORT)))
    assert not ws.called("chat.startStream")


def test_answer_is_not_streamed_if_that_is_switched_off(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, direct: str
) -> None:
    with magpie(ws, tmp_path / "data", stream=False):
        share(ws, ada, channel)
        reply(ws, direct, ws.post(ada, direct, PORT))
    assert not ws.called("chat.startStream")


def test_only_statements_that_hold_are_streamed(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, direct: str
) -> None:
    model = FakeGenerator(text="The gateway listens on port 9999 [1]. The gateway listens on port 8443 [1].")
    with magpie(ws, tmp_path / "data", generator=model):
        share(ws, ada, channel)
        reply(ws, direct, ws.post(ada, direct, PORT))
    assert "8443" in streamed(ws)
    assert "9999" not in streamed(ws)


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream"])
@pytest.mark.parametrize("error", ["channel_type_not_supported", "message_not_in_streaming_state", "ratelimited"])
def test_answer_comes_by_updates_if_slack_refuses_the_stream(
    ws: Workspace, bot: Bot, ada: str, direct: str, method: str, error: str
) -> None:
    ws.faults.fail(method, times=9, error=error)
    asked = ws.post(ada, direct, PORT)
    answer = reply(ws, direct, asked)
    assert "8443" in said(answer)
    assert len(ws.called(method)) == 1
    ws.wait(lambda: not ws.message(direct, asked).reactions, 20, "the end of the answer")
    assert [one.ts for one in replies(ws, direct, asked) if not one.files] == [answer.ts]


def test_answer_whose_stream_slack_has_ended_is_complete(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, direct: str
) -> None:
    model.hold = Event()
    asked = ws.post(ada, direct, PORT)
    ws.wait(lambda: ws.called("chat.startStream"), 40, "a stream")
    ws.pace.stream_for = 0
    model.hold.set()
    assert "8443" in said(reply(ws, direct, asked))
    assert ws.pace.stream_for < ENDS_AFTER < type(ws.pace)().stream_for


def _unshared(ws: Workspace, channel: str) -> None:
    [file] = ws.files("handbook.pdf")
    ws.unshare(file.id, channel)


def test_stream_is_deleted_if_a_file_leaves_meanwhile(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, channel: str, direct: str
) -> None:
    model.hold = Event()
    asked = ws.post(ada, direct, PORT)
    begun = ws.wait(lambda: [one for one in replies(ws, direct, asked) if not one.blocks], 40, "a stream")[0].ts
    _unshared(ws, channel)
    ws.wait(lambda: all(one.ts != begun for one in replies(ws, direct, asked)), 40, "the end of the stream")
    model.hold.set()
    answer = reply(ws, direct, asked)
    assert "8443" not in said(answer)


def test_stop_deletes_the_stream(ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, direct: str) -> None:
    model.hold = Event()
    asked = ws.post(ada, direct, PORT)
    ws.wait(lambda: [one for one in replies(ws, direct, asked) if not one.blocks], 40, "a stream")
    [placeholder] = [one for one in replies(ws, direct, asked) if is_working(one.blocks)]
    ws.wait(lambda: said(ws.message(direct, placeholder.ts)) == "Answering below …", 20, "the placeholder")
    ws.click(ada, direct, placeholder.ts, "stop")
    ws.wait(lambda: [said(one) for one in replies(ws, direct, asked)] == ["Stopped."], 40, "the stopped answer")


def test_stream_that_slack_does_not_let_it_delete_is_emptied(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, direct: str
) -> None:
    model.hold = Event()
    asked = ws.post(ada, direct, PORT)
    begun = ws.wait(lambda: _stream_of(bot, direct, asked), 40, "a stream")
    [placeholder] = [one for one in replies(ws, direct, asked) if is_working(one.blocks)]
    ws.faults.fail("chat.delete", times=9, error="cant_delete_message")
    ws.click(ada, direct, placeholder.ts, "stop")
    ws.wait(lambda: said(ws.message(direct, placeholder.ts)) == "Stopped.", 40, "the stopped answer")
    assert ws.message(direct, str(begun)).text == progress_texts.WITHDRAWN


def test_forgetting_the_person_deletes_the_stream(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, direct: str
) -> None:
    model.hold = Event()
    asked = ws.post(ada, direct, PORT)
    ws.wait(lambda: ws.called("chat.startStream") and _stream_of(bot, direct, asked), 40, "a stream")
    with bot.rag.write_transaction() as connection:
        retention.forget_user(connection, ada)
    ws.wait(lambda: not replies(ws, direct, asked), 40, "the end of all messages")


def test_stopped_stream_is_deleted_when_slack_can_be_reached_again(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, direct: str
) -> None:
    model.hold = Event()
    asked = ws.post(ada, direct, PORT)
    ws.wait(lambda: _stream_of(bot, direct, asked), 40, "a stream")
    [placeholder] = [one for one in replies(ws, direct, asked) if is_working(one.blocks)]
    ws.faults.fail("chat.delete", times=3, status=503)
    ws.click(ada, direct, placeholder.ts, "stop")
    ws.wait(lambda: [said(one) for one in replies(ws, direct, asked)] == ["Stopped."], 40, "the stopped answer")


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not stored"])
def test_stream_of_a_process_that_ended_is_deleted(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, direct: str, is_stored: bool
) -> None:
    model = ChatGenerator(hold=Event())
    with magpie(ws, tmp_path / "data", generator=model) as bot:
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        asked = ws.post(ada, direct, PORT)
        before = ws.wait(lambda: [one for one in replies(ws, direct, asked) if not one.blocks], 40, "a stream")[0].ts
        ws.wait(lambda: _stream_of(bot, direct, asked) == before, 20, "the stored stream")
        ws.faults.fail("chat.stopStream", times=99, error="internal_error")
        ws.faults.fail("chat.delete", times=99, error="internal_error")
    ws.faults.clear()
    if not is_stored:  # it ended right after Slack had created the stream
        with closing(sqlite3.connect(tmp_path / "data" / "catalog.db")) as catalog, catalog:
            catalog.execute("UPDATE question SET stream = ''")
    with magpie(ws, tmp_path / "data"):
        answer = reply(ws, direct, asked)
        assert "8443" in said(answer)
        ws.wait(lambda: all(one.ts != before for one in replies(ws, direct, asked)), 20, "the end of the stream")
        ws.wait(lambda: not ws.message(direct, asked).reactions, 20, "the end of the answer")


def _stream_of(bot: Bot, channel: str, ts: str) -> str | None:
    with bot.rag.read_transaction() as connection:
        found = questions.find_claimed(connection, channel, ts)
    return None if found is None else found.stream
