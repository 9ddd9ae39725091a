"""/v1/embeddings of OpenAI-compatible servers: order, prefixes, texts that are too long, and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from rag.adapters.text_embedders import open_text_embedder
from rag.errors import BadSetting, EmbedderBusy, EmbedderDown, EmbedderFailed, MagpieError, WeightsMissing
from rag.ports import TextEmbedder
from rag.setting_groups import TextSettings
from tests.support.embedder import FakeTextEmbedder
from tests.support.ollama_server import Fault, Script, closed_address
from tests.support.openai_server import OpenAIServer, ServedModel, openai_server

MODEL = ServedModel("bge-m3", embeds=True, context=20)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server(MODEL, ServedModel("intfloat/multilingual-e5-small", embeds=True), ServedModel("writes")) as it:
        yield it


def opened(server: OpenAIServer, model: str = "bge-m3", **more: object) -> TextEmbedder:
    return open_text_embedder(TextSettings.model_validate({"model": f"openai:{model}", "host": server.url} | more))


def sent(server: OpenAIServer) -> list[list[str]]:
    return [body["input"] for path, body in server.requests if path == "/v1/embeddings"]


def test_vectors_belong_to_their_texts_in_any_order(server: OpenAIServer) -> None:
    texts = ["pier", "crane", "roof"]
    for text, vector in zip(texts, opened(server).embed_documents(texts), strict=True):
        assert vector @ FakeTextEmbedder.of_words([text]) == pytest.approx(1, abs=1e-3)


def test_model_family_gets_its_prefixes_and_batches_their_size(server: OpenAIServer) -> None:
    embedder = opened(server, "intfloat/multilingual-e5-small", batch=2)
    embedder.embed_queries(["pier"])
    embedder.embed_documents(["a", "b", "c"])
    assert sent(server) == [["query: pier"], ["passage: a", "passage: b"], ["passage: c"]]


def test_text_that_is_too_long_is_embedded_in_halves(server: OpenAIServer) -> None:
    words = [f"w{n:03}" for n in range(70)]
    short, long = opened(server).embed_documents(["short", " ".join(words)])
    alone = [text for texts in sent(server) if len(texts) == 1 for text in texts]
    fitting = [text for text in alone if text != "short" and len(text.split()) <= MODEL.context]
    assert "".join(fitting).replace(" ", "") == "".join(words)
    assert np.linalg.norm(long) == pytest.approx(1, abs=1e-3)
    assert not np.allclose(short, long)


@pytest.mark.parametrize("flavor", ["vllm", "llama.cpp", "lm studio"])
def test_windows_fit_the_context_that_the_server_reports_or_else_the_card(flavor: str) -> None:
    with openai_server(replace(MODEL, name="all-minilm"), flavor=flavor) as server:  # type: ignore[arg-type]
        longest = max(len(window) for window in opened(server, "all-minilm").windows("word " * 1000))
    assert longest <= (256 if flavor == "lm studio" else 20) * 3


@pytest.mark.parametrize("flavor", ["vllm", "llama.cpp"])
def test_model_with_other_weights_has_another_identity(flavor: str) -> None:
    with openai_server(MODEL, flavor=flavor) as server:  # type: ignore[arg-type]
        before = opened(server).identity
        assert opened(server).identity == before
        server.models[MODEL.name] = replace(MODEL, weights="team/second")
        assert opened(server).identity != before


def test_key_is_sent_and_a_missing_one_is_named() -> None:
    with openai_server(MODEL, key="secret-1") as server:
        assert len(opened(server, api_key="secret-1").embed_queries(["pier"])) == 1
        with pytest.raises(EmbedderDown) as caught:
            opened(server).embed_queries(["pier"])
        assert "MAGPIE_TEXT__API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("cut connection", EmbedderBusy),
        ("not json", EmbedderBusy),
        ("fewer", EmbedderFailed),
        ("zeros", EmbedderFailed),
    ],
)
def test_fault_is_an_error_with_a_remedy(server: OpenAIServer, fault: Fault, error: type[MagpieError]) -> None:
    server.script = Script(fault=fault)
    with pytest.raises(error) as raised:
        opened(server).embed_documents(["a", "b"])
    assert raised.value.hint
    assert "MAGPIE_ANSWER" not in str(raised.value) + raised.value.hint


@pytest.mark.parametrize(("status", "error"), [(429, EmbedderBusy), (503, EmbedderBusy), (500, EmbedderBusy)])
def test_busy_server_is_a_temporary_error(server: OpenAIServer, status: int, error: type[MagpieError]) -> None:
    server.script = Script(status=status, body=b'{"error":{"message":"try later"}}')
    with pytest.raises(error):
        opened(server).embed_queries(["a"])


def test_server_without_embeddings_names_the_remedy(server: OpenAIServer) -> None:
    with pytest.raises(EmbedderFailed, match="cannot embed texts") as caught:
        opened(server, "writes").embed_queries(["a"])
    assert "--embeddings" in caught.value.hint


def test_missing_model_and_missing_server_name_the_setting(server: OpenAIServer) -> None:
    with pytest.raises(WeightsMissing) as missing:
        _ = opened(server, "absent").identity
    assert "/v1/models" in missing.value.hint
    away = open_text_embedder(TextSettings(model="openai:bge-m3", host=closed_address()))
    with pytest.raises(EmbedderDown) as down:
        _ = away.identity
    assert "MAGPIE_TEXT__HOST" in down.value.hint


def test_server_without_a_list_serves_its_model_under_any_name(server: OpenAIServer) -> None:
    server.script = Script(status=404, body=b"")
    assert opened(server).identity.startswith("openai-bge-m3-")


@pytest.mark.parametrize("host", ["", "http://", "http://8.8.8.8/v1"])
def test_missing_invalid_and_public_addresses_are_refused(host: str) -> None:
    embedder = open_text_embedder(TextSettings(model="openai:bge-m3", host=host))
    with pytest.raises(BadSetting) as caught:
        embedder.embed_queries(["a"])
    assert "MAGPIE_TEXT__" in caught.value.hint
