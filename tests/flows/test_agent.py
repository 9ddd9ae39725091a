"""Magpie as an agent: the status of its sessions, Slack's own Stop button, and the channel that a person looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.buttons import is_working
from tests.flows.team import magpie, mention, pdf, pictures, replies, reply, said, share, until
from tests.flows.test_conversation import ChatGenerator
from tests.support.slack_workspace import AGENT_MANIFEST, workspace_fixture

PORT = "Which port does the gateway use?"
OLD = pdf("The gateway of the old harbor listens on port 1111.")
NEW = pdf("The gateway of the new harbor listens on port 2222.")

ws = workspace_fixture(manifest=AGENT_MANIFEST, ack_timeout=1.0)


@pytest.fixture
def model() -> ChatGenerator:
    return ChatGenerator()


@pytest.fixture
def bot(ws: Workspace, ada: str, channel: str, model: ChatGenerator, tmp_path: Path) -> Iterator[Bot]:
    """A bot that has read what is shared in #harbor."""
    with magpie(ws, tmp_path / "data", generator=model) as bot:
        share(ws, ada, channel, "old.pdf", OLD)
        yield bot


def status(ws: Workspace, channel: str, thread: str) -> str:
    session = ws.session(channel, thread)
    return session.status if session is not None else ""


def test_session_has_the_question_as_its_title_and_ends_with_the_answer(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.hold = hold = Event()
    asked = ws.post(ada, channel, mention(ws, PORT))
    assert model.begun.wait(40)
    session = ws.session(channel, asked)
    assert session is not None
    assert (session.status, session.title, session.initiator) == ("processing", PORT, ada)
    hold.set()
    reply(ws, channel, asked)
    ws.wait(lambda: status(ws, channel, asked) == "active", 40, "the end of the session")
    assert not ws.called("assistant.threads.setStatus")


def test_stop_button_of_slack_stops_only_answers_to_the_same_person(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, ben: str, channel: str
) -> None:
    model.hold = Event()
    asked = ws.post(ada, channel, mention(ws, PORT))
    assert model.begun.wait(40)
    ws.stop_session(ben, channel, asked)
    ws.settled()
    assert is_working(replies(ws, channel, asked)[0].blocks)
    ws.stop_session(ada, channel, asked)
    ws.wait(lambda: said(replies(ws, channel, asked)[0]) == "Stopped.", 40, "the stopped answer")
    until(lambda: model.closed == len(model.prompts))
    ws.wait(lambda: status(ws, channel, asked) == "active", 40, "the end of the session")


def test_stop_button_does_not_take_back_an_answer_that_is_shown_already(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.hold = hold = Event()
    asked = ws.post(ada, channel, mention(ws, PORT))
    assert model.begun.wait(40)
    ws.faults.meanwhile("agents.sessions.setStatus", lambda: ws.stop_session(ada, channel, asked))
    hold.set()
    answer = pictures(ws, channel, asked)
    ws.wait(lambda: not ws.message(channel, asked).reactions, 20, "the removal of the reaction")
    assert status(ws, channel, asked) == "active"
    assert [one.ts for one in replies(ws, channel, asked)][1:] == [answer.ts]
    assert "1111" in said(replies(ws, channel, asked)[0])


def test_channel_that_a_person_looks_at_is_searched_first(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    other = ws.channel("north", members=[ada])
    share(ws, ada, other, "new.pdf", NEW)
    direct = ws.direct(ada)
    ws.look_at(ada, channel)
    ws.settled()
    answer = said(reply(ws, direct, ws.post(ada, direct, PORT)))
    assert "From the files of #harbor that you are looking at:" in answer
    assert "1111" in answer
    ws.look_at(ada, other)
    ws.settled()
    assert "2222" in said(reply(ws, direct, ws.post(ada, direct, PORT)))
    elsewhere = said(reply(ws, direct, ws.post(ada, direct, "How old is the harbor of the old gateway on port 1111?")))
    assert "looking at" not in elsewhere or "1111" not in elsewhere


def test_channel_that_a_person_may_not_see_is_not_searched(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    secret = ws.channel("secret", members=[ben], private=True)
    share(ws, ben, secret, "new.pdf", NEW)
    direct = ws.direct(ada)
    ws.look_at(ada, secret)
    ws.settled()
    answer = said(reply(ws, direct, ws.post(ada, direct, PORT)))
    assert "1111" in answer
    assert "2222" not in answer
    assert "looking at" not in answer


def test_channel_that_a_person_looks_at_changes_no_answer_in_a_channel(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    other = ws.channel("north", members=[ada])
    share(ws, ada, other, "new.pdf", NEW)
    ws.look_at(ada, other)
    ws.settled()
    assert "looking at" not in said(reply(ws, channel, ws.post(ada, channel, mention(ws, PORT))))


def test_answers_come_although_slack_refuses_sessions(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    ws.faults.fail("agents.sessions.setStatus", times=99, error="not_allowed")
    for _ in range(2):
        reply(ws, channel, ws.post(ada, channel, mention(ws, PORT)))
    assert len(ws.called("agents.sessions.setStatus")) == 1
