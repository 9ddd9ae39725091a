"""Buttons of answers, clicked in a workspace with the real bot."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.db import feedback, questions, tables
from bot.demo.slack_server import Message, Workspace
from bot.main import Bot
from bot.slack.blocks import LABEL
from bot.slack.messages import answer_texts, button_texts
from rag.ports import Prompt
from tests.flows.team import answers, ask, magpie, mention, pdf, replies, said, share, until, wait_for_ephemeral
from tests.support.generator import FakeGenerator

PORT = "which port does the gateway use?"
LOG = pdf("The gateway was moved.", "The gateway was painted.", "Herons were painted.")


# ---------------------------------------------------------------- Stop


class SlowGenerator(FakeGenerator):
    """Generates a word every 10 ms until the stream is closed."""

    def stream(self, prompt: Prompt):  # type: ignore[no-untyped-def]
        import time

        self.prompts.append(prompt)
        try:
            for number in range(2000):
                time.sleep(0.01)
                yield f"word{number} "
        finally:
            self.closed += 1


@pytest.mark.parametrize("has_begun", [False, True], ids=["at any time", "while it is written"])
def test_only_the_asker_can_stop_the_answer(
    ws: Workspace, tmp_path: Path, ada: str, ben: str, channel: str, has_begun: bool
) -> None:
    generator = SlowGenerator()
    with magpie(ws, tmp_path / "data", generator=generator) as bot:
        share(ws, ada, channel)
        ts = ws.post(ada, channel, mention(ws, PORT))
        ws.wait(lambda: replies(ws, channel, ts), 20, "the placeholder")
        if has_begun:
            until(lambda: bool(generator.prompts))
        placeholder = replies(ws, channel, ts)[0].ts
        ws.click(ben, channel, placeholder, "stop")
        wait_for_ephemeral(ws, ben, button_texts.NOT_YOUR_ANSWER)
        with bot.rag.read_transaction() as connection:
            assert questions.open_questions(connection) == 1
        ws.click(ada, channel, placeholder, "stop")
        ws.wait(lambda: said(ws.message(channel, placeholder)) == "Stopped.", 20, "the stopped answer")

        def is_over() -> bool:
            with bot.rag.read_transaction() as connection:
                return not questions.open_questions(connection)

        until(is_over)
        until(lambda: generator.closed == len(generator.prompts))
        assert len(generator.prompts) <= 1
        assert generator.prompts or not has_begun
        ws.settled()
        assert not ws.message(channel, ts).reactions


# ---------------------------------------------------------------- feedback


def test_last_feedback_is_kept_with_question_answer_and_pages(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    share(ws, ada, channel)
    _, answer = ask(ws, ada, channel, PORT)
    ws.click(ben, channel, answer.ts, "feedback", "bad")
    wait_for_ephemeral(ws, ben, button_texts.THANKS_BAD)
    with bot.rag.read_transaction() as connection:
        assert feedback.counts(connection) == {"good": 0, "bad": 1}
        [row] = feedback.list_bad(connection)
    assert (row.user, row.text) == (ben, PORT)
    assert "port 8443" in row.answer
    cited = [page for page in row.passages if page["cited"]]
    assert [page["page"] for page in cited] == [2]
    assert all(len(page["sha256"]) == 64 for page in row.passages)
    assert "handbook" not in str(row.passages)
    ws.click(ben, channel, answer.ts, "feedback", "good")
    ws.wait(lambda: len(ws.ephemerals(ben)) == 2, 20)
    assert said(ws.ephemerals(ben)[1]) == button_texts.THANKS_GOOD
    with bot.rag.read_transaction() as connection:
        assert feedback.counts(connection) == {"good": 1, "bad": 0}


def test_text_of_feedback_is_scrubbed_with_the_file(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    _, answer = ask(ws, ada, channel, PORT)
    ws.click(ada, channel, answer.ts, "feedback", "bad")
    wait_for_ephemeral(ws, ada, button_texts.THANKS_BAD)
    ws.delete_file(ws.files("handbook.pdf")[0].id)

    def scrubbed() -> bool:
        with bot.rag.read_transaction() as connection:
            [row] = feedback.list_bad(connection)
        return (row.text, row.answer) == ("", "")

    until(scrubbed)
    ws.click(ada, channel, answer.ts, "feedback", "bad")  # the answer is still in Slack
    until(lambda: len(ws.ephemerals(ada)) == 2)
    assert scrubbed()


def test_not_found_answer_takes_feedback(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    _, answer = ask(ws, ada, channel, "how many weeks of parental leave?")
    ws.click(ada, channel, answer.ts, "feedback", "bad")
    wait_for_ephemeral(ws, ada, button_texts.THANKS_BAD)
    with bot.rag.read_transaction() as connection:
        [row] = feedback.list_bad(connection)
    assert row.text == "how many weeks of parental leave?"
    assert "could not find" in row.answer


# ---------------------------------------------------------------- more pages, one file


def test_more_pages_are_posted_once_each(ws: Workspace, bot: Bot, ada: str, ben: str, channel: str) -> None:
    share(ws, ada, channel)
    share(ws, ada, channel, "log.pdf", LOG)
    ts, answer = ask(ws, ada, channel, PORT)
    assert "handbook.pdf>, p. 2" in said(answer)
    ws.click(ben, channel, answer.ts, "more", "more")
    _, more = answers(ws, channel, ts, 2)
    assert said(more).startswith("More pages:\n• <")
    assert "handbook.pdf>, p. 2" not in said(more)
    assert "log.pdf>, p. 2" in said(more)
    until(lambda: _is_idle(bot))
    ws.click(ben, channel, answer.ts, "more", "more")
    assert said(answers(ws, channel, ts, 3)[2]) == answer_texts.NO_MORE_PAGES


def test_file_button_searches_only_that_file(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    share(ws, ada, channel, "log.pdf", LOG)
    ts, answer = ask(ws, ada, channel, PORT)
    [button] = [one for one in _buttons(answer) if one["action_id"].startswith("file:")]
    assert button["text"]["text"] == "Only in handbook.pdf"
    assert button["value"].isdigit()
    ws.click(ada, channel, answer.ts, button["action_id"])
    _, only = answers(ws, channel, ts, 2)
    assert said(only).startswith("Only in handbook.pdf:\n")
    assert "port 8443" in said(only)
    assert "log.pdf" not in said(only)


def test_file_button_of_an_unshared_file_does_not_name_it(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    share(ws, ada, channel, "log.pdf", LOG)
    other = ws.channel("elsewhere", members=[ada], private=True)
    ws.share(ada, ws.files("handbook.pdf")[0].id, other)
    ts, answer = ask(ws, ada, channel, PORT)
    [button] = [one for one in _buttons(answer) if one["action_id"].startswith("file:")]
    ws.settled()
    ws.unshare(ws.files("handbook.pdf")[0].id, channel)
    ws.settled()
    ws.click(ada, channel, answer.ts, button["action_id"])
    assert said(answers(ws, channel, ts, 2)[1]) == answer_texts.FILE_UNAVAILABLE


def test_answer_from_many_files_has_a_menu(ws: Workspace, tmp_path: Path, ada: str, channel: str) -> None:
    generator = FakeGenerator(text="Everywhere [1] [2] [3] [4].")
    with magpie(ws, tmp_path / "data", generator=generator):
        for number in range(4):
            share(
                ws,
                ada,
                channel,
                f"{'long' * 30}-{number}.pdf",
                pdf(f"Gateway number {number} has port 8443 everywhere."),
            )
        ts, answer = ask(ws, ada, channel, "which gateway has port 8443 everywhere?")
        [menu] = [one for one in _buttons(answer) if one["type"] == "static_select"]
        assert len(menu["options"]) == 4
        assert all(len(one["text"]["text"]) <= LABEL for one in menu["options"])
        ws.click(ada, channel, answer.ts, "file", menu["options"][2]["value"])
        assert said(answers(ws, channel, ts, 2)[1]).startswith("Only in long")


def test_button_of_an_expired_question_is_explained(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    share(ws, ada, channel, "log.pdf", LOG)
    _, answer = ask(ws, ada, channel, PORT)
    ws.wait(lambda: not ws.message(channel, answer.thread_ts).reactions, 20)
    with bot.rag.write_transaction() as connection:
        connection.execute(tables.question.delete())
    ws.click(ada, channel, answer.ts, "more", "more")
    wait_for_ephemeral(ws, ada, answer_texts.QUESTION_EXPIRED)


def _is_idle(bot: Bot) -> bool:
    with bot.rag.read_transaction() as connection:
        return questions.open_questions(connection) == 0


def _buttons(message: Message) -> list[dict]:  # type: ignore[type-arg]
    return [one for block in message.blocks if block["type"] == "actions" for one in block["elements"]]
