"""A trained reranker on questions that words cannot answer: it finds the right page first, shuffled weights do not."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rag import Scope, Settings
from rag.search.reranking import RERANKER
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.reranker import FakeReranker
from tests.support.tiny_cross_encoder import FOLDER, TINY
from tests.support.tiny_cross_encoder.scenes import objects, passage_about, question_about, random_scene

QUESTIONS = 20
MIN_GAIN = 0.10


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, int]]]:
    """Return a data folder with one document of scenes, and questions with the page of each.

    Each right page has a twin with the same words, in which the colors are swapped. One object of each scene was left
    out of the training.
    """
    folder, rng = tmp_path_factory.mktemp("scenes"), random.Random(5)
    scenes = list(
        dict.fromkeys(random_scene(rng, objects(held_out=True), objects(held_out=False)) for _ in range(QUESTIONS))
    )
    pages = [page for scene in scenes for page in (scene, scene.swapped())]
    rng.shuffle(pages)
    (folder / "sheets.pdf").write_text("\f".join(passage_about(page, rng) for page in pages))
    with open_rag(settings(folder / "data"), extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        rag.index([folder / "sheets.pdf"])
    return folder / "data", [(question_about(scene, rng), pages.index(scene) + 1) for scene in scenes]


def settings(data: Path, **rerank: object) -> Settings:
    return Settings(data=data, answer={"model": ""}, read={"workers": 1}, rerank=rerank)


def recall_at_1(data: Path, asked: Sequence[tuple[str, int]], model: Path | None = None) -> float:
    rerank = {} if model is None else TINY.model_dump() | {"model": f"st:{model}"}
    with open_rag(settings(data, **rerank), extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        rag.load_reranker()
        found = [rag.find(question, Scope.operator()) for question, _ in asked]
    if model is not None:
        assert all(one.lanes[RERANKER] == "on" for one in found)
    return sum(one.hits[0].page == page for one, (_, page) in zip(found, asked, strict=True)) / len(asked)


def shuffled(folder: Path) -> Path:
    """Return a copy of the model in which the values of each weight are in a random order."""
    shutil.copytree(FOLDER, folder)
    generator = torch.Generator().manual_seed(3)
    weights = {
        name: weight.flatten()[torch.randperm(weight.numel(), generator=generator)].reshape(weight.shape)
        for name, weight in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_reranker_raises_recall_and_shuffled_weights_do_not(
    asked: tuple[Path, list[tuple[str, int]]], tmp_path: Path
) -> None:
    words = recall_at_1(*asked)
    reranked = recall_at_1(*asked, FOLDER)
    with_shuffled = recall_at_1(*asked, shuffled(tmp_path / "shuffled"))
    assert reranked >= words + MIN_GAIN
    assert with_shuffled < words + MIN_GAIN


def test_page_that_is_removed_while_it_is_reranked_is_not_returned(tmp_path: Path) -> None:
    (tmp_path / "kept.pdf").write_text("A red circle is beside a blue square.")
    (tmp_path / "removed.pdf").write_text("A blue square hangs over a red circle.")

    def forget(question: str, passages: Sequence[str]) -> list[float]:
        if len(passages) == 2:
            rag.forget(["removed.pdf"])
        return [float("removed" in passage) for passage in passages]

    reranker = FakeReranker(forget)
    changed = settings(tmp_path / "data", budget_ms=30_000)
    with open_rag(changed, extractor=TextExtractor, embedder=NoEmbedder(), reranker=reranker) as rag:
        rag.index([tmp_path / "kept.pdf", tmp_path / "removed.pdf"])
        found = rag.find("red circle", Scope.operator())
        assert len(reranker.calls[0][1]) == 2
        assert [hit.name for hit in found.hits] == ["kept.pdf"]
        assert [hit.name for hit in rag.find("red circle", Scope.operator()).hits] == ["kept.pdf"]
