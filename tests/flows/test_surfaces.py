"""Buttons on answers: pressed in a workspace, answered by the real bot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db import feedback, questions, tables
from bot.demo.slack_server import Message, Workspace
from bot.main import Bot
from bot.slack import messages
from bot.slack.blocks import LABEL
from rag.ports import Prompt
from tests.flows.team import answers, asked, magpie, pdf, replies, said, share, told, until
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, workspace_fixture

PORT = "which port does the gateway use?"
LOG = pdf("The gateway was moved.", "The gateway was painted.", "Herons were painted.")

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
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        yield bot


def at(ws: Workspace, text: str) -> str:
    return f"<@{ws.bot_user}> {text}"


# ---------------------------------------------------------------- Stop


class Waiting(FakeGenerator):
    """Says one word after the other until the stream is closed."""

    def stream(self, prompt: Prompt):  # type: ignore[no-untyped-def]
        import time

        try:
            for number in range(2000):
                time.sleep(0.01)
                yield f"word{number} "
        finally:
            self.closed += 1


def test_who_asked_stops_the_answer_and_nobody_else_does(
    ws: Workspace, tmp_path: Path, ada: str, ben: str, room: str
) -> None:
    generator = Waiting()
    with magpie(ws, tmp_path / "data", generator=generator) as bot:
        share(ws, ada, room)
        ts = ws.post(ada, room, at(ws, PORT))
        ws.wait(lambda: replies(ws, room, ts), 20, "the placeholder")
        placeholder = replies(ws, room, ts)[0].ts
        ws.click(ben, room, placeholder, "stop")
        told(ws, ben, messages.NOT_YOUR_ANSWER)
        with bot.rag.read_transaction() as connection:
            assert questions.open_questions(connection) == 1
        ws.click(ada, room, placeholder, "stop")
        ws.wait(lambda: said(ws.message(room, placeholder)) == "Stopped.", 20, "that it was stopped")
        until(lambda: generator.closed == 1)
        with bot.rag.read_transaction() as connection:
            assert questions.open_questions(connection) == 0
        ws.settled()
        assert not ws.message(room, ts).reactions


# ---------------------------------------------------------------- feedback


def test_feedback_is_kept_with_question_answer_and_pages_and_the_last_word_counts(
    ws: Workspace, bot: Bot, ada: str, ben: str, room: str
) -> None:
    share(ws, ada, room)
    _, answer = asked(ws, ada, room, PORT)
    ws.click(ben, room, answer.ts, "feedback", "bad")
    told(ws, ben, messages.THANKS_BAD)
    with bot.rag.read_transaction() as connection:
        assert feedback.counts(connection) == {"good": 0, "bad": 1}
        [one] = feedback.bad(connection)
    assert (one.user, one.text) == (ben, PORT)
    assert "port 8443" in one.answer
    cited = [page for page in one.passages if page["cited"]]
    assert [page["page"] for page in cited] == [2]
    assert all(len(page["sha256"]) == 64 for page in one.passages)
    assert "handbook" not in str(one.passages)
    ws.click(ben, room, answer.ts, "feedback", "good")
    ws.wait(lambda: len(ws.ephemerals(ben)) == 2, 20)
    assert said(ws.ephemerals(ben)[1]) == messages.THANKS_GOOD
    with bot.rag.read_transaction() as connection:
        assert feedback.counts(connection) == {"good": 1, "bad": 0}


def test_words_of_feedback_go_with_the_file_that_answered(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    share(ws, ada, room)
    _, answer = asked(ws, ada, room, PORT)
    ws.click(ada, room, answer.ts, "feedback", "bad")
    told(ws, ada, messages.THANKS_BAD)
    ws.delete_file(ws.files("handbook.pdf")[0].id)

    def scrubbed() -> bool:
        with bot.rag.read_transaction() as connection:
            [one] = feedback.bad(connection)
        return (one.text, one.answer) == ("", "")

    until(scrubbed)
    ws.click(ada, room, answer.ts, "feedback", "bad")  # the answer stands in Slack still
    until(lambda: len(ws.ephemerals(ada)) == 2)
    assert scrubbed()


def test_not_found_can_be_called_bad(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    _, answer = asked(ws, ada, room, "how many weeks of parental leave?")
    ws.click(ada, room, answer.ts, "feedback", "bad")
    told(ws, ada, messages.THANKS_BAD)
    with bot.rag.read_transaction() as connection:
        [one] = feedback.bad(connection)
    assert one.text == "how many weeks of parental leave?"
    assert "could not find" in one.answer


# ---------------------------------------------------------------- more pages, one file


def test_more_pages_come_under_the_answer_and_none_twice(
    ws: Workspace, bot: Bot, ada: str, ben: str, room: str
) -> None:
    share(ws, ada, room)
    share(ws, ada, room, "log.pdf", LOG)
    ts, answer = asked(ws, ada, room, PORT)
    assert "handbook.pdf>, p. 2" in said(answer)
    ws.click(ben, room, answer.ts, "more", "more")
    _, more = answers(ws, room, ts, 2)
    assert said(more).startswith("More pages:\n• <")
    assert "handbook.pdf>, p. 2" not in said(more)
    assert "log.pdf>, p. 2" in said(more)
    until(lambda: _at_rest(bot))
    ws.click(ben, room, answer.ts, "more", "more")
    assert said(answers(ws, room, ts, 3)[2]) == messages.NO_MORE_PAGES


def test_one_file_alone_is_searched_and_named(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    share(ws, ada, room)
    share(ws, ada, room, "log.pdf", LOG)
    ts, answer = asked(ws, ada, room, PORT)
    [button] = [one for one in _pressable(answer) if one["action_id"].startswith("file:")]
    assert button["text"]["text"] == "Only in handbook.pdf"
    assert button["value"].isdigit()
    ws.click(ada, room, answer.ts, button["action_id"])
    _, only = answers(ws, room, ts, 2)
    assert said(only).startswith("Only in handbook.pdf:\n")
    assert "port 8443" in said(only)
    assert "log.pdf" not in said(only)


def test_a_file_that_left_is_named_by_no_button(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    share(ws, ada, room)
    other = ws.channel("elsewhere", members=[ada], private=True)
    ws.share(ada, ws.files("handbook.pdf")[0].id, other)
    ts, answer = asked(ws, ada, room, PORT)
    [button] = [one for one in _pressable(answer) if one["action_id"].startswith("file:")]
    ws.settled()
    ws.unshare(ws.files("handbook.pdf")[0].id, room)
    ws.settled()
    ws.click(ada, room, answer.ts, button["action_id"])
    assert said(answers(ws, room, ts, 2)[1]) == messages.FILE_UNAVAILABLE


def test_an_answer_from_many_files_has_a_list_of_them(ws: Workspace, tmp_path: Path, ada: str, room: str) -> None:
    generator = FakeGenerator(text="Everywhere [1] [2] [3] [4].")
    with magpie(ws, tmp_path / "data", generator=generator):
        for number in range(4):
            share(
                ws, ada, room, f"{'long' * 30}-{number}.pdf", pdf(f"Gateway number {number} has port 8443 everywhere.")
            )
        ts, answer = asked(ws, ada, room, "which gateway has port 8443 everywhere?")
        [choice] = [one for one in _pressable(answer) if one["type"] == "static_select"]
        assert len(choice["options"]) == 4
        assert all(len(one["text"]["text"]) <= LABEL for one in choice["options"])
        ws.click(ada, room, answer.ts, "file", choice["options"][2]["value"])
        assert said(answers(ws, room, ts, 2)[1]).startswith("Only in long")


def test_a_press_on_a_forgotten_answer_is_answered_in_words(ws: Workspace, bot: Bot, ada: str, room: str) -> None:
    share(ws, ada, room)
    _, answer = asked(ws, ada, room, PORT)
    ws.wait(lambda: not ws.message(room, answer.thread_ts).reactions, 20)
    with bot.rag.write_transaction() as connection:
        connection.execute(tables.question.delete())
    ws.click(ada, room, answer.ts, "more", "more")
    told(ws, ada, messages.QUESTION_EXPIRED)


def _at_rest(bot: Bot) -> bool:
    with bot.rag.read_transaction() as connection:
        return questions.open_questions(connection) == 0


def _pressable(message: Message) -> list[dict]:  # type: ignore[type-arg]
    return [one for block in message.blocks if block["type"] == "actions" for one in block["elements"]]
