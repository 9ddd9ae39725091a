"""Indexing and searching with CLIP on a GPU host that is unavailable, comes back, stops, or changes its model."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings
from rag.setting_groups import EmbedSettings, ServeSettings
from tests.support.encoder import FakeEncoder
from tests.support.extractor import TextExtractor
from tests.support.gpu_host import gpu_host
from tests.support.migrated import open_rag

EVERYTHING = Scope.operator()
LANES = ("clip-picture", "clip-text")


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def opened(tmp_path: Path, port: int) -> Iterator[Callable[[], Rag]]:
    made: list[Rag] = []

    def open_one() -> Rag:
        embed = EmbedSettings(url=f"http://127.0.0.1:{port}", seconds=10)
        settings = Settings(data=tmp_path / "data", answer={"model": ""}, embed=embed)
        made.append(open_rag(settings, extractor=TextExtractor))
        return made[-1]

    yield open_one
    for rag in made:
        rag.close()


def serving(port: int) -> Settings:
    return Settings(serve=ServeSettings(port=port))


def page(folder: Path, name: str) -> Path:
    path = folder / f"{name}.pdf"
    path.write_text(f"The {name} opens at dawn.")
    return path


def vectors_on(rag: Rag) -> bool:
    return all(rag.status().lanes[lane] == "on" for lane in LANES)


def test_chunks_wait_for_an_unavailable_host_and_are_embedded_later(
    opened: Callable[[], Rag], port: int, tmp_path: Path
) -> None:
    rag = opened()
    rag.index([page(tmp_path, "gate")])
    status = rag.status()
    assert status.waiting_for_vectors == 2  # the text, and the page's picture
    for lane in LANES:
        assert status.lanes[lane].startswith("off: waiting for the GPU host")
    assert rag.find("gate", EVERYTHING).found  # by full-text search
    check = next(found for found in rag.doctor() if found.name == "picture lanes")
    assert (check.status, check.detail.split(":")[0]) == ("warn", "waiting for the GPU host")
    assert "magpie embedder" in check.fix
    with gpu_host(serving(port), FakeEncoder()):
        check = next(found for found in rag.doctor() if found.name == "picture lanes")  # connects at once
        assert vectors_on(rag)
        assert "2 chunks wait" in check.detail
        rag.index([page(tmp_path, "lock")])
        assert rag.status().waiting_for_vectors == 0
        lanes = rag.find("The lock opens at dawn.", EVERYTHING).hits[0].lanes
        assert lanes["clip-text"] == 1


def test_lane_turns_off_if_the_host_stops_and_chunks_wait(opened: Callable[[], Rag], port: int, tmp_path: Path) -> None:
    rag = opened()
    with gpu_host(serving(port), FakeEncoder()):
        rag.index([page(tmp_path, "gate")])
        assert vectors_on(rag)
    rag.index([page(tmp_path, "lock")])
    assert rag.status().lanes["clip-text"].startswith("off: waiting for the GPU host")
    assert rag.status().waiting_for_vectors == 2
    assert rag.find("gate", EVERYTHING).found
    with gpu_host(serving(port), FakeEncoder()):
        again = opened()  # a new run connects at once
        again.index([tmp_path / "gate.pdf"])
        assert again.status().waiting_for_vectors == 0


def test_vectors_are_computed_again_for_another_model(opened: Callable[[], Rag], port: int, tmp_path: Path) -> None:
    rag = opened()
    with gpu_host(serving(port), FakeEncoder()):
        rag.index([page(tmp_path, "gate")])
    with gpu_host(serving(port), FakeEncoder("another-model-2")):
        rag.index([page(tmp_path, "lock")])  # the first response names the new model
        assert "another model" in rag.status().lanes["clip-text"]
        list(rag.doctor())
        assert vectors_on(rag)
        rag.index([page(tmp_path, "quay")])
        assert rag.status().waiting_for_vectors == 0
        assert rag.find("The gate opens at dawn.", EVERYTHING).hits[0].lanes["clip-text"] == 1
