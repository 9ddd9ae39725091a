"""Which model is chosen, where its weights are looked for, and what is said when something is wrong."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rag.adapters.openclip import open_embedder
from rag.adapters.openclip_weights import PRESETS, choose, find_weights
from rag.errors import BadSetting, EmbedderFailed, WeightsMissing
from rag.settings import EmbedSettings
from tests.tiny_clip import TINY, open_tiny
from tests.tiny_clip.shapes import COLOURS, HELD_OUT, SHAPES, draw


def test_the_presets_are_what_open_clip_says() -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    for preset in PRESETS:
        config = get_pretrained_cfg(preset.model, preset.weights)
        assert config["hf_hub"].rstrip("/") == preset.repository
        architecture = open_clip.get_model_config(preset.model)
        assert architecture is not None
        assert architecture["embed_dim"] == preset.dim


def test_auto_takes_the_preset_of_the_device() -> None:
    assert choose(EmbedSettings(device="cuda")).model == "ViT-g-14"
    assert choose(EmbedSettings(device="cuda")).weights == "laion2b_s34b_b88k"
    assert choose(EmbedSettings(device="cpu")).model == "ViT-B-32"
    assert choose(EmbedSettings(device="cpu", model="ViT-g-14")).weights == "laion2b_s34b_b88k"
    with pytest.raises(BadSetting, match="no default weights"):
        choose(EmbedSettings(device="cpu", model="RN50"))


def test_weights_that_are_not_here_are_named_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"missing\.pt"):
        open_embedder(EmbedSettings(device="cpu", weights=str(tmp_path / "missing.pt")))
    with pytest.raises(BadSetting, match="no model 'ViT-B-33'") as raised:
        find_weights(choose(EmbedSettings(device="cpu", model="ViT-B-33", weights="laion2b")))
    assert "ViT-B-32" in raised.value.hint
    with pytest.raises(BadSetting, match="no weights 'nonsense'") as raised:
        find_weights(choose(EmbedSettings(device="cpu", model="ViT-B-32", weights="nonsense")))
    assert "laion2b_s34b_b79k" in raised.value.hint


def test_damaged_weights_are_an_error_and_never_random(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(Path(TINY.weights).read_bytes()[:5000])
    embedder = open_embedder(TINY.model_copy(update={"weights": str(damaged)}), 1)
    with pytest.raises(EmbedderFailed, match=r"could not be loaded from damaged\.safetensors"):
        embedder.embed_texts(["a green triangle"])


def test_other_weights_make_another_identity(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(Path(TINY.weights).read_bytes() + b" ")
    assert open_embedder(TINY.model_copy(update={"weights": str(other)})).identity != open_tiny().identity
    assert open_tiny().identity == open_tiny().identity


def test_an_unreachable_hub_is_said_in_seconds() -> None:
    code = (
        "from rag.adapters.openclip_weights import pull\n"
        "from rag.errors import OperatorMustAct\n"
        "try:\n    pull('ViT-B-32', 'laion2b_s34b_b79k', print)\n"
        "except OperatorMustAct as error:\n    print(error, '|', error.hint)\n"
    )
    closed = "http://127.0.0.1:9"  # the discard port: nobody listens
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_ENDPOINT": closed, "HF_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "cannot be reached" in ran.stdout
    assert "MAGPIE_EMBED__WEIGHTS" in ran.stdout


def test_captions_never_seen_in_training_find_their_pictures(tmp_path: Path) -> None:
    chance = random.Random(4711)
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    kinds = [pair for pair in pairs for _ in range(4)]
    paths = []
    for number, pair in enumerate(kinds):
        paths.append(tmp_path / f"{number}.png")
        draw(chance, *pair).picture.save(paths[-1])
    clip = open_tiny()
    seen = np.array(clip.embed_pictures(paths))
    said = np.array(clip.embed_texts([f"a {colour} {shape}" for colour, shape in pairs]))
    best = [kinds[index] for index in (said @ seen.T).argmax(axis=1)]
    right = {pair for pair, first in zip(pairs, best, strict=True) if pair == first}
    assert len(right) >= 0.9 * len(pairs)
    assert ("green", "triangle") in HELD_OUT & right
    assert len(HELD_OUT & right) >= 3  # of four; by chance it would be 4 / 48
