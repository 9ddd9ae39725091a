"""Every failure of Ollama (a stand-in): each gives the best passages, with a notice and a remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest

from rag.adapters.ollama import open_generator
from rag.answer.generation import answer_question
from rag.model.search import Mode
from rag.setting_groups import AnswerSettings
from tests.rag.answer.test_generation import PIER, QUESTION, TIDE, found
from tests.support.ollama_chat import Model
from tests.support.ollama_server import Script, closed_address, ollama_server

THINKING = ("completion", "vision", "thinking")
MODELS = (
    Model("sees:4b", ("completion", "vision", "tools")),
    Model("embeds:1b", ("embedding",)),
    Model("thinks:4b", THINKING, always_thinks=True),
)


@dataclass(frozen=True)
class Failure:
    """How a failure is caused, and parts of its notice and remedy."""

    notice: str
    remedy: str
    script: Script = field(default_factory=Script)
    model: str = "sees:4b"
    down: bool = False


def says(status: int, error: str, notice: str, remedy: str) -> Failure:
    return Failure(notice, remedy, Script(status=status, body=json.dumps({"error": error}).encode()))


def proxy(status: int, body: bytes, notice: str, remedy: str) -> Failure:
    return Failure(notice, remedy, Script(status=status, body=body))


def breaks(notice: str, remedy: str, **script: Any) -> Failure:
    return Failure(notice, remedy, Script(text="The pier is 40 metres long [1].", **script))


RUNNER = "llama-server process has terminated: exit status 1: error loading model: bad"
BUSY = "server busy, please try again.  maximum pending requests exceeded"
MEMORY = "llama-server reported out-of-memory during startup: cudaMalloc failed"
BROKEN = "an error was encountered while running the model: CUDA error"
TOO_LONG = "request (6031 tokens) exceeds the available context size (4096 tokens), try increasing it"
NATIVE = json.dumps({"error": {"code": 400, "message": TOO_LONG, "type": "exceed_context_size_error"}})
BLIND = json.dumps({"error": {"code": 500, "message": "image input is not supported - hint: mmproj"}})

FAILURES: Mapping[str, Failure] = {
    "down": Failure("does not answer", "pull sees:4b", down=True),
    "model missing": Failure("not on the Ollama server", "ollama pull absent:1b", model="absent:1b"),
    "embedding model": Failure("cannot write answers", "MAGPIE_ANSWER__MODEL", model="embeds:1b"),
    "thinks for ever": Failure("thinks and does not answer", "qwen3-vl:4b-instruct", Script(text="Hm."), "thinks:4b"),
    "queue full": says(503, BUSY, "queue is full", "Ask again"),
    "cannot load": says(500, RUNNER, "cannot load", "pull the model again"),
    "architecture unknown": says(500, "unknown model architecture: 'mllama'", "cannot load", "Update Ollama"),
    "no memory at load": says(500, MEMORY, "does not fit into the memory", "a smaller one"),
    "no memory at work": breaks("does not fit", "a smaller one", fault="error line", error="cudaMalloc failed"),
    "load stalls": says(500, "timed out waiting for llama-server to start - 5m", "too long to load", "Ask again"),
    "client gone": says(499, "request canceled", "gave up waiting", "Ask again"),
    "not installed": says(500, "llama-server binary not found (checked: /usr)", "is incomplete", "install"),
    "runner dies": says(500, BROKEN, "crashed", "Ask again"),
    "runner dies midway": breaks("crashed", "Ask again", fault="error line"),
    "prompt too long": says(400, NATIVE, "do not fit into the context window", "MAGPIE_ANSWER__NUM_CTX"),
    "cannot see": says(500, BLIND, "cannot see pictures", "MAGPIE_ANSWER__PICTURES"),
    "bad picture": says(400, "Failed to load image or audio file", "could not read a picture", "without the picture"),
    "bad WebP": says(500, "decode WebP image: bad", "could not read a picture", "without the picture"),
    "no done frame": breaks("stopped in the middle", "Ask again", fault="no done frame"),
    "silent": breaks("empty answer", "Ask again", fault="silent"),
    "cut off": breaks("connection to Ollama was cut", "Ask again", fault="cut connection"),
    "not JSON midway": breaks("does not respond like Ollama", "MAGPIE_ANSWER__HOST", fault="not json"),
    "error object midway": breaks("does not respond like Ollama", "MAGPIE_ANSWER__HOST", fault="error object"),
    "host refused": proxy(403, b"", "refused the request (403)", "a name it accepts"),
    "no Ollama there": proxy(404, b"404 page not found", "not Ollama (404)", "Ollama's own address"),
    "proxy without Ollama": proxy(502, b"<html>Bad gateway</html>", "not Ollama (502)", "Ollama's own address"),
    "proxy gives up": proxy(504, b"<html>Timeout</html>", "gave up waiting", "Ask again"),
    "proxy says a list": proxy(500, b'["a"]', "does not respond like Ollama", "MAGPIE_ANSWER__HOST"),
    "a web page": proxy(200, b"<html>Welcome</html>", "does not respond like Ollama", "MAGPIE_ANSWER__HOST"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_quotes_passages_with_a_remedy(name: str) -> None:
    failure = FAILURES[name]
    with ollama_server(*MODELS) as server:
        server.script = failure.script
        settings = AnswerSettings(host=closed_address() if failure.down else server.url, model=failure.model, seconds=5)
        answer = answer_question(QUESTION, found(TIDE, PIER), open_generator(settings), settings)
    assert answer.mode is Mode.PASSAGES
    assert not answer.abstained
    assert "The pier is 40 metres long." in answer.text
    assert [passage.number for passage in answer.cited] == [1, 2]
    assert failure.notice in answer.notice
    assert answer.notice.startswith("Best passages (no written answer: ")
    assert failure.remedy in answer.remedy


def test_model_slower_than_the_limit_quotes_passages() -> None:
    with ollama_server(*MODELS) as server:
        server.script = Script(text="The pier is 40 metres long [1].", gate=Event())
        settings = AnswerSettings(host=server.url, model="sees:4b", seconds=1)
        answer = answer_question(QUESTION, found(PIER), open_generator(settings), settings)
    assert answer.mode is Mode.PASSAGES
    assert "took too long" in answer.notice
    assert "MAGPIE_ANSWER__SECONDS" in answer.remedy


def test_cut_answer_is_kept_with_a_notice() -> None:
    with ollama_server(*MODELS) as server:
        server.script = Script(text="The pier is 40 metres long [1]. " + "It has a crane [1]. " * 9)
        settings = AnswerSettings(host=server.url, model="sees:4b", num_predict=16)
        answer = answer_question(QUESTION, found(PIER), open_generator(settings), settings)
    assert answer.mode is Mode.VISION
    assert "40 metres long [1]" in answer.text
    assert "MAGPIE_ANSWER__NUM_PREDICT" in answer.notice
