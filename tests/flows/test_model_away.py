"""What Ollama can do wrong, seen from the thread: each ends in something useful, and the next question in an answer."""

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
def room(ws: Workspace, ollama: OllamaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A channel with a handbook that is read, and a Magpie whose model is asked over HTTP."""
    data = tmp_path_factory.mktemp("data")
    rag = settings(data, answer={"model": "sees:4b", "host": ollama.url, "seconds": 1, "correct": False})
    with magpie(ws, data, rag=rag, generator=open_generator(rag.answer)):
        ada = ws.person("ada")
        room = ws.channel("harbour", members=[ada])
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
        yield room


@pytest.mark.parametrize("name", FAULTS)
def test_a_failure_ends_in_the_passages_and_the_next_question_in_an_answer(
    ws: Workspace, ollama: OllamaServer, room: str, name: str
) -> None:
    ollama.script, notice = FAULTS[name]
    question = f"<@{ws.bot_user}> which port does the gateway use?"
    failed = said(reply(ws, room, ws.post("ada", room, question)))
    assert notice in failed
    assert "Best passages (no written answer: " in failed
    assert "The gateway listens on port 8443." in failed
    assert "handbook.pdf>, p. 2" in failed
    ollama.script = Script()
    assert said(reply(ws, room, ws.post("ada", room, question))).startswith("The gateway listens on port 8443. [1]")
