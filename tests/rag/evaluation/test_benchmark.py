"""The benchmark on the tiny CLIP: it measures every kind of item and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.slack.http import serving
from rag import BenchmarkOptions, Settings, measure_embedder
from rag.errors import WeightsMissing
from rag.evaluation.benchmark import SIZES, BenchmarkResult
from rag.model.extraction import Modality
from rag.setting_groups import EmbedSettings
from tests.support.tiny_clip import TINY


def benched(tmp_path: Path, wanted: BenchmarkOptions, embed: EmbedSettings = TINY) -> BenchmarkResult:
    said: list[str] = []
    found = measure_embedder(Settings(data=tmp_path / "data", embed=embed), wanted, said.append)
    assert said
    assert not (tmp_path / "data").exists()
    return found


@pytest.mark.parametrize("served", [False, True])
def test_measures_every_kind_and_the_model_alone(served: bool, tmp_path: Path) -> None:
    found = benched(tmp_path, BenchmarkOptions(pictures=8, texts=16, rounds=1, serve=serving if served else None))
    assert found.model == TINY.model
    assert found.batches == {Modality.PICTURE: 32, Modality.TEXT: 128}
    assert set(found.speeds) == {"pictures", "texts", *SIZES}
    assert 4e6 < found.weights_bytes < 5e6
    for speed in found.speeds.values():
        assert 0 < speed.lowest <= speed.share <= speed.highest
        assert speed.share == pytest.approx(speed.per_second / speed.raw)
        assert sum(speed.spent.values()) == pytest.approx(1)
        assert (speed.processor_share or 0) > 0
        assert ("GPU host" in speed.spent) is served
        assert (speed.preparing is None) is served
        assert served or (speed.preparing or 0) > 0


def test_random_weights_are_used_only_on_request(tmp_path: Path) -> None:
    missing = TINY.model_copy(update={"weights": str(tmp_path / "missing.safetensors")})
    with pytest.raises(WeightsMissing):
        benched(tmp_path, BenchmarkOptions(), missing)
    found = benched(tmp_path, BenchmarkOptions(pictures=4, texts=4, rounds=1, random_weights=True), missing)
    assert found.speeds["texts"].per_second > 0
