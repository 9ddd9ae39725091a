"""The Ollama client against a strict stand-in: what it sends, and the error of each failure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from PIL import Image

from rag.adapters.ollama import OllamaGenerator, open_generator
from rag.errors import (
    BadSetting,
    GeneratorBusy,
    GeneratorDown,
    GeneratorFailed,
    GeneratorTimeout,
    MagpieError,
    ModelUnfit,
    PromptCut,
)
from rag.ports import Prompt
from rag.setting_groups import AnswerSettings
from tests.support.ollama_chat import Model
from tests.support.ollama_server import Fault, OllamaServer, Script, closed_address, ollama_server

PROMPT = Prompt("Answer briefly.", "How long is the pier?")
TEXT = "It is 40 metres long. [1]"


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with ollama_server() as server:
        server.script = Script(text=TEXT)
        yield server


def opened(server: OllamaServer, model: str = "sees:4b", **settings: object) -> OllamaGenerator:
    return open_generator(AnswerSettings.model_validate({"host": server.url, "model": model, "seconds": 5, **settings}))


def picture(kind: str = "JPEG") -> bytes:
    written = BytesIO()
    Image.new("RGB", (200, 120), "teal").save(written, kind)
    return written.getvalue()


def failure(generator: OllamaGenerator, prompt: Prompt = PROMPT) -> MagpieError:
    with pytest.raises(MagpieError) as caught:
        list(generator.stream(prompt))
    assert str(caught.value).endswith("."), str(caught.value)
    assert caught.value.hint
    return caught.value


# ---------------------------------------------------------------- requests


def test_request_turns_thinking_off_and_has_the_window_and_pictures(server: OllamaServer) -> None:
    sent = picture("PNG")
    assert "".join(opened(server, num_ctx=4096, num_predict=99).stream(Prompt("s", "u", (sent,)))) == TEXT
    assert "".join(opened(server, num_ctx=4096, num_predict=99).stream(Prompt("other", "u"))) == TEXT
    first, second = server.chats()
    assert first["think"] is False
    assert first["stream"] is True
    assert first["options"] == second["options"] == {"num_ctx": 4096, "num_predict": 99, "temperature": 0}
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert base64.b64decode(first["messages"][1]["images"][0]) == sent
    assert first["keep_alive"]
    assert server.warnings == []


def test_ability_does_not_send_a_chat_request(server: OllamaServer) -> None:
    assert opened(server).model_info().vision
    assert [request.path for request in server.requests] == ["/api/show"]


def test_address_is_the_setting_or_ollama_host(server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", server.url.removeprefix("http://"))
    assert open_generator(AnswerSettings(model="sees:4b")).model_info().vision
    other = open_generator(AnswerSettings(model="sees:4b", host=closed_address()))
    with pytest.raises(GeneratorDown):
        other.model_info()


def test_environment_proxies_are_not_used(server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, closed_address())
    assert "".join(opened(server).stream(PROMPT)) == TEXT


def test_redirects_are_not_followed(server: OllamaServer) -> None:
    with ollama_server() as elsewhere:
        server.script = Script(status=307, location=f"{elsewhere.url}/api/chat")
        assert isinstance(failure(opened(server)), GeneratorDown)
        assert elsewhere.requests == []


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "kimi-k2:cloud", "Qwen3-VL:235B-Cloud"])
def test_cloud_models_are_refused(name: str) -> None:
    with pytest.raises(BadSetting, match="leave your network"):
        open_generator(AnswerSettings(model=name))


@pytest.mark.parametrize("address", ["http://[::1", "http://host:port"])
def test_invalid_address_is_an_invalid_setting(address: str) -> None:
    with pytest.raises(BadSetting, match="not a valid URL"):
        open_generator(AnswerSettings(host=address)).model_info()


# ---------------------------------------------------------------- failures


def test_unreachable_server_names_the_command_that_starts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = closed_address()
    generator = open_generator(AnswerSettings(host=address, model="sees:4b"))
    monkeypatch.setenv("PATH", str(tmp_path))
    error = failure(generator)
    assert isinstance(error, GeneratorDown)
    assert str(error) == f"Ollama does not answer at {address}."
    assert (
        error.hint
        == f"install Ollama from https://ollama.com/download, then: OLLAMA_HOST={address} ollama pull sees:4b"
    )
    program = tmp_path / "ollama"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert failure(generator).hint == (
        f"OLLAMA_HOST={address} ollama serve & sleep 3; OLLAMA_HOST={address} ollama pull sees:4b"
    )


def test_missing_model_names_the_command_that_pulls_it(server: OllamaServer) -> None:
    generator = open_generator(AnswerSettings(host=server.url, model="absent:4b"))
    assert failure(generator).hint == f"OLLAMA_HOST={server.url} ollama pull absent:4b"


LONG = Prompt("s", "word " * 4000)


def test_prompt_longer_than_the_context_window_is_refused() -> None:
    with ollama_server(Model("native:4b", native_template=True)) as server:
        error = failure(opened(server, "native:4b", num_ctx=1024), LONG)
    assert isinstance(error, ModelUnfit)
    assert "tokens" in str(error)
    assert "NUM_CTX" in error.hint


def test_silently_cut_prompt_is_detected(server: OllamaServer) -> None:
    error = failure(opened(server, "reads:1b", num_ctx=1024), LONG)
    assert isinstance(error, PromptCut)
    assert "only 514 tokens of a prompt of at least 4001" in str(error)
    assert "NUM_CTX" in error.hint
    assert any("truncating" in warning for warning in server.warnings)


def test_ability_has_the_trained_context_length() -> None:
    with ollama_server(Model("small:1b", trained_context=2048)) as server:
        assert opened(server, "small:1b").model_info().window == 2048


def test_requests_do_not_reload_the_model(server: OllamaServer) -> None:
    generator = opened(server, num_ctx=4096)
    for prompt in (PROMPT, Prompt("s", "u", (picture(),)), PROMPT):
        assert "".join(generator.stream(prompt)) == TEXT
    assert server.loads == 1
    assert [one["context_length"] for one in server.running()] == [4096]


def test_stand_in_refuses_names_that_are_not_local(server: OllamaServer) -> None:
    host = server.url.removeprefix("http://127.0.0.1")
    with httpx.Client() as client:
        refused = client.get(f"{server.url}/api/tags", headers={"Host": f"magpie.example{host}"})
        assert (refused.status_code, refused.content) == (403, b"")
        assert client.get(f"{server.url}/api/tags", headers={"Host": f"box.internal{host}"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "missing request body"),
        (b"{", 400, "invalid character"),
        (b'{"model": ""}', 400, "model is required"),
        (b'{"model": "sees:4b", "messages": [{"role": "user", "content": "u", "images": ["data:x"]}]}', 400, "base64"),
        (b'{"model": "sees:4b", "options": {"num_ctx": "8"}}', 500, 'option "num_ctx" must be of type integer'),
        (b'{"model": "sees:4b", "format": "yaml"}', 500, "invalid format"),
        (b'{"model": "sees:4b", "think": true}', 400, "does not support thinking"),
        (b'{"model": "reads:1b", "tools": [{}]}', 400, "does not support tools"),
        (b'{"model": "absent:1b"}', 404, "model 'absent:1b' not found"),
    ],
)
def test_stand_in_refuses_what_ollama_refuses(server: OllamaServer, body: bytes, status: int, said: str) -> None:
    with httpx.Client() as client:
        answer = client.post(f"{server.url}/api/chat", content=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_stand_in_thinks_unless_thinking_is_off() -> None:
    thinking = ("completion", "vision", "thinking")
    with ollama_server(Model("thinks:4b", thinking), Model("always:4b", thinking, always_thinks=True)) as server:
        server.script = Script(text=TEXT)
        assert "".join(opened(server, "thinks:4b").stream(PROMPT)) == TEXT
        assert isinstance(failure(opened(server, "always:4b")), ModelUnfit)
        with httpx.Client() as client:
            body = {"model": "thinks:4b", "stream": False, "messages": [{"role": "user", "content": "u"}]}
            message = client.post(f"{server.url}/api/chat", json=body).json()["message"]
        assert (message["content"], message["thinking"]) == ("", TEXT)


def test_stand_in_loads_and_unloads_without_messages(server: OllamaServer) -> None:
    with httpx.Client() as client:
        loaded = client.post(f"{server.url}/api/chat", json={"model": "sees:4b", "options": {"num_ctx": 8192}}).json()
        assert (loaded["done"], loaded["done_reason"]) == (True, "load")
        running = client.get(f"{server.url}/api/ps").json()["models"]
        assert [(one["name"], one["context_length"]) for one in running] == [("sees:4b", 8192)]
        gone = client.post(f"{server.url}/api/chat", json={"model": "sees:4b", "keep_alive": 0}).json()
        assert gone["done_reason"] == "unload"
        assert client.get(f"{server.url}/api/ps").json()["models"] == []


@pytest.mark.parametrize("native", [False, True])
def test_pictures_for_a_text_model_are_an_error(native: bool) -> None:
    with ollama_server(Model("reads:1b", native_template=native)) as server:
        error = failure(opened(server, "reads:1b"), Prompt("s", "u", (picture(),)))
    assert isinstance(error, ModelUnfit)
    assert "cannot see" in str(error)


def test_invalid_picture_is_an_error(server: OllamaServer) -> None:
    assert "picture" in str(failure(opened(server), Prompt("s", "u", (b"no picture",))))


def test_embedding_model_cannot_answer(server: OllamaServer) -> None:
    error = failure(opened(server, "embeds:1b"))
    assert isinstance(error, ModelUnfit)
    assert "does not support chat" in str(error)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (503, "server busy, please try again.  maximum pending requests exceeded", GeneratorBusy),
        (429, "too many requests", GeneratorBusy),
        (500, "an error was encountered while running the model: CUDA error", GeneratorFailed),
        (500, "llama-server process has terminated: exit status 1: error loading model: x", ModelUnfit),
        (500, "unknown model architecture: 'mllama'", ModelUnfit),
        (500, "llama-server reported out-of-memory during startup: 8 GiB", ModelUnfit),
        (500, "model requires more system memory (9 GiB) than is available", ModelUnfit),
        (500, "timed out waiting for llama-server to start - 5m", GeneratorTimeout),
        (500, "llama-server binary not found (checked: /usr/lib)", GeneratorDown),
        (500, "something new", GeneratorFailed),
        (400, "the prompt is longer than the context length currently available to the model; x", ModelUnfit),
        (499, "request canceled", GeneratorTimeout),
    ],
)
def test_status_is_mapped_to_its_error(server: OllamaServer, status: int, said: str, kind: type[MagpieError]) -> None:
    server.script = Script(status=status, body=json.dumps({"error": said}).encode())
    assert type(failure(opened(server))) is kind
    with pytest.raises(kind):
        opened(server).model_info()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"", GeneratorDown),
        (404, b"404 page not found", GeneratorDown),
        (502, b"<html>Bad gateway</html>", GeneratorDown),
        (504, b"<html>Gateway timeout</html>", GeneratorTimeout),
        (500, b'["a"]', GeneratorFailed),
        (500, b"null", GeneratorFailed),
        (500, b'{"error": {"message": "inner", "code": 500}}', GeneratorFailed),
        (200, b"<html>Welcome</html>", GeneratorFailed),
        (200, b'{"model": 1, "message": 2}', GeneratorFailed),
        (200, b"\xff\xfe", GeneratorFailed),
    ],
)
def test_proxy_responses_are_mapped_to_errors(
    server: OllamaServer, status: int, body: bytes, kind: type[MagpieError]
) -> None:
    server.script = Script(status=status, body=body)
    assert type(failure(opened(server))) is kind
    with pytest.raises(kind):
        opened(server).model_info()


def test_nested_error_message_is_extracted(server: OllamaServer) -> None:
    inner = json.dumps({"error": {"code": 500, "message": "the tensor is tired", "type": "server_error"}})
    server.script = Script(status=500, body=json.dumps({"error": inner}).encode())
    assert str(failure(opened(server))) == "Ollama failed: the tensor is tired."


@pytest.mark.parametrize("fault", ["error line", "error object", "not json", "no done frame", "cut connection"])
def test_broken_stream_is_an_error(server: OllamaServer, fault: Fault) -> None:
    server.script = Script(text=TEXT, fault=fault)
    pieces = opened(server).stream(PROMPT)
    assert next(pieces) == "It"
    with pytest.raises(GeneratorFailed) as caught:
        list(pieces)
    assert caught.value.hint


def test_out_of_memory_inside_a_stream_is_recognized(server: OllamaServer) -> None:
    server.script = Script(text=TEXT, fault="error line", error="CUDA error: cudaMalloc failed: out of memory")
    assert isinstance(failure(opened(server)), ModelUnfit)


def test_thinking_without_an_answer_is_an_error(server: OllamaServer) -> None:
    server.script = Script(text=TEXT, fault="thinks only")
    error = failure(opened(server))
    assert isinstance(error, ModelUnfit)
    assert "thinks" in str(error)
    server.script = Script(text="hm " * 20, fault="thinks only")
    assert isinstance(failure(opened(server, num_predict=16)), ModelUnfit)


def test_slow_model_reaches_the_time_limit(server: OllamaServer) -> None:
    server.script = Script(text=TEXT, gate=Event())
    pieces = opened(server, seconds=1).stream(PROMPT)
    assert next(pieces) == "It"
    with pytest.raises(GeneratorTimeout):
        next(pieces)


# ---------------------------------------------------------------- stopping and waiting


def test_closing_stops_an_endless_model(server: OllamaServer) -> None:
    server.script = Script(text=TEXT, endless=True)
    pieces = opened(server).stream(PROMPT)
    assert next(pieces) == "It"
    pieces.close()
    assert server.hung_up.wait(10)


def test_streams_side_by_side(server: OllamaServer) -> None:
    gate = Event()
    server.script = Script(text=TEXT, gate=gate)
    generator, texts = opened(server, seconds=30), []
    threads = [Thread(target=lambda: texts.append("".join(generator.stream(PROMPT)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(server.chats()) < 2:
        assert server.started.wait(10)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert texts == [TEXT, TEXT]
