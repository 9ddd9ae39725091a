"""/v1/rerank of model servers: vLLM's, llama.cpp's and TEI's shapes, passages that are too long, and failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pytest
from PIL import Image

from rag.adapters.rerankers import open_reranker
from rag.errors import BadSetting, MagpieError, RerankerBusy, RerankerFailed
from rag.images import encode_jpeg
from rag.ports import ImageReranker
from rag.setting_groups import RerankSettings
from tests.support.ollama_server import Fault, Script, closed_address
from tests.support.openai_server import Flavor, OpenAIServer, ServedModel, openai_server

MODEL = ServedModel("bge-reranker", reranks=True, context=30)
PASSAGES = ["Lunch is served at noon.", "The gateway listens on port 8443.", "Which port has the ferry?"]
QUESTION = "port gateway"
FLAVORS: tuple[Flavor, ...] = ("vllm", "llama.cpp", "tei")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server(MODEL) as server:
        yield server


def scores_of(url: str, passages: Sequence[str] = PASSAGES, model: str = MODEL.name, **more: object) -> list[float]:
    values = {"model": f"openai:{model}", "host": url, "budget_ms": 10_000}
    with closing(open_reranker(RerankSettings.model_validate(values | more))) as reranker:
        return reranker.score(QUESTION, passages)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_scores_belong_to_their_passages_and_are_from_0_to_1(flavor: Flavor) -> None:
    with openai_server(MODEL, flavor=flavor) as server:
        scores = scores_of(server.url)
    assert len(scores) == 3
    assert scores[1] > scores[2] > scores[0]
    assert all(0 <= score <= 1 for score in scores)


def test_tei_is_asked_in_its_own_way_at_once_the_second_time() -> None:
    with openai_server(MODEL, flavor="tei") as server:
        settings = RerankSettings(model=f"openai:{MODEL.name}", host=server.url, budget_ms=10_000)
        with closing(open_reranker(settings)) as reranker:
            for _ in range(2):
                reranker.score(QUESTION, PASSAGES)
        assert [path for path, _ in server.requests] == ["/v1/rerank", "/rerank", "/rerank"]


@pytest.mark.parametrize(("flavor", "of_context"), [("vllm", True), ("llama.cpp", True), ("llama.cpp", False)])
def test_passages_that_are_too_long_are_cut(flavor: Flavor, of_context: bool) -> None:
    long = "The gateway listens on port 8443. " + "filler " * 100
    with openai_server(replace(MODEL, vision=of_context), flavor=flavor) as server:
        scores = scores_of(server.url, [PASSAGES[0], long])
        assert len(server.requests) > 1
    assert scores[1] > scores[0]


def test_key_is_sent_and_a_missing_one_is_named() -> None:
    with openai_server(MODEL, key="secret-1") as server:
        assert len(scores_of(server.url, api_key="secret-1")) == 3
        with pytest.raises(RerankerFailed) as caught:
            scores_of(server.url)
    assert "MAGPIE_RERANK__API_KEY" in caught.value.hint
    assert "secret-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut connection", RerankerBusy), ("not json", RerankerBusy), ("fewer", RerankerBusy)],
)
@pytest.mark.parametrize("flavor", FLAVORS)
def test_fault_is_an_error_with_a_remedy(flavor: Flavor, fault: Fault, error: type[MagpieError]) -> None:
    with openai_server(MODEL, flavor=flavor) as server:
        server.script = Script(fault=fault)
        with pytest.raises(error) as raised:
            scores_of(server.url)
    assert raised.value.hint
    assert "MAGPIE_ANSWER" not in str(raised.value) + raised.value.hint


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_server_is_a_temporary_error(server: OpenAIServer, status: int) -> None:
    server.script = Script(status=status, body=b'{"error":{"message":"try later"}}')
    with pytest.raises(RerankerBusy):
        scores_of(server.url)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_server_without_a_reranker_names_the_remedy(flavor: Flavor) -> None:
    with (
        openai_server(replace(MODEL, reranks=False), flavor=flavor) as server,
        pytest.raises(RerankerFailed, match="cannot rerank") as caught,
    ):
        scores_of(server.url)
    assert "--rerank" in caught.value.hint
    assert "MAGPIE_RERANK__MODEL" in caught.value.hint


def test_missing_model_and_missing_server_name_the_setting(server: OpenAIServer) -> None:
    with pytest.raises(RerankerFailed, match="does not have absent") as missing:
        scores_of(server.url, model="absent")
    assert "MAGPIE_RERANK__MODEL" in missing.value.hint
    with pytest.raises(RerankerFailed) as down:
        scores_of(closed_address())
    assert "MAGPIE_RERANK__HOST" in down.value.hint


@pytest.mark.parametrize("host", ["", "http://", "http://8.8.8.8/v1"])
def test_missing_invalid_and_public_addresses_are_refused(host: str) -> None:
    with pytest.raises(BadSetting) as caught:
        open_reranker(RerankSettings(model="openai:bge", host=host)).open()
    assert "MAGPIE_RERANK__" in caught.value.hint


SEES = ServedModel("qwen3-vl-reranker", reranks=True, vision=True)


def jpeg(color: str) -> bytes:
    return encode_jpeg(Image.new("RGB", (64, 64), color), 95)


def test_images_of_pages_are_scored_by_a_model_that_reads_them() -> None:
    with openai_server(SEES) as server:
        settings = RerankSettings(model=f"openai:{SEES.name}", host=server.url, budget_ms=10_000, images=True)
        with closing(open_reranker(settings)) as reranker:
            assert isinstance(reranker, ImageReranker)
            scores = reranker.score_images("green", [jpeg("red"), jpeg("green"), jpeg("blue")])
    assert scores.index(max(scores)) == 1
    assert all(0 <= score <= 1 for score in scores)


def test_model_that_reads_no_images_is_named_with_a_remedy() -> None:
    with openai_server(MODEL) as server:
        settings = RerankSettings(model=f"openai:{MODEL.name}", host=server.url, budget_ms=10_000, images=True)
        with closing(open_reranker(settings)) as reranker:
            assert isinstance(reranker, ImageReranker)
            with pytest.raises(MagpieError, match="not supported") as raised:
                reranker.score_images("green", [jpeg("red")])
    assert raised.value.hint


def test_images_need_a_server() -> None:
    with pytest.raises(BadSetting, match="cannot rerank by the images"):
        open_reranker(RerankSettings(model="st:BAAI/bge-reranker-v2-m3", images=True))
