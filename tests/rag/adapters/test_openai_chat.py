"""The client for OpenAI-compatible servers against a strict stand-in: what it sends, and the error of each failure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from threading import Event

import pytest
from PIL import Image

from rag.adapters.generators import open_generator
from rag.adapters.openai_client import base_url
from rag.errors import (
    BadSetting,
    GeneratorBusy,
    GeneratorDown,
    GeneratorFailed,
    GeneratorTimeout,
    MagpieError,
    ModelMissing,
    ModelUnfit,
    PromptCut,
)
from rag.ports import Generator, Prompt
from rag.setting_groups import AnswerSettings
from tests.support.ollama_server import Fault, Script, closed_address
from tests.support.openai_server import Flavor, OpenAIServer, ServedModel, openai_server

PROMPT = Prompt("Answer briefly.", "How long is the pier?")
TEXT = "It is 40 metres long. [1]"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        server.script = Script(text=TEXT)
        yield server


def opened(server: OpenAIServer, model: str = "sees:4b", **settings: object) -> Generator:
    values = {"api": "openai", "host": server.url, "model": model, "seconds": 5, **settings}
    return open_generator(AnswerSettings.model_validate(values))


def picture(kind: str) -> bytes:
    written = BytesIO()
    Image.new("RGB", (200, 120), "teal").save(written, kind)
    return written.getvalue()


def failure(generator: Generator, prompt: Prompt = PROMPT) -> MagpieError:
    with pytest.raises(MagpieError) as caught:
        list(generator.stream(prompt))
    assert str(caught.value).endswith("."), str(caught.value)
    assert caught.value.hint
    return caught.value


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_request_has_pictures_as_data_urls_and_turns_thinking_off(server: OpenAIServer, kind: str) -> None:
    sent = picture(kind)
    assert "".join(opened(server, num_predict=99).stream(Prompt("s", "u", (sent,)))) == TEXT
    (chat,) = server.chats()
    assert chat["messages"][0] == {"role": "system", "content": "s"}
    text, image = chat["messages"][1]["content"]
    assert text == {"type": "text", "text": "u"}
    assert image["image_url"]["url"].partition(",")[0] == f"data:image/{kind.lower()};base64"
    assert base64.b64decode(image["image_url"]["url"].partition(",")[2]) == sent
    assert (chat["max_tokens"], chat["temperature"], chat["stream"]) == (99, 0, True)
    assert chat["chat_template_kwargs"] == {"enable_thinking": False}


def test_key_is_sent_and_never_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    with openai_server(key="sk-ours") as server:
        server.script = Script(text=TEXT)
        assert "".join(opened(server, api_key="sk-ours").stream(PROMPT)) == TEXT
        for key in (None, "sk-wrong"):
            error = failure(opened(server, api_key=key))
            assert isinstance(error, GeneratorDown)
            assert "MAGPIE_ANSWER__API_KEY" in error.hint
        assert "sk-ours" not in repr(AnswerSettings.model_validate({"api_key": "sk-ours"}))


def test_environment_proxies_are_not_used(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, closed_address())
    assert "".join(opened(server).stream(PROMPT)) == TEXT


def test_redirects_are_not_followed(server: OpenAIServer) -> None:
    with openai_server() as elsewhere:
        server.script = Script(status=307, location=f"{elsewhere.url}/v1/chat/completions")
        assert isinstance(failure(opened(server)), GeneratorDown)
        assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("http://10.0.0.7:8000", "http://10.0.0.7:8000/v1"),
        ("http://10.0.0.7:8000/", "http://10.0.0.7:8000/v1"),
        ("10.0.0.7:8000", "http://10.0.0.7:8000/v1"),
        ("https://models.internal/openai/v1/", "https://models.internal/openai/v1"),
    ],
)
def test_host_without_a_path_is_completed(host: str, url: str) -> None:
    assert str(base_url(host, "MAGPIE_ANSWER")) == url


@pytest.mark.parametrize("host", ["", "http://[::1", "http://host:port", "ftp://host/v1", "http://"])
def test_invalid_address_is_an_invalid_setting(host: str) -> None:
    with pytest.raises(BadSetting, match=r"MAGPIE_ANSWER__HOST is empty|not a valid URL") as caught:
        open_generator(AnswerSettings(api="openai", host=host)).model_info()
    assert "http://127.0.0.1:8000/v1" in caught.value.hint


@pytest.mark.parametrize("host", ["https://8.8.8.8/v1", "http://[2001:4860:4860::8888]:8000"])
def test_public_addresses_are_refused_unless_allowed(host: str) -> None:
    with pytest.raises(BadSetting, match="leave your network"):
        list(open_generator(AnswerSettings(api="openai", host=host)).stream(PROMPT))


# ---------------------------------------------------------------- what the model can do


@pytest.mark.parametrize(
    ("flavor", "window", "sees"),
    [("llama.cpp", 4096, True), ("vllm", 4096, False), ("lm studio", 4096, True), ("other", 0, False)],
)
def test_context_and_vision_are_found_as_each_server_reports_them(flavor: Flavor, window: int, sees: bool) -> None:
    with openai_server(ServedModel("m", vision=True, context=4096), flavor=flavor) as server:
        info = opened(server, "m").model_info()
        assert (info.window, info.vision) == (window, sees)
        assert opened(server, "m", vision="on").model_info().vision
        assert not opened(server, "m", vision="off").model_info().vision
        assert server.chats() == []


def test_missing_model_is_named_with_those_that_are_served(server: OpenAIServer) -> None:
    generator = opened(server, "absent:1b")
    with pytest.raises(ModelMissing, match="it has: sees:4b, reads:1b"):
        generator.model_info()
    assert isinstance(failure(generator), ModelMissing)


# ---------------------------------------------------------------- failures


def test_unreachable_server_is_an_error() -> None:
    address = closed_address()
    error = failure(open_generator(AnswerSettings(api="openai", host=address)))
    assert isinstance(error, GeneratorDown)
    assert address in str(error)


def test_prompt_longer_than_the_context_is_refused(server: OpenAIServer) -> None:
    error = failure(opened(server), Prompt("s", "word " * 9000))
    assert isinstance(error, ModelUnfit)
    assert "maximum context length is 8192" in str(error)


def test_silently_cut_prompt_is_detected(server: OpenAIServer) -> None:
    chunk = {"choices": [{"delta": {"content": "It"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 40}}
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in (chunk, usage)) + "data: [DONE]\n\n"
    server.script = Script(status=200, body=body.encode())
    error = failure(opened(server), Prompt("s", "word " * 400))
    assert isinstance(error, PromptCut)
    assert "only 40 tokens" in str(error)


def test_pictures_for_a_text_model_are_an_error(server: OpenAIServer) -> None:
    error = failure(opened(server, "reads:1b"), Prompt("s", "u", (picture("JPEG"),)))
    assert isinstance(error, ModelUnfit)
    assert "cannot see" in str(error)


def test_invalid_picture_is_an_error(server: OpenAIServer) -> None:
    assert "picture" in str(failure(opened(server), Prompt("s", "u", (b"no picture",))))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, GeneratorBusy),
        (429, {"error": "Too many requests"}, GeneratorBusy),
        (
            400,
            {"error": {"message": "request (9 tokens) exceeds the available context size (8 tokens)"}},
            ModelUnfit,
        ),
        (500, {"error": {"message": "image input is not supported - hint: you may need the mmproj"}}, ModelUnfit),
        (500, {"error": {"message": "CUDA error: out of memory"}}, ModelUnfit),
        (404, {"object": "error", "message": "The model `x` does not exist.", "code": 404}, ModelMissing),
        (400, {"error": {"message": "No such thing", "code": "model_not_found"}}, ModelMissing),
        (500, {"detail": "the tensor is tired"}, GeneratorFailed),
        (403, "", GeneratorDown),
        (404, "404 page not found", GeneratorDown),
        (502, "<html>Bad gateway</html>", GeneratorDown),
        (504, "<html>Gateway timeout</html>", GeneratorTimeout),
        (500, ["a"], GeneratorFailed),
        (500, None, GeneratorFailed),
        (200, "<html>Welcome</html>", GeneratorFailed),
    ],
)
def test_status_is_mapped_to_its_error(
    server: OpenAIServer, status: int, body: object, kind: type[MagpieError]
) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    server.script = Script(status=status, body=raw)
    assert type(failure(opened(server))) is kind
    with pytest.raises(kind):
        opened(server).model_info()


def test_page_instead_of_a_stream_is_named(server: OpenAIServer) -> None:
    server.script = Script(status=200, body=b"<html>Welcome</html>")
    error = failure(opened(server))
    assert "does not respond like an OpenAI-compatible server" in str(error)


def test_message_of_the_server_is_shown(server: OpenAIServer) -> None:
    server.script = Script(status=500, body=b'{"error": {"message": "the tensor is tired.", "code": 500}}')
    assert str(failure(opened(server))) == "The model server failed: the tensor is tired."


@pytest.mark.parametrize("fault", ["error line", "error object", "not json", "no done frame", "cut connection"])
def test_broken_stream_is_an_error(server: OpenAIServer, fault: Fault) -> None:
    server.script = Script(text=TEXT, fault=fault)
    pieces = opened(server).stream(PROMPT)
    assert next(pieces) == "It"
    with pytest.raises(GeneratorFailed) as caught:
        list(pieces)
    assert caught.value.hint


def test_thinking_without_an_answer_is_an_error() -> None:
    with openai_server(ServedModel("thinks:4b", always_thinks=True)) as server:
        server.script = Script(text=TEXT)
        error = failure(opened(server, "thinks:4b"))
    assert isinstance(error, ModelUnfit)
    assert "thinks" in str(error)


def test_slow_model_reaches_the_time_limit(server: OpenAIServer) -> None:
    server.script = Script(text=TEXT, gate=Event())
    pieces = opened(server, seconds=1).stream(PROMPT)
    assert next(pieces) == "It"
    with pytest.raises(GeneratorTimeout):
        next(pieces)


def test_closing_stops_an_endless_model(server: OpenAIServer) -> None:
    server.script = Script(text=TEXT, endless=True)
    pieces = opened(server).stream(PROMPT)
    assert next(pieces) == "It"
    pieces.close()
    assert server.hung_up.wait(10)
