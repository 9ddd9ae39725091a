"""Questions about forwarded messages: their words and files, as far as the readers of the reply may see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot
from bot.slack.messages import answer_texts
from tests.flows.team import HANDBOOK, magpie, mention, pdf, reply, said, share

BIRCH = pdf("Invoice 88 of Birch Ltd. Total due: 975 euro.")
ALDER = pdf("Invoice 17 of Alder Ltd. Total due: 310 euro.")


@pytest.fixture
def elsewhere(ws: Workspace, ada: str, ben: str) -> str:
    return ws.channel("papers", members=[ada, ben])


@pytest.fixture
def private(ws: Workspace, ada: str, ben: str) -> str:
    return ws.channel("board", members=[ada, ben], private=True)


@pytest.fixture(autouse=True)
def bot(ws: Workspace, ada: str, channel: str, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        share(ws, ada, channel)
        share(ws, ada, channel, "alder.pdf", ALDER)
        yield bot


def forwarded(ws: Workspace, channel: str, source: str, ts: str, words: str = "") -> str:
    """Forward a message with a question, and return the answer."""
    return said(reply(ws, channel, ws.forward("ben", source, ts, channel, mention(ws, words))))


def test_file_of_a_forwarded_message_is_asked_first(ws: Workspace, ada: str, channel: str, elsewhere: str) -> None:
    ts = share(ws, ada, elsewhere, "birch.pdf", BIRCH)
    answer = forwarded(ws, channel, elsewhere, ts, "what is the total due here?")
    assert "975 euro" in answer
    assert "birch.pdf" in answer


def test_screenshot_of_a_forwarded_message_is_meant(ws: Workspace, ada: str, channel: str, elsewhere: str) -> None:
    with pymupdf.open(stream=HANDBOOK, filetype="pdf") as document:
        picture = document[1].get_pixmap(dpi=110, clip=(40, 40, 500, 140)).tobytes("png")
    ts = share(ws, ada, elsewhere, "shot.png", picture)
    answer = forwarded(ws, channel, elsewhere, ts, "which page is this?")
    assert "handbook.pdf>*, p. 2" in answer


def test_words_of_a_forwarded_message_are_the_question_of_a_bare_mention(
    ws: Workspace, ada: str, channel: str, private: str
) -> None:
    ts = ws.post(ada, private, "Which color has the lantern of the gateway?")
    answer = forwarded(ws, channel, private, ts)
    assert "Understood as: Which color has the lantern of the gateway?" in answer
    assert "handbook.pdf" in answer


def test_words_of_a_forwarded_message_complete_a_question(
    ws: Workspace, ada: str, channel: str, elsewhere: str
) -> None:
    ts = ws.post(ada, elsewhere, "The gateway is broken again")
    answer = forwarded(ws, channel, elsewhere, ts, "and which port is it?")
    assert "8443" in answer


def test_private_file_of_a_forwarded_message_is_neither_used_nor_named(
    ws: Workspace, ada: str, channel: str, private: str
) -> None:
    ts = share(ws, ada, private, "birch.pdf", BIRCH)
    answer = forwarded(ws, channel, private, ts, "what is the total due here?")
    assert answer_texts.FORWARDED_FILE_UNAVAILABLE in answer
    assert "975" not in answer
    assert "birch" not in answer.lower()


def test_file_that_slack_shares_with_the_forwarded_message_is_used(
    ws: Workspace, ada: str, channel: str, private: str
) -> None:
    ts = share(ws, ada, private, "birch.pdf", BIRCH)
    with ws.hold_events() as held:
        asked = ws.forward("ben", private, ts, channel, mention(ws, "what is the total due here?"))
        ws.share("ada", ws.files("birch.pdf")[0].id, channel)
        held.drop(*held.named("file_shared"))
        held.deliver(*[one for one in held.pending if one.payload["event"].get("ts") == asked])
        held.drop(*held.pending)
    answer = said(reply(ws, channel, asked))
    assert "975 euro" in answer
    assert answer_texts.FORWARDED_FILE_UNAVAILABLE not in answer
