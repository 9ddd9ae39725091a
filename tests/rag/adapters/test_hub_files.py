"""Which models of the local Hugging Face cache are complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.adapters.hub_files import cached_model

INDEX = json.dumps({"weight_map": {"a.weight": "model-1-of-2.safetensors", "b.weight": "model-2-of-2.safetensors"}})
CONFIG = {"config.json": "{}", "tokenizer_config.json": "{}"}


@pytest.mark.parametrize(
    ("files", "is_complete"),
    [
        ({**CONFIG, "model.safetensors": ""}, True),
        ({**CONFIG, "pytorch_model.bin": ""}, True),
        (CONFIG, False),
        ({"config.json": "{}", "model.safetensors": ""}, False),
        ({**CONFIG, "model.safetensors.index.json": INDEX}, False),
        ({**CONFIG, "model.safetensors.index.json": INDEX, "model-1-of-2.safetensors": ""}, False),
        (
            {
                **CONFIG,
                "model.safetensors.index.json": INDEX,
                "model-1-of-2.safetensors": "",
                "model-2-of-2.safetensors": "",
            },
            True,
        ),
    ],
)
def test_model_is_cached_if_its_weights_are_complete(
    tmp_path: Path, files: dict[str, str], *, is_complete: bool
) -> None:
    snapshot = tmp_path / "models--vidore--colqwen" / "snapshots" / ("1" * 40)
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        (snapshot / name).write_text(content)
    refs = tmp_path / "models--vidore--colqwen" / "refs"
    refs.mkdir()
    (refs / "main").write_text("1" * 40)
    assert cached_model("vidore/colqwen", tmp_path) == (snapshot if is_complete else None)
