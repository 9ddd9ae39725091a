"""Failures of Ollama: the reply has the passages and the reason, and the next question is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Event

import pytest

from bot.demo.slack_server import Workspace
from rag.adapters.ollama import open_generator
from tests.flows.team import HANDBOOK, READ, magpie, receipts, reply, said, settings
from tests.support.ollama_chat import Model
from tests.support.ollama_server import OllamaServer, Script, ollama_server
from tests.support.slack_workspace import MANIFEST, workspace_fixture

BUSY = json.dumps({"error": "server busy, please try again.  maximum pending requests exceeded"}).encode()
MEMORY = json.dumps({"error": "llama-server reported out-of-memory during startup: cudaMalloc failed"}).encode()

FAULTS = {
    "queue full": (Script(status=503, body=BUSY), "queue is full"),
    "no memory": (Script(status=500, body=MEMORY), "does not fit into the memory"),
    "breaks midway": (Script(fault="error line"), "crashed"),
    "no end": (Script(fault="no done frame"), "stopped in the middle"),
    "silence": (Script(fault="silent"), "empty answer"),
    "cut off": (Script(fault="cut connection"), "connection to Ollama was cut"),
    "a web page": (Script(status=200, body=b"<html>Welcome</html>"), "does not respond like Ollama"),
    "too slow": (Script(gate=Event()), "took too long"),
}


@pytest.fixture(scope="module")
def ollama() -> Iterator[OllamaServer]:
    with ollama_server(Model("sees:4b", ("completion", "vision"))) as server:
        yield server


ws = workspace_fixture("module", manifest=MANIFEST)


@pytest.fixture(scope="module")
def channel(ws: Workspace, ollama: OllamaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A channel with an indexed handbook, and a bot whose model is called over HTTP."""
    data = tmp_path_factory.mktemp("data")
    rag = settings(data, answer={"model": "sees:4b", "host": ollama.url, "seconds": 1, "correct": False})
    with magpie(ws, data, rag=rag, generator=open_generator(rag.answer)):
        ada = ws.person("ada")
        channel = ws.channel("harbor", members=[ada])
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        yield channel


@pytest.mark.parametrize("name", FAULTS)
def test_passages_are_shown_after_a_failure_and_the_next_question_is_answered(
    ws: Workspace, ollama: OllamaServer, channel: str, name: str
) -> None:
    ollama.script, notice = FAULTS[name]
    question = f"<@{ws.bot_user}> which port does the gateway use?"
    failed = said(reply(ws, channel, ws.post("ada", channel, question)))
    assert notice in failed
    assert "Best passages (no written answer: " in failed
    assert "The gateway listens on port 8443." in failed
    assert "handbook.pdf>, p. 2" in failed
    ollama.script = Script()
    assert said(reply(ws, channel, ws.post("ada", channel, question))).startswith(
        "The gateway listens on port 8443. [1]"
    )
