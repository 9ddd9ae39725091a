"""A thread with Magpie: follow-ups without a mention, other words, a question taken back. The model is a fake."""

from __future__ import annotations

from collections.abc import Generator as Generating
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from bot.db import questions, retention
from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.buttons import is_working
from rag.ports import Prompt
from tests.flows.team import READ, magpie, pdf, pictures, receipts, replies, reply, said, until
from tests.support.generator import FakeGenerator, pieces_of, reply_to
from tests.support.slack_workspace import MANIFEST, workspace_fixture

CRANES = pdf(
    "The battery of the Crane Nine relay lasts 72 hours.",
    "The Crane Nine relay is 14 metres high and painted red.",
    "The battery of the Heron Four relay lasts 31 hours.",
)


@dataclass
class Talking(FakeGenerator):
    """Rewrites a follow-up as it is told, and answers by the rule. While `held` is there an answer does not end."""

    rewritten: str = ""
    rewrites: list[str] = field(default_factory=list)
    held: Event | None = None
    begun: Event = field(default_factory=Event)

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        if "Last question:" in prompt.user:
            self.rewrites.append(prompt.user)
            yield self.rewritten
            return
        self.prompts.append(prompt)
        try:
            for piece in pieces_of(reply_to(prompt.user)):
                yield piece
                self.begun.set()
                while self.held is not None and not self.held.wait(0.02):
                    yield " hm"
        finally:
            self.closed += 1


ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def ben(ws: Workspace) -> str:
    return ws.person("ben")


@pytest.fixture
def room(ws: Workspace, ada: str, ben: str) -> str:
    return ws.channel("harbour", members=[ada, ben])


@pytest.fixture
def model() -> Talking:
    return Talking()


@pytest.fixture(autouse=True)
def bot(ws: Workspace, ada: str, room: str, model: Talking, tmp_path: Path) -> Iterator[Bot]:
    """Magpie with the model, and a document about cranes that it has read."""
    with magpie(ws, tmp_path / "data", generator=model) as bot:
        receipts(ws, room, ws.post(ada, room, files=[("cranes.pdf", CRANES)]), READ)
        yield bot


def at(ws: Workspace, text: str) -> str:
    return f"<@{ws.bot_user}> {text}"


FIRST = "how long does the battery of the Crane Nine last?"


def answers(ws: Workspace, room: str, thread: str, count: int) -> list[str]:
    """Wait for so many answers in a thread; what they say."""

    def there() -> list[str]:
        done = [said(one) for one in replies(ws, room, thread) if one.blocks and not is_working(one.blocks)]
        return done if len(done) >= count else []

    return ws.wait(there, 40, f"{count} answers")


def quiet(ws: Workspace, room: str, text: str) -> None:
    """Nothing said so far is answered still: Magpie has heard something said after it, and answered that."""
    ws.settled()
    reply(ws, room, ws.post("ben", room, at(ws, text)))


# ---------------------------------------------------------------- follow-ups


def test_a_follow_up_needs_no_mention_and_is_understood(ws: Workspace, model: Talking, ada: str, room: str) -> None:
    model.rewritten = "How high is the Crane Nine relay?"
    asked = ws.post(ada, room, at(ws, FIRST))
    assert "72 hours" in said(reply(ws, room, asked))
    ws.post(ada, room, "and how high is it?", thread_ts=asked)
    first, second = answers(ws, room, asked, 2)
    assert "14 metres" in second
    assert "Understood as: How high is the Crane Nine relay?" in second
    assert "Understood" not in first
    [history] = model.rewrites
    assert FIRST in history
    assert "lasts 72 hours" in history
    ws.wait(lambda: len([one for one in replies(ws, room, asked) if one.files]) == 2, 40, "two pictures")


def test_without_a_model_that_rewrites_a_rule_does(ws: Workspace, model: Talking, ada: str, room: str) -> None:
    model.rewritten = "Tell me about https://evil.example instead"
    asked = ws.post(ada, room, at(ws, "how high is the Crane Nine relay?"))
    reply(ws, room, asked)
    ws.post(ada, room, "and its battery?", thread_ts=asked)
    _, second = answers(ws, room, asked, 2)
    assert "evil" not in second
    assert "about: how high is the Crane Nine relay?" in second


def test_in_a_direct_message_one_goes_on_asking_beside_the_thread(ws: Workspace, model: Talking, ada: str) -> None:
    model.rewritten = "How high is the Crane Nine relay?"
    here = ws.direct(ada)
    reply(ws, here, ws.post(ada, here, FIRST))
    assert "Understood as: How high is the Crane" in said(reply(ws, here, ws.post(ada, here, "and how high is it?")))
    assert "Understood" not in said(reply(ws, here, ws.post(ada, here, "How long does the Heron Four battery last?")))
    assert len(model.rewrites) == 1


def test_what_is_not_meant_for_magpie_is_left_alone(
    ws: Workspace, model: Talking, ada: str, ben: str, room: str
) -> None:
    asked = ws.post(ada, room, at(ws, FIRST))
    reply(ws, room, asked)
    for who, text in ((ada, "thanks!"), (ben, "I will tell the others."), (ada, f"<@{ben}> will you charge it?")):
        ws.post(who, room, text, thread_ts=asked)
    other = ws.post(ada, room, "who locks up tonight?")
    ws.post(ben, room, "and who has the key?", thread_ts=other)
    quiet(ws, room, "which relay is painted red?")
    assert len([one for one in replies(ws, room, asked) if one.blocks]) == 1
    assert replies(ws, room, other) == []


def test_somebody_else_may_go_on_asking(ws: Workspace, model: Talking, ada: str, ben: str, room: str) -> None:
    asked = ws.post(ada, room, at(ws, FIRST))
    reply(ws, room, asked)
    ws.post(ben, room, "And the battery of the Heron Four relay?", thread_ts=asked)
    _, second = answers(ws, room, asked, 2)
    assert "31 hours" in second


def test_what_was_answered_from_a_file_that_is_gone_words_no_question(
    ws: Workspace, model: Talking, ada: str, room: str
) -> None:
    other = pdf("The pelican buoy is 3 metres wide.")
    receipts(ws, room, ws.post(ada, room, files=[("buoys.pdf", other)]), READ)
    asked = ws.post(ada, room, at(ws, "how wide is the pelican buoy?"))
    assert "3 metres" in said(reply(ws, room, asked))
    pictures(ws, room, asked)
    ws.delete_file(ws.files("buoys.pdf")[0].id)
    ws.settled()
    ws.post(ada, room, "and how high is the Crane Nine relay?", thread_ts=asked)
    answers(ws, room, asked, 2)
    assert [history for history in model.rewrites if "3 metres" in history] == []
    assert len(model.rewrites) == 1


# ---------------------------------------------------------------- other words, and none


def test_other_words_within_a_minute_get_another_answer(ws: Workspace, model: Talking, ada: str, room: str) -> None:
    asked = ws.post(ada, room, at(ws, FIRST))
    assert "72 hours" in said(reply(ws, room, asked))
    first = pictures(ws, room, asked).files[0]
    ws.edit(room, asked, at(ws, "how long does the battery of the Heron Four last?"))
    ws.wait(lambda: "31 hours" in said(reply(ws, room, asked)), 40, "another answer")
    ws.wait(lambda: ws.file(first).deleted, 40, "the old picture to go")
    ws.wait(lambda: len([file for one in replies(ws, room, asked) for file in one.files]) >= 2, 40, "the new picture")
    assert len(ws.called("chat.postMessage")) == 1


def test_other_words_while_it_is_answered_stop_that(ws: Workspace, model: Talking, ada: str, room: str) -> None:
    model.held = held = Event()
    asked = ws.post(ada, room, at(ws, FIRST))
    assert model.begun.wait(40)
    ws.edit(room, asked, at(ws, "how long does the battery of the Heron Four last?"))
    until(lambda: model.closed == 1)
    held.set()
    assert "31 hours" in said(reply(ws, room, asked))
    assert len(ws.called("chat.postMessage")) == 1


def test_a_deleted_question_stops_the_work_and_leaves_nothing(
    ws: Workspace, model: Talking, ada: str, room: str
) -> None:
    model.held = held = Event()
    asked = ws.post(ada, room, at(ws, FIRST))
    assert model.begun.wait(40)
    ws.delete_message(room, asked)
    until(lambda: model.closed == 1)
    held.set()
    ws.wait(lambda: ws.called("chat.delete"), 40, "the placeholder to go")
    quiet(ws, room, "which relay is painted red?")
    assert "72 hours" not in str([said(one) for one in ws.messages(room) if one.user == ws.bot_user])


def test_an_answer_that_stands_stays_when_its_question_is_deleted(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    asked = ws.post(ada, room, at(ws, FIRST))
    reply(ws, room, asked)

    def ended() -> bool:
        with bot.rag.read_transaction() as connection:
            return not questions.open_questions(connection)

    until(ended)
    ws.delete_message(room, asked)
    quiet(ws, room, "which relay is painted red?")
    assert ws.called("chat.delete") == []


def test_who_is_forgotten_while_they_wait_leaves_no_message(
    ws: Workspace, bot: Bot, model: Talking, ada: str, room: str
) -> None:
    model.held = held = Event()
    ws.post(ada, room, at(ws, FIRST))
    assert model.begun.wait(40)
    with bot.rag.write_transaction() as connection:
        assert retention.forget_user(connection, ada) == 1
    ws.wait(lambda: ws.called("chat.delete"), 40, "the placeholder to go")
    held.set()
    quiet(ws, room, "which relay is painted red?")
    assert "72 hours" not in str([said(one) for one in ws.messages(room) if one.user == ws.bot_user])


def test_a_follow_up_whose_event_was_lost_is_found_by_the_sweep(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    asked = ws.post(ada, room, at(ws, FIRST))
    reply(ws, room, asked)
    ws.faults.lose_events(1)
    ws.post(ada, room, "And the battery of the Heron Four relay?", thread_ts=asked)
    ws.settled()
    bot.sweep_all()
    assert "31 hours" in answers(ws, room, asked, 2)[1]


# ---------------------------------------------------------------- while it is at work


def test_it_is_said_that_magpie_is_at_work_and_no_longer_than_that(
    ws: Workspace, model: Talking, ada: str, room: str
) -> None:
    model.held = held = Event()
    asked = ws.post(ada, room, at(ws, FIRST))
    assert model.begun.wait(40)
    assert ws.status(room, asked) == "is looking through the files …"
    assert is_working(replies(ws, room, asked)[0].blocks)
    held.set()
    reply(ws, room, asked)
    ws.wait(lambda: ws.status(room, asked) == "", 40, "the status to go")


def test_where_there_is_no_status_line_it_is_asked_for_once(ws: Workspace, model: Talking, ada: str, room: str) -> None:
    ws.faults.fail("assistant.threads.setStatus", times=99, error="missing_scope")
    for _ in range(2):
        reply(ws, room, ws.post(ada, room, at(ws, FIRST)))
    assert len(ws.called("assistant.threads.setStatus")) == 1
