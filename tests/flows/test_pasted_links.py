"""Questions with pasted links to files and messages in Slack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.messages import answer_texts
from tests.flows.team import ask, magpie, pdf, said, share

ALDER = pdf("Invoice 17 of Alder Ltd. Total due: 310 euro.")
BIRCH = pdf("Invoice 88 of Birch Ltd. Total due: 975 euro.")


@pytest.fixture
def private(ws: Workspace, ada: str, ben: str) -> str:
    return ws.channel("board", members=[ada, ben], private=True)


@pytest.fixture(autouse=True)
def bot(ws: Workspace, ada: str, channel: str, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        share(ws, ada, channel, "alder.pdf", ALDER)
        yield bot


def ask_about(ws: Workspace, channel: str, link: str, words: str = "what is the total due in") -> str:
    return said(ask(ws, "ben", channel, f"{words} <{link}>?")[1])


def test_linked_file_is_asked_first(ws: Workspace, ada: str, channel: str) -> None:
    share(ws, ada, ws.channel("papers", members=[ada]), "b.pdf", BIRCH)
    assert "975 euro" in ask_about(ws, channel, ws.file_link(ws.files("b.pdf")[0].id))


def test_file_of_a_linked_message_is_asked_first(ws: Workspace, ada: str, channel: str) -> None:
    papers = ws.channel("papers", members=[ada, "ben"])
    ts = share(ws, ada, papers, "b.pdf", BIRCH)
    assert "975 euro" in ask_about(ws, channel, ws.link(papers, ts))


def test_words_of_a_linked_message_of_the_conversation_complete_a_question(
    ws: Workspace, ada: str, channel: str
) -> None:
    ts = ws.post(ada, channel, "the invoice of Alder")
    answer = ask_about(ws, channel, ws.link(channel, ts), "and what is the total due in it, see")
    assert "about: the invoice of Alder" in answer
    assert "archives" not in answer


def test_private_file_and_unknown_file_get_the_same_answer(ws: Workspace, ada: str, channel: str, private: str) -> None:
    share(ws, ada, private, "b.pdf", BIRCH)
    link = ws.file_link(ws.files("b.pdf")[0].id)
    private_answer = ask_about(ws, channel, link)
    unknown = link.replace(ws.files("b.pdf")[0].id, "F0UNKNOWN01")
    assert answer_texts.LINKED_FILE_UNAVAILABLE in private_answer
    assert "975" not in private_answer
    assert private_answer == ask_about(ws, channel, unknown)


def test_private_message_and_unknown_message_get_the_same_answer(
    ws: Workspace, ada: str, channel: str, private: str
) -> None:
    ts = share(ws, ada, private, "b.pdf", BIRCH)
    private_answer = ask_about(ws, channel, ws.link(private, ts))
    unknown = ask_about(ws, channel, f"https://magpie.slack.com/archives/{private}/p1700000000000100")
    assert answer_texts.LINKED_MESSAGE_UNAVAILABLE in private_answer
    assert "975" not in private_answer
    assert "b.pdf" not in private_answer
    assert private_answer.replace(ts.replace(".", ""), "TS") == unknown.replace("1700000000000100", "TS")
