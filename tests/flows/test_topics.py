"""What can be asked next, as buttons under an answer, in a workspace with the real bot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from bot.demo.slack_server import Message, Workspace
from bot.main import Bot
from bot.slack import buttons
from bot.slack.messages import answer_texts
from rag import Scope
from tests.flows.team import answers, ask, magpie, mention, reply, said, settings, share, until

PORT = "which port does the gateway use?"


def guide(*sections: tuple[str, str]) -> bytes:
    """Return a PDF with a section on each page."""
    with pymupdf.open() as document:
        for heading, text in sections:
            page = document.new_page()
            page.insert_text((60, 80), heading, fontsize=22, fontname="hebo")
            page.insert_textbox((60, 110, 535, 780), text, fontsize=11)
        made: bytes = document.tobytes()
    return made


GUIDE = guide(
    (
        "Gateway",
        "This page is about a machine. The gateway listens on port 8443. Its lantern is green.",
    ),
    ("Herons", "Herons nest on the old crane. They are counted every spring by the watch, in the early morning."),
    ("Night watch", "The night watch begins at nine and ends at five. Two people keep it, and write what they see."),
    ("12", "Twelve lanterns hang at the pier, and one of them is red since the storm in the spring."),
)


@contextmanager
def reading_headings(ws: Workspace, data: Path, **slack: Any) -> Iterator[Bot]:
    with magpie(ws, data, rag=settings(data, read={"workers": 1, "ocr": False}), **slack) as bot:
        yield bot


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    with reading_headings(ws, tmp_path / "data") as bot:
        yield bot


def topics(message: Message) -> list[dict[str, Any]]:
    """Return the buttons for what can be asked next."""
    blocks = [block for block in message.blocks if block.get("block_id") == buttons.TOPICS_BLOCK]
    return [element for block in blocks for element in block["elements"]]


def offered(ws: Workspace, channel: str, ts: str) -> list[dict[str, Any]]:
    """Wait for the buttons under a message and return them."""
    found: list[dict[str, Any]] = ws.wait(lambda: topics(ws.message(channel, ts)), 20, "buttons")
    return found


def test_headings_after_the_cited_place_are_offered_and_answered_from_their_file(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    """The answer itself does not wait for them."""
    share(ws, ada, channel, "guide.pdf", GUIDE)
    ts = ws.post(ada, channel, mention(ws, PORT))
    answer = reply(ws, channel, ts)
    found = offered(ws, channel, answer.ts)
    updates = [str(each) for each in ws.called("chat.update") if "8443" in str(each)]
    assert [buttons.TOPICS_BLOCK in update for update in updates][-2:] == [False, True]
    assert [each["text"]["text"] for each in found] == ["Herons", "Night watch"]
    assert ws.message(channel, answer.ts).blocks[-1]["block_id"] == buttons.FEEDBACK_BLOCK
    ws.click(ben, channel, answer.ts, found[1]["action_id"], found[1]["value"])
    _, topic = answers(ws, channel, ts, 2)
    assert said(topic).startswith("“Night watch” in guide.pdf:")
    assert "begins at nine" in said(topic)


def test_heading_of_a_file_that_is_gone_or_never_was_in_scope_is_refused(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    secret = ws.channel("secret", members=[ada], private=True)
    plans = guide(("Secret plan", "The plan is secret, and only Ada may read about the ships and their cargo."))
    share(ws, ada, secret, "plans.pdf", plans)
    share(ws, ada, channel, "guide.pdf", GUIDE)
    ts, answer = ask(ws, ben, channel, PORT)
    found = offered(ws, channel, answer.ts)
    with bot.rag.read_transaction() as connection:
        [(forged,)] = connection.exec_driver_sql("SELECT max(id) FROM chunk WHERE heading = 'Secret plan'").all()
    _add_button(ws, channel, answer.ts, f"{buttons.TOPIC}:{forged}", str(forged))
    ws.click(ben, channel, answer.ts, f"{buttons.TOPIC}:{forged}", str(forged))
    refused = answers(ws, channel, ts, 2)[-1]
    assert said(refused) == answer_texts.TOPIC_UNAVAILABLE
    [file] = ws.files("guide.pdf")
    ws.delete_file(file.id)
    until(lambda: not bot.rag.documents(Scope.of(channel)))
    ws.click(ada, channel, answer.ts, found[0]["action_id"], found[0]["value"])
    refused = answers(ws, channel, ts, 3)[-1]
    assert said(refused) == answer_texts.TOPIC_UNAVAILABLE


def test_follow_ups_can_be_switched_off(ws: Workspace, tmp_path: Path, ada: str, channel: str) -> None:
    with reading_headings(ws, tmp_path / "data", follow_ups=False):
        share(ws, ada, channel, "guide.pdf", GUIDE)
        ts, answer = ask(ws, ada, channel, PORT)
        ws.wait(lambda: not ws.message(channel, ts).reactions, 20, "the end of the work")
    assert topics(ws.message(channel, answer.ts)) == []


def _add_button(ws: Workspace, channel: str, ts: str, action: str, value: str) -> None:
    """Add a button to a message, as no client of Slack can."""
    element = {"type": "button", "action_id": action, "value": value, "text": {"type": "plain_text", "text": "x"}}
    ws._state.message(channel, ts).blocks.append({"type": "actions", "block_id": "forged", "elements": [element]})
