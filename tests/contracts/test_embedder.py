"""The contract of every Embedder: the fake, open_clip with the tiny CLIP, and the same through a GPU host."""

import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rag.adapters.remote_clip import open_remote
from rag.ports import Embedder
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from tests.support.embedder import FakeEmbedder
from tests.support.gpu_host import gpu_host
from tests.support.tiny_clip import TINY, open_tiny

CLIP = open_tiny()


@pytest.fixture(scope="module", params=["fake", "open_clip", "gpu_host"])
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    if request.param != "gpu_host":
        yield FakeEmbedder() if request.param == "fake" else CLIP
        return
    with gpu_host(Settings(embed=TINY, serve=ServeSettings(port=0, wait_ms=1)), CLIP) as url:
        remote = open_remote(EmbedSettings(url=url))
        yield remote
        remote.close()


def picture(folder: Path, name: str, color: str = "red", size: tuple[int, int] = (80, 60)) -> Path:
    path = folder / name
    Image.new("RGB", size, color).save(path)
    return path


def test_vectors_have_length_1_and_the_same_dimension(embedder: Embedder, tmp_path: Path) -> None:
    vectors = [
        *embedder.embed_texts(["a red circle", "", "Tür"]),
        *embedder.embed_pictures([picture(tmp_path, "a.png")]),
    ]
    for vector in vectors:
        assert vector is not None
        assert vector.shape == (embedder.dim,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_undecodable_picture_does_not_affect_others(embedder: Embedder, tmp_path: Path) -> None:
    broken, missing = tmp_path / "broken.png", tmp_path / "missing.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    pictures = [picture(tmp_path, f"{n}.png") for n in range(40)]
    found = embedder.embed_pictures([*pictures[:5], broken, missing, *pictures[5:]])
    assert [vector is None for vector in found] == [False] * 5 + [True] * 2 + [False] * 35
    assert embedder.embed_pictures([]) == []


def test_vector_does_not_depend_on_the_batch(embedder: Embedder, tmp_path: Path) -> None:
    texts = [f"text number {n}" for n in range(150)]
    assert np.allclose(embedder.embed_texts(texts)[140], embedder.embed_texts([texts[140]])[0], atol=1e-4)


def test_identity_is_a_valid_collection_name(embedder: Embedder) -> None:
    assert 3 <= len(embedder.identity) <= 60
    assert set(embedder.identity) <= set(string.ascii_letters + string.digits + "._-")


@settings(deadline=None, max_examples=60)
@given(text=st.one_of(st.text(max_size=600), st.lists(st.text("abcdé1%", min_size=1, max_size=400)).map(" ".join)))
def test_every_word_is_in_a_window(embedder: Embedder, text: str) -> None:
    windows = embedder.windows(text)
    assert embedder.windows_of([text, ""]) == [windows, []]
    assert "".join("".join(windows).split()) == "".join(text.split())
    assert all(window.strip() for window in windows)


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=1500))
def test_every_window_fits_the_text_tower(text: str) -> None:
    assert CLIP.context == 77
    assert all(CLIP.tokens(window) <= CLIP.context for window in CLIP.windows(text))


def test_gpu_host_returns_the_vectors_of_its_embedder(tmp_path: Path) -> None:
    with gpu_host(Settings(embed=TINY, serve=ServeSettings(port=0, wait_ms=1)), CLIP) as url:
        remote = open_remote(EmbedSettings(url=url))
        assert (remote.identity, remote.dim) == (CLIP.identity, CLIP.dim)
        pictures = [picture(tmp_path, f"{color}.png", color) for color in ("red", "green", "blue")]
        texts = ["a red circle", "something else"]
        assert np.allclose(
            np.array(remote.embed_pictures(pictures)), np.array(CLIP.embed_pictures(pictures)), atol=1e-5
        )
        assert np.allclose(remote.embed_texts(texts), CLIP.embed_texts(texts), atol=1e-5)
        long = "the quay was rebuilt in stone " * 60
        assert remote.windows(long) == CLIP.windows(long)
        remote.close()
