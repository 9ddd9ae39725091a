"""Every way Ollama fails, by its stand-in: each ends in the best passages, with a notice and a remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest

from rag.adapters.ollama import open_generator
from rag.answer.generation import answer_question
from rag.model import Mode
from rag.settings import AnswerSettings
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
    """How it is brought about, and a word of the notice and of the remedy."""

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
    "thinks for ever": Failure("thinks and does not", "qwen3-vl:4b-instruct", Script(text="Hm."), "thinks:4b"),
    "queue full": says(503, BUSY, "more questions than it can queue", "Ask again"),
    "cannot load": says(500, RUNNER, "cannot load", "pull the model again"),
    "architecture unknown": says(500, "unknown model architecture: 'mllama'", "cannot load", "Update Ollama"),
    "no memory at load": says(500, MEMORY, "does not fit into the memory", "a smaller one"),
    "no memory at work": breaks("does not fit", "a smaller one", fault="error line", error="cudaMalloc failed"),
    "load stalls": says(500, "timed out waiting for llama-server to start - 5m", "too long to load", "Ask again"),
    "client gone": says(499, "request canceled", "gave up waiting", "Ask again"),
    "not installed": says(500, "llama-server binary not found (checked: /usr)", "not fully installed", "install"),
    "runner dies": says(500, BROKEN, "broke down", "Ask again"),
    "runner dies midway": breaks("broke down", "Ask again", fault="error line"),
    "prompt too long": says(400, NATIVE, "do not fit into the window", "MAGPIE_ANSWER__NUM_CTX"),
    "cannot see": says(500, BLIND, "cannot see pictures", "MAGPIE_ANSWER__PICTURES"),
    "bad picture": says(400, "Failed to load image or audio file", "could not read a picture", "without the picture"),
    "bad WebP": says(500, "decode WebP image: bad", "could not read a picture", "without the picture"),
    "no done frame": breaks("broke off", "Ask again", fault="no done frame"),
    "silent": breaks("said nothing", "Ask again", fault="silent"),
    "cut off": breaks("connection to Ollama was cut", "Ask again", fault="cut connection"),
    "not JSON midway": breaks("does not speak as Ollama", "MAGPIE_ANSWER__HOST", fault="not json"),
    "error object midway": breaks("does not speak as Ollama", "MAGPIE_ANSWER__HOST", fault="error object"),
    "host refused": proxy(403, b"", "refuses us (403)", "a name it accepts"),
    "no Ollama there": proxy(404, b"404 page not found", "not Ollama (404)", "Ollama's own address"),
    "proxy without Ollama": proxy(502, b"<html>Bad gateway</html>", "not Ollama (502)", "Ollama's own address"),
    "proxy gives up": proxy(504, b"<html>Timeout</html>", "gave up waiting", "Ask again"),
    "proxy says a list": proxy(500, b'["a"]', "does not speak as Ollama", "MAGPIE_ANSWER__HOST"),
    "a web page": proxy(200, b"<html>Welcome</html>", "does not speak as Ollama", "MAGPIE_ANSWER__HOST"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_ends_in_the_passages_with_what_to_do(name: str) -> None:
    failure = FAILURES[name]
    with ollama_server(*MODELS) as server:
        server.script = failure.script
        settings = AnswerSettings(host=closed_address() if failure.down else server.url, model=failure.model, seconds=5)
        given = answer_question(QUESTION, found(TIDE, PIER), open_generator(settings), settings)
    assert given.mode is Mode.PASSAGES
    assert not given.abstained
    assert "The pier is 40 metres long." in given.text
    assert [passage.number for passage in given.cited] == [1, 2]
    assert failure.notice in given.notice
    assert given.notice.startswith("Best passages (no written answer: ")
    assert failure.remedy in given.remedy


def test_a_model_that_is_slow_beyond_the_limit() -> None:
    with ollama_server(*MODELS) as server:
        server.script = Script(text="The pier is 40 metres long [1].", gate=Event())
        settings = AnswerSettings(host=server.url, model="sees:4b", seconds=1)
        given = answer_question(QUESTION, found(PIER), open_generator(settings), settings)
    assert given.mode is Mode.PASSAGES
    assert "took too long" in given.notice
    assert "MAGPIE_ANSWER__SECONDS" in given.remedy


def test_a_cut_answer_is_kept_and_said_to_be_cut() -> None:
    with ollama_server(*MODELS) as server:
        server.script = Script(text="The pier is 40 metres long [1]. " + "It has a crane [1]. " * 9)
        settings = AnswerSettings(host=server.url, model="sees:4b", num_predict=16)
        given = answer_question(QUESTION, found(PIER), open_generator(settings), settings)
    assert given.mode is Mode.VISION
    assert "40 metres long [1]" in given.text
    assert "MAGPIE_ANSWER__NUM_PREDICT" in given.notice
