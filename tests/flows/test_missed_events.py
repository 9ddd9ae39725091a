"""Files and questions whose events were lost: a sweep finds both, and reads the files before it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.db import conversations, questions
from bot.demo.slack_server import Workspace
from bot.main import Bot
from tests.flows.team import READ, answers, magpie, mention, receipts, replies, reply, said, share, until
from tests.flows.test_unread_files import GATEWAY, PORT, Gate
from tests.support.extractor import TextExtractor


def is_recorded(bot: Bot, channel: str, ts: str) -> bool:
    with bot.rag.read_transaction() as connection:
        return questions.find_question(connection, channel, ts) is not None


def is_swept(bot: Bot, channel: str) -> bool:
    with bot.rag.read_transaction() as connection:
        state = conversations.find(connection, channel)
    return bool(state.checked_until and state.files_until)


@pytest.mark.parametrize("file_first", [True, False], ids=["file first", "question first"])
def test_missed_question_waits_for_the_files_that_are_found_with_it(
    ws: Workspace, tmp_path: Path, ada: str, channel: str, file_first: bool
) -> None:
    gate = Gate()
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        until(lambda: is_swept(bot, channel))
        ws.faults.lose_events(20)
        shared = ws.post(ada, channel, files=[("notes.txt", GATEWAY)]) if file_first else ""
        asked = ws.post(ada, channel, mention(ws, PORT))
        shared = shared or ws.post(ada, channel, files=[("notes.txt", GATEWAY)])
        ws.faults.clear()
        bot.sweep_all()
        until(lambda: is_recorded(bot, channel, asked))
        ws.wait(lambda: replies(ws, channel, asked), 20, "the placeholder")
        assert gate.waiting.wait(20)
        gate.opened.set()
        assert "8443" in said(reply(ws, channel, asked))
        assert len(answers(ws, channel, asked, 1)) == 1
        receipts(ws, channel, shared, READ)


def test_question_that_a_sweep_finds_before_its_event_does_not_wait(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    gate = Gate()
    with magpie(ws, tmp_path / "data", extractor=gate) as bot:
        until(lambda: is_swept(bot, channel))
        ws.post(ada, channel, files=[("notes.txt", GATEWAY)])
        ws.settled()
        with ws.hold_events() as held:
            asked = ws.post(ada, channel, mention(ws, PORT))
            bot.sweep_all()
            until(lambda: is_recorded(bot, channel, asked))
            held.deliver(*held.named("app_mention"))
        assert "I'm still reading notes.txt" in said(reply(ws, channel, asked))
        gate.opened.set()


def test_question_and_file_from_while_magpie_was_not_running(
    ws: Workspace, tmp_path: Path, ada: str, ben: str, channel: str
) -> None:
    with magpie(ws, tmp_path / "data", extractor=TextExtractor()):
        share(ws, ada, channel, "old.txt", b"Herons nest in the reeds.")
    root = ws.post(ben, channel, "who has the notes?")
    shared = ws.post(ada, channel, files=[("notes.txt", GATEWAY)], thread_ts=root)
    asked = ws.post(ben, channel, mention(ws, PORT), thread_ts=root)
    other = ws.post(ben, channel, mention(ws, "where do herons nest?"))
    with magpie(ws, tmp_path / "data", extractor=TextExtractor()):
        assert "8443" in said(answers(ws, channel, root, 1)[0])
        assert "reeds" in said(reply(ws, channel, other))
        receipts(ws, channel, shared, READ)
        assert asked


def test_files_that_a_sweep_finds_get_receipts(ws: Workspace, tmp_path: Path, ada: str) -> None:
    channel = ws.channel("new", [ada])
    with magpie(ws, tmp_path / "data", extractor=TextExtractor()) as bot:
        until(lambda: is_swept(bot, channel))
        ws.faults.lose_events(20)
        direct = ws.direct(ada)
        in_direct = ws.post(ada, direct, files=[("mine.txt", b"The mine is deep.")])
        in_channel = ws.post(ada, channel, files=[("notes.txt", GATEWAY)])
        ws.faults.clear()
        bot.sweep_all()
        receipts(ws, channel, in_channel, READ)
        receipts(ws, direct, in_direct, READ)
