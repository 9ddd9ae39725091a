"""What goes wrong at Slack, one at a time: every question is answered once, every file is indexed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.demo.slack_server import Workspace, open_workspace
from bot.main import Bot
from bot.slack.messages import FAILED
from rag import Scope
from tests.flows.team import HANDBOOK, READ, magpie, pictures, receipts, replies, reply, said, until
from tests.support.slack_workspace import MANIFEST, without_proxies, workspace_fixture

QUESTION = "which port does the gateway use?"

ws = workspace_fixture("module", manifest=MANIFEST, ack_timeout=0.5)


@pytest.fixture(scope="module")
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture(scope="module")
def room(ws: Workspace, ada: str) -> str:
    return ws.channel("harbour", members=[ada])


@pytest.fixture(scope="module")
def running(ws: Workspace, tmp_path_factory: pytest.TempPathFactory, ada: str, room: str) -> Iterator[Bot]:
    """One bot for all tests, which has read the handbook; it has to live through every fault."""
    with magpie(ws, tmp_path_factory.mktemp("data")) as bot:
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
        yield bot


@pytest.fixture
def bot(ws: Workspace, running: Bot) -> Iterator[Bot]:
    yield running
    ws.faults.clear()
    ws.pace.share_delay = 0.05


def ask(ws: Workspace, ada: str, room: str) -> str:
    return ws.post(ada, room, f"<@{ws.bot_user}> {QUESTION}")


def answered_once(ws: Workspace, room: str, asked: str) -> None:
    """One reply, one message with pictures, and no more after everything has come to rest."""
    assert "8443" in said(reply(ws, room, asked))
    pictures(ws, room, asked)
    ws.wait(lambda: not ws.message(room, asked).reactions, 30, "the end")
    ws.settled(20)
    assert [bool(one.files) for one in replies(ws, room, asked)] == [False, True]


CALLS = ("chat.postMessage", "chat.update", "files.getUploadURLExternal", "upload", "files.completeUploadExternal")


@pytest.mark.parametrize("method", [*CALLS, "reactions.add"])
@pytest.mark.parametrize("fault", ["429", "503", "before", "after"])
def test_a_call_that_fails_once(ws: Workspace, bot: Bot, ada: str, room: str, method: str, fault: str) -> None:
    if fault == "429":
        ws.faults.fail(method, status=429, retry_after=0)
    elif fault == "503":
        ws.faults.fail(method, status=503)
    else:
        ws.faults.fail(method, drop="before" if fault == "before" else "after")
    answered_once(ws, room, ask(ws, ada, room))


def test_an_acknowledgement_that_is_lost(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.faults.lose_acks(3)
    answered_once(ws, room, ask(ws, ada, room))


def test_envelopes_that_come_three_times(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.faults.duplicate(6, copies=2)
    ws.faults.duplicate(6, copies=1, new_envelope=True)
    answered_once(ws, room, ask(ws, ada, room))


def test_events_out_of_order(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.faults.reorder(2)
    answered_once(ws, room, ask(ws, ada, room))


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "link_disabled"])
def test_a_connection_that_slack_ends(ws: Workspace, bot: Bot, ada: str, room: str, reason: str) -> None:
    ws.disconnect_now(reason)
    answered_once(ws, room, ask(ws, ada, room))


def test_slow_shares_of_the_pictures(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.pace.share_delay = 2.0
    answered_once(ws, room, ask(ws, ada, room))


def test_a_write_that_fails_is_delivered_again(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    """The row cannot be written, so the event is not acknowledged; Slack sends it again."""
    with bot.rag.write_transaction() as connection:
        connection.execute(
            text("CREATE TRIGGER broken BEFORE INSERT ON question BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        )
    asked = ask(ws, ada, room)
    ws.wait(lambda: ws.envelopes("app_mention")[-1].sent > 1, 20, "a second delivery")
    with bot.rag.write_transaction() as connection:
        connection.execute(text("DROP TRIGGER broken"))
    answered_once(ws, room, asked)


@pytest.mark.parametrize("fault", ["html_login", "redirect", "truncate", "short"])
def test_a_download_that_fails_comes_later(ws: Workspace, bot: Bot, ada: str, room: str, fault: str) -> None:
    getattr(ws.faults, fault)(2)
    ts = ws.post(ada, room, files=[(f"{fault}.pdf", HANDBOOK + fault.encode())])
    receipts(ws, room, ts, READ)
    assert f"{fault}.pdf" in [row.name for row in bot.rag.documents(Scope.of(room))]


def test_a_redirect_never_gets_the_token(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.faults.redirect(1, to=f"{ws.api_url}stolen")
    receipts(ws, room, ws.post(ada, room, files=[("second.pdf", HANDBOOK + b"\n%")]), READ)
    assert ws.called("stolen") == []


def test_slack_out_of_reach_for_a_while(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    with ws.unreachable():
        asked = ask(ws, ada, room)
        shared = ws.post(ada, room, files=[("second.pdf", HANDBOOK + b"\n%")])
        bot.stop.wait(3)
    answered_once(ws, room, asked)
    receipts(ws, room, shared, READ)


def test_events_that_never_came_are_made_up_for_by_the_sweep(tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST) as ws:
        ada = ws.person("ada")
        _make_up_for_what_was_missed(ws, tmp_path, ada, ws.channel("harbour", members=[ada]))


def _make_up_for_what_was_missed(ws: Workspace, tmp_path: Path, ada: str, room: str) -> None:
    gone = ws.post(ada, room, files=[("gone.pdf", HANDBOOK + b"\n%")])
    with magpie(ws, tmp_path / "data") as bot:
        ws.wait(lambda: len(ws.called("files.list")) > 0, 20)
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
    ws.pace.hold_events = 0.0
    ws.delete_message(room, gone)
    ws.post(ada, room, files=[("missed.pdf", HANDBOOK + b"\n%%")])
    with magpie(ws, tmp_path / "data") as bot:
        until(lambda: [row.name for row in bot.rag.documents(Scope.of(room))] == ["handbook.pdf", "missed.pdf"])


def test_a_question_that_nobody_heard_is_answered_after_the_sweep(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    ws.faults.lose_events(9)
    here = ws.direct(ada)
    asked, alone = ask(ws, ada, room), ws.post(ada, here, "hello?")
    ws.faults.clear()
    bot.sweep_all()
    answered_once(ws, room, asked)
    reply(ws, here, alone)
    bot.sweep_all()
    calls = len(ws.called("files.list"))
    ws.wait(lambda: len(ws.called("files.list")) >= calls + 2, 20, "another sweep")
    assert len(replies(ws, room, asked)) == 2


def test_a_question_that_cannot_be_answered_does_not_end_in_silence(
    ws: Workspace, bot: Bot, ada: str, room: str
) -> None:
    ws.faults.html_login(1)
    picture = ws.post(ada, room, f"<@{ws.bot_user}> what is this?", files=[("shot.png", b"\x89PNG no picture")])
    assert said(reply(ws, room, picture)) == FAILED
    torn = ws.post(ada, room, f"<@{ws.bot_user}> what is this?", files=[("shot.png", b"\x89PNG no picture")])
    assert "I couldn't read this image" in said(reply(ws, room, torn))


@pytest.mark.parametrize("method", ["users.conversations", "files.list", "conversations.history"])
def test_a_sweep_that_is_refused_stops_nothing(ws: Workspace, bot: Bot, ada: str, room: str, method: str) -> None:
    ws.faults.fail(method, error="not_in_channel")
    seen = len(ws.called(method))
    bot.sweep_all()
    ws.wait(lambda: len(ws.called(method)) > seen, 20, "the refused call")
    answered_once(ws, room, ask(ws, ada, room))
    assert "handbook.pdf" in [row.name for row in bot.rag.documents(Scope.of(room))]


def test_what_slack_gave_up_on_is_found_when_the_connection_is_back(
    ws: Workspace, bot: Bot, ada: str, room: str
) -> None:
    ws.pace.hold_events = 0
    try:
        with ws.unreachable():
            asked = ask(ws, ada, room)
            ws.post(ada, room, files=[("unheard.pdf", HANDBOOK + b"unheard")])
            bot.stop.wait(3)
        answered_once(ws, room, asked)
        until(lambda: "unheard.pdf" in [row.name for row in bot.rag.documents(Scope.of(room))])
    finally:
        ws.pace.hold_events = 600
