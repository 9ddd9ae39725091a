"""Faults of Slack, one at a time: every question is answered once, and every file is indexed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.demo.slack_server import Workspace, open_workspace
from bot.main import Bot
from bot.slack.messages.answer_texts import FAILED
from rag import Scope
from tests.flows.team import HANDBOOK, READ, magpie, pictures, receipts, replies, reply, said, until
from tests.support.slack_workspace import MANIFEST, without_proxies, workspace_fixture

QUESTION = "which port does the gateway use?"

ws = workspace_fixture("module", manifest=MANIFEST, ack_timeout=0.5)


@pytest.fixture(scope="module")
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture(scope="module")
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


@pytest.fixture(scope="module")
def running(ws: Workspace, tmp_path_factory: pytest.TempPathFactory, ada: str, channel: str) -> Iterator[Bot]:
    """One bot for all tests, which has read the handbook and must survive every fault."""
    with magpie(ws, tmp_path_factory.mktemp("data")) as bot:
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        yield bot


@pytest.fixture
def bot(ws: Workspace, running: Bot) -> Iterator[Bot]:
    yield running
    ws.faults.clear()
    ws.pace.share_delay = 0.05


def ask(ws: Workspace, ada: str, channel: str) -> str:
    return ws.post(ada, channel, f"<@{ws.bot_user}> {QUESTION}")


def assert_answered_once(ws: Workspace, channel: str, asked: str) -> None:
    """Wait for the answer and assert that the thread has one reply and one message with pictures."""
    assert "8443" in said(reply(ws, channel, asked))
    pictures(ws, channel, asked)
    ws.wait(lambda: not ws.message(channel, asked).reactions, 30, "the removal of the reactions")
    ws.settled(20)
    assert [bool(one.files) for one in replies(ws, channel, asked)] == [False, True]


CALLS = ("chat.postMessage", "chat.update", "files.getUploadURLExternal", "upload", "files.completeUploadExternal")


@pytest.mark.parametrize("method", [*CALLS, "reactions.add"])
@pytest.mark.parametrize("fault", ["429", "503", "before", "after"])
def test_failed_call_is_retried(ws: Workspace, bot: Bot, ada: str, channel: str, method: str, fault: str) -> None:
    if fault == "429":
        ws.faults.fail(method, status=429, retry_after=0)
    elif fault == "503":
        ws.faults.fail(method, status=503)
    else:
        ws.faults.fail(method, drop="before" if fault == "before" else "after")
    assert_answered_once(ws, channel, ask(ws, ada, channel))


def test_lost_acknowledgment_does_not_repeat_the_answer(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.lose_acks(3)
    assert_answered_once(ws, channel, ask(ws, ada, channel))


def test_duplicate_events_are_answered_once(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.duplicate(6, copies=2)
    ws.faults.duplicate(6, copies=1, new_envelope=True)
    assert_answered_once(ws, channel, ask(ws, ada, channel))


def test_events_out_of_order_are_answered_once(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.reorder(2)
    assert_answered_once(ws, channel, ask(ws, ada, channel))


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "link_disabled"])
def test_bot_reconnects_if_slack_closes_the_connection(
    ws: Workspace, bot: Bot, ada: str, channel: str, reason: str
) -> None:
    ws.disconnect_now(reason)
    assert_answered_once(ws, channel, ask(ws, ada, channel))


def test_pictures_that_are_shared_late_are_posted_once(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.pace.share_delay = 2.0
    assert_answered_once(ws, channel, ask(ws, ada, channel))


def test_event_is_delivered_again_if_it_cannot_be_saved(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    """The event is not acknowledged, so Slack sends it again."""
    with bot.rag.write_transaction() as connection:
        connection.execute(
            text("CREATE TRIGGER broken BEFORE INSERT ON question BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        )
    asked = ask(ws, ada, channel)
    ws.wait(lambda: ws.envelopes("app_mention")[-1].sent > 1, 20, "a second delivery")
    with bot.rag.write_transaction() as connection:
        connection.execute(text("DROP TRIGGER broken"))
    assert_answered_once(ws, channel, asked)


@pytest.mark.parametrize("fault", ["html_login", "redirect", "truncate", "short"])
def test_failed_download_is_retried(ws: Workspace, bot: Bot, ada: str, channel: str, fault: str) -> None:
    getattr(ws.faults, fault)(2)
    ts = ws.post(ada, channel, files=[(f"{fault}.pdf", HANDBOOK + fault.encode())])
    receipts(ws, channel, ts, READ)
    assert f"{fault}.pdf" in [row.name for row in bot.rag.documents(Scope.of(channel))]


def test_redirect_does_not_get_the_token(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.redirect(1, to=f"{ws.api_url}stolen")
    receipts(ws, channel, ws.post(ada, channel, files=[("second.pdf", HANDBOOK + b"\n%")]), READ)
    assert ws.called("stolen") == []


def test_bot_catches_up_after_slack_was_unreachable(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    with ws.unreachable():
        asked = ask(ws, ada, channel)
        shared = ws.post(ada, channel, files=[("second.pdf", HANDBOOK + b"\n%")])
        bot.stop.wait(3)
    assert_answered_once(ws, channel, asked)
    receipts(ws, channel, shared, READ)


def test_sweep_finds_changes_while_the_bot_was_stopped(tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        ada = ws.person("ada")
        _change_files_while_stopped(ws, tmp_path, ada, ws.channel("harbor", members=[ada]))


def _change_files_while_stopped(ws: Workspace, tmp_path: Path, ada: str, channel: str) -> None:
    deleted = ws.post(ada, channel, files=[("deleted.pdf", HANDBOOK + b"\n%")])
    with magpie(ws, tmp_path / "data") as bot:
        ws.wait(lambda: len(ws.called("files.list")) > 0, 20)
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
    ws.pace.hold_events = 0.0
    ws.delete_message(channel, deleted)
    ws.post(ada, channel, files=[("missed.pdf", HANDBOOK + b"\n%%")])
    with magpie(ws, tmp_path / "data") as bot:
        until(lambda: [row.name for row in bot.rag.documents(Scope.of(channel))] == ["handbook.pdf", "missed.pdf"])


def test_sweep_finds_questions_whose_events_were_lost(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.lose_events(9)
    direct = ws.direct(ada)
    asked, greeting = ask(ws, ada, channel), ws.post(ada, direct, "hello?")
    ws.faults.clear()
    bot.sweep_all()
    assert_answered_once(ws, channel, asked)
    reply(ws, direct, greeting)
    bot.sweep_all()
    calls = len(ws.called("files.list"))
    ws.wait(lambda: len(ws.called("files.list")) >= calls + 2, 20, "another sweep")
    assert len(replies(ws, channel, asked)) == 2


def test_question_that_fails_gets_a_reply(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.html_login(1)
    picture = ws.post(ada, channel, f"<@{ws.bot_user}> what is this?", files=[("shot.png", b"\x89PNG no picture")])
    assert said(reply(ws, channel, picture)) == FAILED
    torn = ws.post(ada, channel, f"<@{ws.bot_user}> what is this?", files=[("shot.png", b"\x89PNG no picture")])
    assert "I couldn't read this image" in said(reply(ws, channel, torn))


@pytest.mark.parametrize("method", ["users.conversations", "files.list", "conversations.history"])
def test_failed_sweep_does_not_stop_the_bot(ws: Workspace, bot: Bot, ada: str, channel: str, method: str) -> None:
    ws.faults.fail(method, error="not_in_channel")
    seen = len(ws.called(method))
    bot.sweep_all()
    ws.wait(lambda: len(ws.called(method)) > seen, 20, "the refused call")
    assert_answered_once(ws, channel, ask(ws, ada, channel))
    assert "handbook.pdf" in [row.name for row in bot.rag.documents(Scope.of(channel))]


def test_dropped_events_are_found_after_reconnecting(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.pace.hold_events = 0
    try:
        with ws.unreachable():
            asked = ask(ws, ada, channel)
            ws.post(ada, channel, files=[("missed.pdf", HANDBOOK + b"missed")])
            bot.stop.wait(3)
        assert_answered_once(ws, channel, asked)
        until(lambda: "missed.pdf" in [row.name for row in bot.rag.documents(Scope.of(channel))])
    finally:
        ws.pace.hold_events = 600
