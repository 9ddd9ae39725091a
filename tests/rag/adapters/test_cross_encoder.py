"""The CrossEncoder in process: a tiny model of our own, and models that cannot be used."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from rag.adapters.cross_encoder import CrossEncoderReranker
from rag.adapters.rerankers import open_reranker
from rag.errors import RerankerFailed, WeightsMissing
from rag.setting_groups import RerankSettings
from tests.support.tiny_cross_encoder import FOLDER, TINY
from tests.support.tiny_cross_encoder.measure import prefers_right

MAX_BYTES = 3_000_000


def test_tiny_reranker_tells_scenes_with_the_same_words_apart_that_it_never_saw() -> None:
    reranker = CrossEncoderReranker(str(FOLDER), TINY, 1)
    rng = random.Random(99)
    assert sum(prefers_right(reranker, rng, held_out=True) for _ in range(40)) >= 36
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < MAX_BYTES


def test_scores_are_from_0_to_1_and_do_not_depend_on_the_batch() -> None:
    reranker = open_reranker(TINY, 1)
    reranker.open()
    passages = ["A red circle is beside a blue square.", "Heron.", "A blue circle is beside a red square. " * 200]
    scores = reranker.score("a red circle and a blue square", passages)
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] > max(scores[1:])
    assert reranker.score("a red circle and a blue square", passages[:1])[0] == pytest.approx(scores[0], abs=1e-3)
    reranker.close()


def test_model_that_does_not_fit_the_budget_is_not_used() -> None:
    reranker = open_reranker(TINY.model_copy(update={"budget_ms": 0}), 1)
    with pytest.raises(RerankerFailed, match=r"for 1 of up to 32 passages on cpu") as caught:
        reranker.open()
    assert "MAGPIE_RERANK__BUDGET_MS" in caught.value.hint


@pytest.mark.parametrize("name", ["nobody/no-such-reranker", "no-such-reranker", "not a name!"])
def test_model_that_is_not_on_this_machine_is_missing(name: str) -> None:
    with pytest.raises(WeightsMissing) as caught:
        open_reranker(RerankSettings(model=f"st:{name}", device="cpu")).open()
    assert "MAGPIE_RERANK__MODEL" in caught.value.hint


def test_damaged_weights_are_an_error(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "damaged")
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(RerankerFailed, match="could not be loaded"):
        open_reranker(RerankSettings(model=f"st:{folder}", device="cpu")).open()


def test_classifier_with_several_outputs_is_not_a_reranker(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    folder = shutil.copytree(FOLDER, tmp_path / "classifier")
    config = BertConfig.from_pretrained(FOLDER)
    config.num_labels = 3
    BertForSequenceClassification(config).save_pretrained(folder)
    with pytest.raises(RerankerFailed, match="3 outputs"):
        open_reranker(RerankSettings(model=f"st:{folder}", device="cpu")).open()


@pytest.mark.parametrize("architecture", ["DebertaV2Model", "DebertaV2ForMaskedLM"])
def test_text_embedder_is_not_a_reranker(tmp_path: Path, architecture: str) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "embedder")
    config = json.loads((FOLDER / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": [architecture]}))
    with pytest.raises(RerankerFailed, match="it has no output for a score"):
        open_reranker(RerankSettings(model=f"st:{folder}", device="cpu")).open()
