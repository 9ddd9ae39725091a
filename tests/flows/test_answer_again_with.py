"""Answering again with another model, or from more pages, in a workspace with the real bot and a fake Ollama."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.slack_server import Message, Workspace
from bot.slack import buttons
from bot.slack.messages import answer_texts, button_texts
from tests.flows.team import answers, ask, magpie, mention, pdf, said, settings, share
from tests.flows.test_topics import PORT, guide
from tests.support.generator import FakeGenerator
from tests.support.ollama_chat import Model
from tests.support.ollama_server import OllamaServer, ollama_server

MANY = pdf(*[f"Line {number}. The gateway listens on port {8400 + number}." for number in range(1, 15)])


@pytest.fixture
def ollama() -> Iterator[OllamaServer]:
    with ollama_server(Model("one:4b", ("completion",)), Model("two:8b", ("completion",))) as server:
        yield server


def again(message: Message) -> dict[str, Any]:
    """Return the element that has a question answered again; {} if there is none."""
    blocks = [block for block in message.blocks if block.get("block_id") == buttons.WITH_BLOCK]
    return blocks[0]["elements"][0] if blocks else {}


def offered(ws: Workspace, channel: str, ts: str) -> dict[str, Any]:
    found: dict[str, Any] = ws.wait(lambda: again(ws.message(channel, ts)), 20, "the choice")
    return found


def test_other_model_and_more_pages_can_be_chosen(
    ws: Workspace, tmp_path: Path, ollama: OllamaServer, ada: str, ben: str, channel: str
) -> None:
    answer = {"model": "one:4b", "other_models": "two:8b", "host": ollama.url}
    generator = FakeGenerator()
    rag = settings(tmp_path / "data", answer=answer)
    with magpie(ws, tmp_path / "data", generator=generator, rag=rag, follow_ups=False):
        share(ws, ada, channel, "log.pdf", MANY)
        ts, first = ask(ws, ada, channel, PORT)
        choice = offered(ws, channel, first.ts)
        assert choice["placeholder"]["text"] == button_texts.AGAIN_WITH
        assert [each["value"] for each in choice["options"]] == ["deeper", "model:two:8b"]
        shown = generator.prompts[-1].user.count("<passage ")
        ws.click(ben, channel, first.ts, buttons.WITH, "deeper")
        _, deeper = answers(ws, channel, ts, 2)
        assert said(deeper).startswith("Asked again with more pages:")
        assert generator.prompts[-1].user.count("<passage ") > shown
        assert offered(ws, channel, deeper.ts)["value"] == "model:two:8b"
        asked = len(generator.prompts)
        ws.click(ben, channel, first.ts, buttons.WITH, "model:two:8b")
        other = answers(ws, channel, ts, 3)[-1]
        assert said(other).startswith("Asked again with two:8b:")
        assert len(generator.prompts) == asked
        assert ollama.chats()[-1]["model"] == "two:8b"
    with magpie(
        ws, tmp_path / "data", generator=generator, rag=settings(tmp_path / "data", answer={"model": "one:4b"})
    ):
        ws.click(ben, channel, first.ts, buttons.WITH, "model:two:8b")
        refused = answers(ws, channel, ts, 4)[-1]
        assert said(refused) == answer_texts.MODEL_UNAVAILABLE


def test_question_in_the_thread_of_a_file_is_answered_from_it_again(
    ws: Workspace, tmp_path: Path, ollama: OllamaServer, ada: str, channel: str
) -> None:
    answer = {"model": "one:4b", "other_models": "two:8b", "host": ollama.url}
    rag = settings(tmp_path / "data", answer=answer)
    with magpie(ws, tmp_path / "data", generator=FakeGenerator(), rag=rag):
        thread = share(ws, ada, channel, "log.pdf", pdf("The gateway of the north pier listens on port 8401."))
        share(ws, ada, channel, "other.pdf", pdf("The gateway listens on port 9999."))
        ws.post(ada, channel, mention(ws, PORT), thread_ts=thread)
        [first] = answers(ws, channel, thread, 1)
        offered(ws, channel, first.ts)
        ws.click(ada, channel, first.ts, buttons.WITH, "model:two:8b")
        again = said(answers(ws, channel, thread, 2)[-1])
    assert answer_texts.IN_THREAD in said(first)
    assert answer_texts.IN_THREAD in again
    assert "8401" in again


def test_without_other_models_more_pages_are_offered_beside_follow_ups(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    sections = [(f"Section {word}", f"The gateway of {word} listens on its port.") for word in ("tern", "gull", "crow")]
    rag = settings(tmp_path / "data", read={"workers": 1, "ocr": False})
    with magpie(ws, tmp_path / "data", rag=rag):
        share(
            ws, ada, channel, "guide.pdf", guide(("Start", "This is it. The gateway listens on port 8443."), *sections)
        )
        _, answer = ask(ws, ada, channel, PORT)
        choice = offered(ws, channel, answer.ts)
    assert (choice["type"], choice["value"]) == ("button", "deeper")
    assert choice["text"]["text"] == "Answer again with more pages"
