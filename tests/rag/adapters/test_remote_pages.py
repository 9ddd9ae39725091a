"""Late interaction on a model server, and what happens without a model there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from rag.adapters.page_embedders import open_page_embedder
from rag.adapters.remote_pages import RemotePageEmbedder, open_remote_pages
from rag.errors import EmbedderBusy, EmbedderDown, EmbedderFailed
from rag.ports import PageEmbedder
from rag.setting_groups import EmbedSettings, PageImageSettings, ServeSettings
from rag.settings import Settings
from tests.support.encoder import FakeEncoder
from tests.support.gpu_host import gpu_host
from tests.support.page_embedder import FakePageEmbedder

TOKEN = "a-long-random-word"
SERVED = PageImageSettings(model="st:served")


@contextmanager
def opened(
    pages: PageEmbedder | None, model: str = SERVED.model, token: str = "", encoder: FakeEncoder | None = None
) -> Iterator[RemotePageEmbedder]:
    settings = Settings(
        embed=EmbedSettings(token=SecretStr(token) if token else None),
        serve=ServeSettings(port=0, wait_ms=1),
        page_images={"model": model},
    )
    with gpu_host(settings, encoder or FakeEncoder(), pages) as url:
        sent = SecretStr(TOKEN) if token else None
        client = open_remote_pages(EmbedSettings(url=url, token=sent), (0.01, 0.01))
        try:
            yield client
        finally:
            client.close()


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(written, "PNG")
    return written.getvalue()


def test_server_without_a_model_says_what_to_set() -> None:
    with opened(None, model="") as remote, pytest.raises(EmbedderFailed, match="no late-interaction model") as raised:
        _ = remote.identity
    assert "MAGPIE_PAGE_IMAGES__MODEL" in raised.value.hint


def test_requests_need_the_token() -> None:
    with opened(FakePageEmbedder(), token=TOKEN) as remote:
        assert remote.identity == "fake-pages-1"
        address = remote._client.base_url
        for method, path in (("GET", "/pages/identity"), ("POST", "/pages"), ("POST", "/pages/question")):
            assert httpx.request(method, f"{address}{path}", trust_env=False).status_code == 401


def test_many_pages_are_sent_in_requests_of_a_few() -> None:
    fake = FakePageEmbedder()
    with opened(fake) as remote:
        assert len(remote.embed_pages([picture()] * 10)) == 10
    assert fake.batches == [4, 4, 2]


def test_failure_of_the_model_is_reported_and_the_server_goes_on() -> None:
    fake = FakePageEmbedder()
    with opened(fake) as remote:
        fake.breaks = EmbedderFailed("The GPU's memory is full.", "free it")
        with pytest.raises(EmbedderBusy, match="memory is full") as raised:
            remote.embed_question("red")
        assert raised.value.hint == "free it"
        fake.breaks = None
        assert len(remote.embed_question("red")) == 1


def test_restarted_server_with_another_model_is_noticed() -> None:
    fake = FakePageEmbedder()
    with opened(fake) as remote:
        remote._known = "another-model"
        with pytest.raises(EmbedderBusy, match="another model"):
            remote.embed_question("red")


def test_pages_wait_while_the_gpu_is_lent_and_questions_do_not() -> None:
    fake, encoder = FakePageEmbedder(), FakeEncoder()
    with opened(fake, encoder=encoder) as remote:
        lease = {"client": "0" * 32, "seconds": 60}
        address = remote._client.base_url
        httpx.post(f"{address}/away", json=lease, trust_env=False).raise_for_status()
        assert fake.moves == ["leave"]
        with pytest.raises(EmbedderBusy, match="lent"):
            remote.embed_pages([picture()])
        assert len(remote.embed_question("red circle")) == 2
        httpx.post(f"{address}/back", json=lease, trust_env=False).raise_for_status()
        assert fake.moves == ["leave", "back"]
        assert len(remote.embed_pages([picture()])) == 1


def test_server_that_is_down_is_named() -> None:
    with opened(FakePageEmbedder()) as remote:
        settings = EmbedSettings(url=str(remote._client.base_url))
    client = open_remote_pages(settings, ())
    with pytest.raises(EmbedderDown, match="no server answers"):
        _ = client.identity
    client.close()


def test_server_is_chosen_only_with_an_address() -> None:
    settings = PageImageSettings(model="server")
    with pytest.raises(EmbedderFailed, match="no model server is set"):
        open_page_embedder(settings, EmbedSettings(), None, list[object]().append)
