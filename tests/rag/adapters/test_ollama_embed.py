"""Ollama's /api/embed: prefixes, texts that are too long, and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from rag.adapters.text_embedders import open_text_embedder
from rag.errors import BadSetting, EmbedderBusy, EmbedderDown, EmbedderFailed, MagpieError, WeightsMissing
from rag.ports import TextEmbedder
from rag.setting_groups import TextSettings
from tests.support.ollama_chat import Model
from tests.support.ollama_server import Fault, OllamaServer, Script, closed_address, ollama_server

MODELS = ("nomic-embed-text", "mxbai-embed-large", "embeddinggemma:300m", "team/qwen3-embedding:0.6b", "bge-m3")


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    embedding = [Model(name if ":" in name else f"{name}:latest", ("embedding",), 20, "bert") for name in MODELS]
    with ollama_server(*embedding, Model("writes:1b")) as server:
        yield server


def opened(server: OllamaServer, model: str = "bge-m3", **more: object) -> TextEmbedder:
    return open_text_embedder(TextSettings.model_validate({"model": f"ollama:{model}", "host": server.url} | more))


@pytest.mark.parametrize(
    ("model", "query", "document"),
    [
        ("nomic-embed-text", "search_query: ", "search_document: "),
        ("mxbai-embed-large", "Represent this sentence for searching relevant passages: ", ""),
        ("embeddinggemma:300m", "task: search result | query: ", "title: none | text: "),
        (
            "team/qwen3-embedding:0.6b",
            "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
            "",
        ),
        ("bge-m3", "", ""),
    ],
)
def test_model_family_gets_its_prefixes(server: OllamaServer, model: str, query: str, document: str) -> None:
    embedder = opened(server, model)
    embedder.embed_queries(["pier"])
    embedder.embed_documents(["crane"])
    assert server.embedded() == [query + "pier", document + "crane"]


def test_texts_are_sent_in_batches_without_truncation(server: OllamaServer) -> None:
    opened(server, batch=2).embed_documents(["a", "b", "c"])
    sent = [request.body for request in server.requests if request.path == "/api/embed"]
    assert [body["input"] for body in sent] == [["a", "b"], ["c"]]
    assert all(body["truncate"] is False for body in sent)


def test_text_that_is_too_long_is_embedded_in_halves(server: OllamaServer) -> None:
    words = [f"w{n:03}" for n in range(70)]
    short, long = opened(server).embed_documents(["short", " ".join(words)])
    assert np.linalg.norm(long) == pytest.approx(1, abs=1e-3)
    fitting = [text for text in server.embedded() if len(text.split()) <= 18]
    assert "".join(fitting[2:]).replace(" ", "") == "".join(words)
    assert not np.allclose(short, long)


def test_windows_fit_the_context_length_of_the_server(server: OllamaServer) -> None:
    windows = opened(server).windows("word " * 100)
    assert max(len(window) for window in windows) <= 20 * 3
    assert "".join(windows).replace(" ", "") == "word" * 100


def test_model_pulled_again_has_another_identity(server: OllamaServer) -> None:
    embedder = opened(server)
    before = embedder.identity
    server.models["bge-m3:latest"] = replace(server.models["bge-m3:latest"], digest="ab" * 32)
    assert embedder.identity != before


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("cut connection", EmbedderBusy),
        ("not json", EmbedderBusy),
        ("error line", MagpieError),
        ("nan", EmbedderBusy),
        ("fewer", EmbedderFailed),
        ("zeros", EmbedderFailed),
    ],
)
def test_fault_is_an_error_with_a_remedy(server: OllamaServer, fault: Fault, error: type[MagpieError]) -> None:
    server.script = Script(fault=fault)
    with pytest.raises(error) as raised:
        opened(server).embed_documents(["a", "b"])
    assert raised.value.hint
    assert "MAGPIE_ANSWER" not in str(raised.value) + raised.value.hint


def test_busy_and_slow_servers_are_temporary_errors(server: OllamaServer) -> None:
    server.script = Script(status=503, body=b'{"error":"server busy, please try again."}')
    with pytest.raises(EmbedderBusy):
        opened(server).embed_queries(["a"])
    server.script = Script(gate=Event())
    with pytest.raises(EmbedderBusy):
        opened(server, seconds=1).embed_queries(["a"])


def test_missing_server_and_model_name_the_command(server: OllamaServer) -> None:
    with pytest.raises(WeightsMissing) as missing:
        _ = opened(server, "absent").identity
    assert "ollama pull absent" in missing.value.hint
    away = open_text_embedder(TextSettings(model="ollama:bge-m3", host=closed_address()))
    with pytest.raises(EmbedderDown) as down:
        _ = away.identity
    assert "MAGPIE_TEXT__HOST" in down.value.hint


def test_chat_models_and_cloud_models_are_refused(server: OllamaServer) -> None:
    with pytest.raises(EmbedderFailed, match="cannot embed texts"):
        _ = opened(server, "writes:1b").identity
    with pytest.raises(BadSetting, match="cloud"):
        opened(server, "qwen3-embedding:8b-cloud")
    with pytest.raises(BadSetting, match="not a valid text embedder"):
        open_text_embedder(TextSettings(model="nomic-embed-text"))


def test_default_address_is_the_generators(server: OllamaServer) -> None:
    embedder = open_text_embedder(TextSettings(model="ollama:bge-m3"), answer_host=server.url)
    assert embedder.identity.startswith("ollama-bge-m3-")
