"""The contract of every PageEmbedder: the fake, the tiny model, and that on a model server."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from rag.adapters.late_interaction import LateInteractionModel
from rag.adapters.remote_pages import open_remote_pages
from rag.ports import PageEmbedder
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from rag.vectors.max_sim import score_pages
from tests.support.encoder import FakeEncoder
from tests.support.gpu_host import gpu_host
from tests.support.page_embedder import FakePageEmbedder
from tests.support.tiny_page_model import TINY_PAGES

REAL = LateInteractionModel(TINY_PAGES, 1)


@pytest.fixture(scope="module", params=["fake", "tiny", "model server"])
def embedder(request: pytest.FixtureRequest) -> Iterator[PageEmbedder]:
    if request.param != "model server":
        yield FakePageEmbedder() if request.param == "fake" else REAL
        return
    settings = Settings(serve=ServeSettings(port=0, wait_ms=1), page_images=TINY_PAGES)
    with gpu_host(settings, FakeEncoder(), REAL) as url:
        remote = open_remote_pages(EmbedSettings(url=url))
        yield remote
        remote.close()


def picture(color: str, size: tuple[int, int] = (96, 96)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, color).save(written, "PNG")
    return written.getvalue()


def test_every_vector_has_a_place_on_its_page(embedder: PageEmbedder) -> None:
    pages = embedder.embed_pages([picture("red"), picture("blue", (300, 120))])
    for page in pages:
        assert page is not None
        assert [str(rows.dtype) for rows in (page.vectors, page.boxes)] == ["int8", "uint8"]
        assert page.boxes.shape == (len(page.vectors), 4)
        assert page.vectors.any(axis=1).all()
        assert (page.boxes[:, 0] < page.boxes[:, 2]).all()
        assert (page.boxes[:, 1] < page.boxes[:, 3]).all()
        assert (page.boxes.min(), page.boxes.max()) == (0, 255)


def test_picture_that_cannot_be_decoded_does_not_affect_others(embedder: PageEmbedder) -> None:
    pictures = [picture("red"), b"\x89PNG\r\n\x1a\n and no more", picture("green"), b"", picture("red")]
    found = embedder.embed_pages(pictures)
    assert [page is None for page in found] == [False, True, False, True, False]
    assert found[0] is not None
    assert found[4] is not None
    assert (found[0].vectors == found[4].vectors).all()
    assert embedder.embed_pages([]) == []


@pytest.mark.parametrize("text", ["a red circle", "", "Tür 8443 \N{SNOWMAN}", "red " * 300])
def test_question_has_unit_rows_that_pages_can_be_scored_with(embedder: PageEmbedder, text: str) -> None:
    rows = embedder.embed_question(text)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-3)
    [page] = embedder.embed_pages([picture("red")])
    assert page is not None
    assert -1 <= score_pages(rows, [page])[0].score <= 1


def test_identity_is_a_name_that_stays_the_same(embedder: PageEmbedder) -> None:
    assert embedder.identity == embedder.identity
    assert 3 <= len(embedder.identity) <= 60
