"""The pictures of an answer side by side in the answer, if that is switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.demo.slack_server import Message, Workspace
from bot.slack.messages import answer_texts
from tests.flows.team import magpie, mention, pdf, pictures, reply, said, share
from tests.support.generator import FakeGenerator

TIDE = "The gate of the harbor opens at high tide."
NIGHT = "The gate of the harbor is closed at night by the watch."
BOTH = FakeGenerator(text=f"{TIDE} [1] {NIGHT} [2]")
QUESTION = "when is the gate of the harbor open or closed?"


def cards(message: Message) -> list[dict[str, Any]]:
    return [card for block in message.blocks if block["type"] == "carousel" for card in block["elements"]]


def asked(ws: Workspace, ada: str, channel: str) -> str:
    share(ws, ada, channel, "tide.pdf", pdf(TIDE))
    share(ws, ada, channel, "night.pdf", pdf(NIGHT))
    return ws.post(ada, channel, mention(ws, QUESTION))


def test_pictures_of_the_thread_are_shown_side_by_side_with_a_description(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    with magpie(ws, tmp_path / "data", generator=BOTH, carousel=True):
        question = asked(ws, ada, channel)
        shown = pictures(ws, channel, question)
        answer = reply(ws, channel, question)
        found = ws.wait(lambda: cards(ws.message(channel, answer.ts)), 20, "a carousel")
    assert [card["hero_image"]["slack_file"]["id"] for card in found] == [*shown.files]
    for card, file in zip(found, shown.files, strict=True):
        assert card["hero_image"]["alt_text"] == answer_texts.marked_page(ws.file(file).title)
        assert card["title"]["text"].replace("\u200b", "") == ws.file(file).title
    assert "high tide" in said(answer)


def test_answer_stays_as_it_is_where_slack_refuses_the_carousel(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    ws.pace.share_delay = 1.0  # the carousel waits for the pictures, and so comes after the fault is set
    with magpie(ws, tmp_path / "data", generator=BOTH, carousel=True):
        question = asked(ws, ada, channel)
        answer = reply(ws, channel, question)
        ws.faults.fail("chat.update", 1, error="invalid_blocks")
        pictures(ws, channel, question)
        ws.wait(lambda: not ws.message(channel, question).reactions, what="the removal of the reaction")
    shown = ws.message(channel, answer.ts)
    assert cards(shown) == []
    assert "high tide" in said(shown)


def test_failing_carousel_neither_repeats_the_answer_nor_takes_its_pictures_for_missing(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    ws.pace.share_delay = 1.0
    with magpie(ws, tmp_path / "data", generator=BOTH, carousel=True):
        question = asked(ws, ada, channel)
        answer = reply(ws, channel, question)
        ws.faults.fail("chat.update", 9, status=429, retry_after=1)
        ws.wait(lambda: not ws.message(channel, question).reactions, 40, "the removal of the reaction")
        assert cards(ws.message(channel, answer.ts)) == []
        assert answer_texts.PICTURES_MISSING not in said(ws.message(channel, answer.ts))


def test_pictures_are_only_in_the_thread_by_default(ws: Workspace, tmp_path: Path, ada: str, channel: str) -> None:
    with magpie(ws, tmp_path / "data", generator=BOTH):
        question = asked(ws, ada, channel)
        pictures(ws, channel, question)
        ws.wait(lambda: not ws.message(channel, question).reactions, what="the removal of the reaction")
        assert cards(reply(ws, channel, question)) == []
