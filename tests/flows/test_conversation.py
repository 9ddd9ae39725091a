"""A thread with Magpie: follow-ups without a mention, edited questions and deleted questions. The model is a fake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Generator as Generating
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from bot.db import access_log, questions, retention
from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.buttons import is_working
from rag.ports import Prompt
from tests.flows.team import READ, magpie, mention, pdf, pictures, receipts, replies, reply, said, until
from tests.support.generator import FakeGenerator, pieces_of, reply_to

CRANES = pdf(
    "The battery of the Crane Nine relay lasts 72 hours.",
    "The Crane Nine relay is 14 metres high and painted red.",
    "The battery of the Heron Four relay lasts 31 hours.",
)


@dataclass
class ChatGenerator(FakeGenerator):
    """Rewrites every follow-up to `rewritten`, and answers from the passages."""

    rewritten: str = ""
    rewrites: list[str] = field(default_factory=list)
    """Prompts of rewrites."""
    hold: Event | None = None
    """If set, an answer ends only after this event."""
    begun: Event = field(default_factory=Event)
    """Set when the first answer begins."""
    on_rewrite: list[Callable[[], object]] = field(default_factory=list)
    """Called during rewrites, one in each."""

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        if "Last question:" in prompt.user:
            self.rewrites.append(prompt.user)
            if self.on_rewrite:
                self.on_rewrite.pop(0)()
            yield self.rewritten
            return
        self.prompts.append(prompt)
        try:
            for piece in pieces_of(reply_to(prompt.user)):
                yield piece
                self.begun.set()
                while self.hold is not None and not self.hold.wait(0.02):
                    yield " hm"
        finally:
            self.closed += 1


@pytest.fixture
def model() -> ChatGenerator:
    return ChatGenerator()


@pytest.fixture(autouse=True)
def bot(ws: Workspace, ada: str, channel: str, model: ChatGenerator, tmp_path: Path) -> Iterator[Bot]:
    """A bot with the model, which has read a document about cranes."""
    with magpie(ws, tmp_path / "data", generator=model) as bot:
        receipts(ws, channel, ws.post(ada, channel, files=[("cranes.pdf", CRANES)]), READ)
        yield bot


FIRST = "how long does the battery of the Crane Nine last?"


def answers(ws: Workspace, channel: str, thread: str, count: int) -> list[str]:
    """Wait until a thread has this many finished answers and return their texts."""

    def finished() -> list[str]:
        texts = [said(one) for one in replies(ws, channel, thread) if one.blocks and not is_working(one.blocks)]
        return texts if len(texts) >= count else []

    return ws.wait(finished, 40, f"{count} answers")


def wait_for_later_answer(ws: Workspace, channel: str, text: str) -> None:
    """Ask another question and wait for its answer, so that no answer to an earlier message is still to come."""
    ws.settled()
    reply(ws, channel, ws.post("ben", channel, mention(ws, text)))


# ---------------------------------------------------------------- follow-ups


def test_follow_up_is_answered_without_a_mention(ws: Workspace, model: ChatGenerator, ada: str, channel: str) -> None:
    model.rewritten = "How high is the Crane Nine relay?"
    asked = ws.post(ada, channel, mention(ws, FIRST))
    assert "72 hours" in said(reply(ws, channel, asked))
    ws.post(ada, channel, "and how high is it?", thread_ts=asked)
    first, second = answers(ws, channel, asked, 2)
    assert "14 metres" in second
    assert "Understood as: How high is the Crane Nine relay?" in second
    assert "Understood" not in first
    [history] = model.rewrites
    assert FIRST in history
    assert "lasts 72 hours" in history
    ws.wait(lambda: len([one for one in replies(ws, channel, asked) if one.files]) == 2, 40, "two pictures")


def test_follow_up_is_rewritten_by_rule_if_the_model_adds_words(
    ws: Workspace, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.rewritten = "Tell me about https://evil.example instead"
    asked = ws.post(ada, channel, mention(ws, "how high is the Crane Nine relay?"))
    reply(ws, channel, asked)
    ws.post(ada, channel, "and its battery?", thread_ts=asked)
    _, second = answers(ws, channel, asked, 2)
    assert "evil" not in second
    assert "about: how high is the Crane Nine relay?" in second


def test_follow_up_in_a_direct_message_needs_no_thread(ws: Workspace, model: ChatGenerator, ada: str) -> None:
    model.rewritten = "How high is the Crane Nine relay?"
    here = ws.direct(ada)
    reply(ws, here, ws.post(ada, here, FIRST))
    assert "Understood as: How high is the Crane" in said(reply(ws, here, ws.post(ada, here, "and how high is it?")))
    assert "Understood" not in said(reply(ws, here, ws.post(ada, here, "How long does the Heron Four battery last?")))
    assert len(model.rewrites) == 1


def test_messages_that_are_not_for_magpie_are_ignored(
    ws: Workspace, model: ChatGenerator, ada: str, ben: str, channel: str
) -> None:
    asked = ws.post(ada, channel, mention(ws, FIRST))
    reply(ws, channel, asked)
    for person, text in ((ada, "thanks!"), (ben, "I will tell the others."), (ada, f"<@{ben}> will you charge it?")):
        ws.post(person, channel, text, thread_ts=asked)
    other = ws.post(ada, channel, "who locks up tonight?")
    ws.post(ben, channel, "and who has the key?", thread_ts=other)
    wait_for_later_answer(ws, channel, "which relay is painted red?")
    assert len([one for one in replies(ws, channel, asked) if one.blocks]) == 1
    assert replies(ws, channel, other) == []


def test_another_person_can_ask_a_follow_up(
    ws: Workspace, model: ChatGenerator, ada: str, ben: str, channel: str
) -> None:
    asked = ws.post(ada, channel, mention(ws, FIRST))
    reply(ws, channel, asked)
    ws.post(ben, channel, "And the battery of the Heron Four relay?", thread_ts=asked)
    _, second = answers(ws, channel, asked, 2)
    assert "31 hours" in second


def test_answer_from_a_deleted_file_is_left_out_of_the_rewrite(
    ws: Workspace, model: ChatGenerator, ada: str, channel: str
) -> None:
    other = pdf("The pelican buoy is 3 metres wide.")
    receipts(ws, channel, ws.post(ada, channel, files=[("buoys.pdf", other)]), READ)
    asked = ws.post(ada, channel, mention(ws, "how wide is the pelican buoy?"))
    assert "3 metres" in said(reply(ws, channel, asked))
    pictures(ws, channel, asked)
    ws.delete_file(ws.files("buoys.pdf")[0].id)
    ws.settled()
    ws.post(ada, channel, "and how high is the Crane Nine relay?", thread_ts=asked)
    answers(ws, channel, asked, 2)
    assert [history for history in model.rewrites if "3 metres" in history] == []
    assert len(model.rewrites) == 1


def test_file_that_leaves_during_the_rewrite_is_not_named(
    ws: Workspace, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.rewritten = "How high is the Crane Nine relay?"
    asked = ws.post(ada, channel, mention(ws, FIRST))
    reply(ws, channel, asked)

    def delete() -> None:
        ws.delete_file(ws.files("broken.pdf")[0].id)
        ws.settled()

    model.on_rewrite.append(delete)
    ws.post(ada, channel, mention(ws, "and how high is it?"), thread_ts=asked, files=[("broken.pdf", b"%PDF-1.4 no")])
    _, second = answers(ws, channel, asked, 2)
    assert "14 metres" in second
    assert "broken" not in second


def test_list_uses_the_documents_that_its_question_was_completed_from(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, ben: str, channel: str
) -> None:
    model.rewritten = "what did Ben post today?"
    asked = ws.post(ada, channel, mention(ws, FIRST))
    reply(ws, channel, asked)
    follow_up = ws.post(ada, channel, "and what did Ben post today?", thread_ts=asked)
    _, second = answers(ws, channel, asked, 2)
    assert "Understood as: what did Ben post today?" in second
    with bot.rag.read_transaction() as connection:
        assert access_log.documents_of_replies(connection, channel, [follow_up]) == {follow_up: {1}}


# ---------------------------------------------------------------- edited and deleted questions


def test_edited_question_is_answered_again(ws: Workspace, model: ChatGenerator, ada: str, channel: str) -> None:
    asked = ws.post(ada, channel, mention(ws, FIRST))
    assert "72 hours" in said(reply(ws, channel, asked))
    first = pictures(ws, channel, asked).files[0]
    ws.edit(channel, asked, mention(ws, "how long does the battery of the Heron Four last?"))
    ws.wait(lambda: "31 hours" in said(reply(ws, channel, asked)), 40, "another answer")
    ws.wait(lambda: ws.file(first).deleted, 40, "the deletion of the old picture")
    ws.wait(
        lambda: len([file for one in replies(ws, channel, asked) for file in one.files]) >= 2, 40, "the new picture"
    )
    assert len(ws.called("chat.postMessage")) == 1


def test_editing_a_question_stops_its_answer(ws: Workspace, model: ChatGenerator, ada: str, channel: str) -> None:
    model.hold = hold = Event()
    asked = ws.post(ada, channel, mention(ws, FIRST))
    assert model.begun.wait(40)
    ws.edit(channel, asked, mention(ws, "how long does the battery of the Heron Four last?"))
    until(lambda: model.closed == 1)
    hold.set()
    assert "31 hours" in said(reply(ws, channel, asked))
    assert len(ws.called("chat.postMessage")) == 1


def test_deleting_a_question_stops_its_answer_and_deletes_the_placeholder(
    ws: Workspace, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.hold = hold = Event()
    asked = ws.post(ada, channel, mention(ws, FIRST))
    assert model.begun.wait(40)
    ws.delete_message(channel, asked)
    until(lambda: model.closed == 1)
    hold.set()
    ws.wait(lambda: ws.called("chat.delete"), 40, "the deletion of the placeholder")
    wait_for_later_answer(ws, channel, "which relay is painted red?")
    assert "72 hours" not in str([said(one) for one in ws.messages(channel) if one.user == ws.bot_user])


def test_search_does_not_wait_until_another_answer_is_written(
    ws: Workspace, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.hold = hold = Event()
    asked = ws.post(ada, channel, mention(ws, FIRST))
    assert model.begun.wait(40)
    ben = ws.person("ben")
    ws.join(ben, channel)
    other = ws.post(ben, channel, mention(ws, "xylophone quartet?"))  # nothing is found, so the model is not needed
    assert "could not find" in said(reply(ws, channel, other))
    hold.set()
    assert "72 hours" in said(reply(ws, channel, asked))


def test_deleting_the_placeholder_stops_the_answer(ws: Workspace, model: ChatGenerator, ada: str, channel: str) -> None:
    model.hold = hold = Event()
    asked = ws.post(ada, channel, mention(ws, FIRST))
    assert model.begun.wait(40)
    [placeholder] = replies(ws, channel, asked)
    ws.delete_message(channel, placeholder.ts)
    until(lambda: model.closed == 1)
    hold.set()
    ws.wait(lambda: not ws.message(channel, asked).reactions, 40, "the removal of the reaction")
    wait_for_later_answer(ws, channel, "which relay is painted red?")
    assert "72 hours" not in str([said(one) for one in ws.messages(channel) if one.user == ws.bot_user])


def test_finished_answer_stays_if_its_question_is_deleted(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    asked = ws.post(ada, channel, mention(ws, FIRST))
    reply(ws, channel, asked)

    def is_finished() -> bool:
        with bot.rag.read_transaction() as connection:
            return not questions.open_questions(connection)

    until(is_finished)
    ws.delete_message(channel, asked)
    wait_for_later_answer(ws, channel, "which relay is painted red?")
    assert ws.called("chat.delete") == []


def test_forgetting_a_waiting_person_deletes_the_placeholder(
    ws: Workspace, bot: Bot, model: ChatGenerator, ada: str, channel: str
) -> None:
    model.hold = hold = Event()
    ws.post(ada, channel, mention(ws, FIRST))
    assert model.begun.wait(40)
    with bot.rag.write_transaction() as connection:
        assert retention.forget_user(connection, ada) == 1
    ws.wait(lambda: ws.called("chat.delete"), 40, "the deletion of the placeholder")
    hold.set()
    wait_for_later_answer(ws, channel, "which relay is painted red?")
    assert "72 hours" not in str([said(one) for one in ws.messages(channel) if one.user == ws.bot_user])


def test_sweep_finds_a_follow_up_whose_event_was_lost(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    asked = ws.post(ada, channel, mention(ws, FIRST))
    reply(ws, channel, asked)
    ws.faults.lose_events(1)
    ws.post(ada, channel, "And the battery of the Heron Four relay?", thread_ts=asked)
    ws.settled()
    bot.sweep_all()
    assert "31 hours" in answers(ws, channel, asked, 2)[1]
