"""Questions that are asked before their files are read: the reply says so, and they are answered again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db import answer_again, questions, retention
from bot.demo.slack_server import Message, Workspace
from bot.main import Bot
from bot.slack import buttons
from bot.slack.messages import answer_texts, button_texts
from rag.model.extraction import ExtractedPage
from tests.flows.team import READ, answers, magpie, mention, receipts, reply, said, until, wait_for_ephemeral
from tests.support.extractor import TextExtractor

PORT = "which port does the gateway use?"
GATEWAY = b"The gateway listens on port 8443. Its lantern is green."


class Gate(TextExtractor):
    """Reads no file until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.waiting = threading.Event()

    def _page(self, number: int, text: str, into: Path) -> ExtractedPage:
        self.waiting.set()
        assert self.opened.wait(60)
        return super()._page(number, text, into)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def has_button(message: Message) -> bool:
    return any(element.get("action_id") == buttons.AGAIN for block in message.blocks for element in elements(block))


def elements(block: dict) -> list:  # type: ignore[type-arg]
    return block.get("elements") or []


def is_held(bot: Bot) -> bool:
    with bot.rag.read_transaction() as connection:
        return bool(answer_again.list_held(connection))


def count_waiting(bot: Bot) -> int:
    with bot.rag.read_transaction() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM job WHERE kind = 'again'")
        return int(rows.scalar_one())


def is_asked(bot: Bot) -> bool:
    """Return whether a question is not answered or refused yet."""
    with bot.rag.read_transaction() as connection:
        return bool(questions.open_questions(connection))


def ask_too_early(ws: Workspace, person: str, channel: str, name: str = "notes.txt") -> tuple[str, Message]:
    """Ask about a file that is not read yet. Return the question's ts and its answer."""
    ws.post(person, channel, files=[(name, GATEWAY)])
    ws.settled()
    asked = ws.post(person, channel, mention(ws, PORT))
    return asked, reply(ws, channel, asked)


def press(ws: Workspace, person: str, channel: str, message: Message) -> None:
    ws.click(person, channel, message.ts, buttons.AGAIN)


def test_reply_that_found_nothing_names_the_files_that_are_not_read(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate
) -> None:
    with magpie(ws, tmp_path / "data", extractor=gate):
        for number in range(4):
            ws.post(ada, channel, files=[(f"notes{number}.txt", GATEWAY + b"%d" % number)])
        ws.settled()
        asked = ws.post(ada, channel, mention(ws, PORT))
        answer = reply(ws, channel, asked)
        assert "could not find" in said(answer)
        assert "I'm still reading notes3.txt, notes2.txt, notes1.txt and 1 more" in said(answer)
        assert "I'm still reading notes3.txt" in answer.text
        assert has_button(answer)
        gate.opened.set()


def test_question_is_answered_again_when_its_files_are_read(
    ws: Workspace, tmp_path: Path, ada: str, ben: str, channel: str, gate: Gate
) -> None:
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        asked, answer = ask_too_early(ws, ada, channel)
        press(ws, ben, channel, answer)
        wait_for_ephemeral(ws, ben, button_texts.NOT_YOUR_QUESTION)
        assert not count_waiting(bot)
        press(ws, ada, channel, answer)
        ws.wait(lambda: not has_button(ws.message(channel, answer.ts)), 20, "the sentence instead of the button")
        assert "I'll answer here when notes.txt is read." in said(ws.message(channel, answer.ts))
        until(lambda: is_held(bot))
        assert len(answers(ws, channel, asked, 1)) == 1
        gate.opened.set()
        again = answers(ws, channel, asked, 2)[1]
        assert again.ts != answer.ts
        assert again.thread_ts == asked
        assert said(again).startswith(f"<@{ada}> {answer_texts.ANSWERED_AGAIN}")
        assert "8443" in said(again)
        posted = [call for call in ws.calls if call.method == "chat.postMessage"]
        assert str(posted[-1].arguments["text"]).startswith(f"<@{ada}>"), "Slack notifies of new messages only"
        until(lambda: not count_waiting(bot))


def test_waiting_question_survives_a_restart(ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate) -> None:
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        asked, answer = ask_too_early(ws, ada, channel)
        press(ws, ada, channel, answer)
        until(lambda: is_held(bot))
        bot.stop.set()
        gate.opened.set()
    with magpie(ws, tmp_path / "data", extractor=TextExtractor()) as bot:
        assert "8443" in said(answers(ws, channel, asked, 2)[1])
        until(lambda: not count_waiting(bot))
        assert len(answers(ws, channel, asked, 2)) == 2


def test_what_the_later_answer_may_use_is_decided_then(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate
) -> None:
    gus = ws.person("gus", guest="single")
    other = ws.channel("other", [ada])
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        ws.post(ada, channel, files=[("notes.txt", GATEWAY)])
        ws.settled()
        asked = ws.post(ada, other, mention(ws, PORT))
        answer = reply(ws, other, asked)
        assert "notes.txt" in said(answer)
        press(ws, ada, other, answer)
        until(lambda: is_held(bot))
        ws.join(gus, other)
        ws.settled()
        gate.opened.set()
        again = answers(ws, other, asked, 2)[1]
        assert "could not find" in said(again)
        assert "8443" not in said(again)


def test_files_that_a_reader_may_not_see_are_not_named(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate
) -> None:
    private = ws.channel("private", [ada], private=True)
    with magpie(ws, tmp_path / "data", extractor=gate):
        ws.post(ada, private, files=[("secret.txt", GATEWAY)])
        ws.settled()
        asked = ws.post(ada, channel, mention(ws, PORT))
        answer = reply(ws, channel, asked)
        assert "secret" not in f"{answer.text} {answer.blocks}"
        assert not has_button(answer)
        direct = ws.direct(ada)
        answer = reply(ws, direct, ws.post(ada, direct, PORT))
        assert "I'm still reading secret.txt" in said(answer)
        gate.opened.set()


@pytest.mark.parametrize("end", ["question deleted", "answer deleted", "left", "forgotten"])
def test_waiting_question_ends(ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate, end: str) -> None:
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        asked, answer = ask_too_early(ws, ada, channel)
        press(ws, ada, channel, answer)
        until(lambda: is_held(bot))
        match end:
            case "question deleted":
                ws.delete_message(channel, asked)
            case "answer deleted":
                ws.delete_message(channel, answer.ts)
            case "left":
                ws.leave(ws.bot_user, channel)
            case "forgotten":
                with bot.rag.write_transaction() as connection:
                    retention.forget_user(connection, ada)
        until(lambda: not count_waiting(bot))
        gate.opened.set()
        until(lambda: not is_asked(bot))
    assert not any("8443" in said(message) for message in ws.messages(channel))


def test_question_is_answered_at_once_if_the_files_are_read_before_the_press(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate
) -> None:
    with magpie(ws, tmp_path / "data", extractor=gate):
        ts = ws.post(ada, channel, files=[("notes.txt", GATEWAY)])
        ws.settled()
        asked = ws.post(ada, channel, mention(ws, PORT))
        answer = reply(ws, channel, asked)
        gate.opened.set()
        receipts(ws, channel, ts, READ)
        press(ws, ada, channel, answer)
        assert "8443" in said(answers(ws, channel, asked, 2)[1])


def test_file_that_cannot_be_read_ends_the_wait(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, gate: Gate
) -> None:
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        ts = ws.post(ada, channel, files=[("notes.txt", b"The gateway. !bad")])
        ws.settled()
        asked = ws.post(ada, channel, mention(ws, PORT))
        press(ws, ada, channel, reply(ws, channel, asked))
        until(lambda: is_held(bot))
        ws.delete_message(channel, ts)
        gate.opened.set()
        again = answers(ws, channel, asked, 2)[1]
        assert "could not find" in said(again)
        assert not has_button(again)
