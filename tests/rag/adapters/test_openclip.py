"""CLIP: the choice of model, where its weights are looked for, and errors."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rag.adapters.openclip import open_embedder
from rag.adapters.openclip_weights import PRESETS, choose, default_preset, find_weights
from rag.errors import BadSetting, EmbedderFailed, WeightsMissing
from rag.setting_groups import EmbedSettings
from tests.support.tiny_clip import TINY, open_tiny
from tests.support.tiny_clip.measure import FOREIGN, first_right
from tests.support.tiny_clip.shapes import HELD_OUT, draw


def test_presets_match_open_clip() -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    for preset in PRESETS:
        config = get_pretrained_cfg(preset.model, preset.weights)
        assert config["hf_hub"].rstrip("/") == preset.repository
        architecture = open_clip.get_model_config(preset.model)
        assert architecture is not None
        assert architecture["embed_dim"] == preset.dim


def test_auto_uses_the_preset_of_the_device() -> None:
    assert choose(EmbedSettings(device="cuda")).model == "ViT-g-14"
    assert choose(EmbedSettings(device="cuda")).weights == "laion2b_s34b_b88k"
    assert choose(EmbedSettings(device="cpu")).model == "ViT-B-32"
    assert choose(EmbedSettings(device="cpu", model="ViT-g-14")).weights == "laion2b_s34b_b88k"
    with pytest.raises(BadSetting, match="no default weights"):
        choose(EmbedSettings(device="cpu", model="RN50"))


def test_auto_is_chosen_by_the_memory_of_the_gpu(tmp_path: Path) -> None:
    assert default_preset("cuda", 24.0).model == "ViT-g-14"
    assert default_preset("cuda", 4.0).model == "ViT-B-32"
    assert default_preset("cuda", None).model == "ViT-g-14"
    assert default_preset("mps", None).model == "ViT-g-14"
    assert default_preset("cpu", None).model == "ViT-B-32"


def test_large_preset_that_was_downloaded_is_kept_on_a_small_gpu(tmp_path: Path) -> None:
    preset = PRESETS[0]
    folder = tmp_path / "hub" / f"models--{preset.repository.replace('/', '--')}"
    for name, text in (("refs/main", "abc"), ("snapshots/abc/open_clip_model.safetensors", "weights")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    code = "from rag.adapters.openclip_weights import default_preset\nprint(default_preset('cuda', 4.0).model)"
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == preset.model


def test_missing_weights_and_unknown_names_are_errors_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"missing\.pt"):
        open_embedder(EmbedSettings(device="cpu", weights=str(tmp_path / "missing.pt")))
    with pytest.raises(BadSetting, match="no model 'ViT-B-33'") as raised:
        find_weights(choose(EmbedSettings(device="cpu", model="ViT-B-33", weights="laion2b")))
    assert "ViT-B-32" in raised.value.hint
    with pytest.raises(BadSetting, match="no weights 'nonsense'") as raised:
        find_weights(choose(EmbedSettings(device="cpu", model="ViT-B-32", weights="nonsense")))
    assert "laion2b_s34b_b79k" in raised.value.hint


def test_damaged_weights_are_an_error(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(Path(TINY.weights).read_bytes()[:5000])
    embedder = open_embedder(TINY.model_copy(update={"weights": str(damaged)}), 1)
    with pytest.raises(EmbedderFailed, match=r"could not be loaded from damaged\.safetensors"):
        embedder.embed_texts(["a green triangle"])


def test_other_weights_have_another_identity(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(Path(TINY.weights).read_bytes() + b" ")
    assert open_embedder(TINY.model_copy(update={"weights": str(other)})).identity != open_tiny().identity
    assert open_tiny().identity == open_tiny().identity


def test_unreachable_hub_is_reported_in_seconds() -> None:
    code = (
        "from rag.adapters.openclip_weights import pull\n"
        "from rag.errors import OperatorMustAct\n"
        "try:\n    pull('ViT-B-32', 'laion2b_s34b_b79k', print)\n"
        "except OperatorMustAct as error:\n    print(error, '|', error.hint)\n"
    )
    closed = "http://127.0.0.1:9"  # the discard port: no server listens
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_ENDPOINT": closed, "HF_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "cannot be reached" in ran.stdout
    assert "MAGPIE_EMBED__WEIGHTS" in ran.stdout


def test_captions_not_in_the_training_data_find_their_pictures(tmp_path: Path) -> None:
    right = first_right(open_tiny(), tmp_path)
    assert len(HELD_OUT) == 4
    assert {pair for pair in HELD_OUT if right[pair]} == HELD_OUT  # by chance: 1 in 20
    assert sum(right.values()) >= 0.95 * len(right)


def test_picture_floor_separates_matching_from_foreign_queries(tmp_path: Path) -> None:
    clip = open_tiny()
    pictures = pictures_of(("green", "triangle"), tmp_path)
    seen = np.array(clip.embed_pictures(pictures))
    asked = np.array(clip.embed_texts(["green triangle", *FOREIGN]))
    best = (asked @ seen.T).max(axis=1)
    assert best[0] > TINY.picture_floor
    assert best[1:].max() < TINY.picture_floor - 0.2


def pictures_of(pair: tuple[str, str], folder: Path) -> list[Path]:
    chance = random.Random(3)
    paths = [folder / f"{number}.png" for number in range(12)]
    for path in paths:
        draw(chance, *pair).picture.save(path)
    return paths


def test_pictures_are_embedded_upright_and_on_white(tmp_path: Path) -> None:
    upright, turned, clear = tmp_path / "upright.png", tmp_path / "turned.png", tmp_path / "clear.png"
    whole = draw(random.Random(8), "red", "arrow").picture
    whole.save(upright)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to the right to see it"
    whole.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    alone = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    alone.paste((200, 30, 30, 255), (30, 30, 70, 70))
    alone.save(clear)
    on_white = tmp_path / "white.png"
    white = Image.new("RGB", (100, 100), "white")
    white.paste((200, 30, 30), (30, 30, 70, 70))
    white.save(on_white)
    one, two, three, four = np.array(open_tiny().embed_pictures([upright, turned, clear, on_white]))
    assert one @ two == pytest.approx(1, abs=1e-4)
    assert three @ four == pytest.approx(1, abs=1e-4)


def test_huge_picture_is_not_decoded(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    side = (2 * (Image.MAX_IMAGE_PIXELS or 0)) ** 0.5 + 1
    Image.new("1", (int(side) + 1, int(side) + 1)).save(bomb)
    assert open_tiny().embed_pictures([bomb]) == [None]


def test_missing_device_is_an_invalid_setting() -> None:
    for name, said in (("cuda:99", "finds no device"), ("toaster", "There is no device")):
        embedder = open_embedder(TINY.model_copy(update={"device": name}), 1)
        with pytest.raises(BadSetting, match=said):
            embedder.embed_texts(["a"])


def test_custom_architecture_is_checked(tmp_path: Path) -> None:
    def refused(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(BadSetting) as raised:
            open_embedder(TINY.model_copy(update={"config": path}), 1)
        return str(raised.value)

    assert "not valid JSON" in refused("magpie-tiny.json", "{")
    assert "does not describe a model" in refused("magpie-tiny.json", "{}")
    assert "describes the model 'other'" in refused("other.json", "{}")
    missing = tmp_path / "missing.json"
    with pytest.raises(BadSetting, match="There is no file"):
        open_embedder(TINY.model_copy(update={"config": missing}), 1)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    described = json.loads(Path(str(TINY.config)).read_text())
    described["embed_dim"] = 48
    config = tmp_path / "magpie-tiny.json"
    config.write_text(json.dumps(described))
    embedder = open_embedder(TINY.model_copy(update={"config": config}), 1)
    assert embedder.dim == 48
    assert embedder.identity != open_tiny().identity
    with pytest.raises(EmbedderFailed, match="could not be loaded"):
        embedder.embed_texts(["a"])


def test_preprocessing_matches_the_training_of_the_weights(tmp_path: Path) -> None:
    """MobileCLIP2-S0 needs no normalization; for a weights file, open_clip would use that of CLIP."""
    import open_clip
    import torch

    torch.manual_seed(0)
    weights = tmp_path / "random.pt"
    torch.save(open_clip.create_model("MobileCLIP2-S0", load_weights=False).state_dict(), weights)
    embedder = open_embedder(EmbedSettings(device="cpu", model="MobileCLIP2-S0", weights=str(weights)), 1)
    white = tmp_path / "white.png"
    Image.new("RGB", (300, 300), "white").save(white)
    vector = embedder.embed_pictures([white])[0]
    model = open_clip.create_model("MobileCLIP2-S0", pretrained=str(weights)).eval()
    with torch.inference_mode():
        wanted = model.encode_image(torch.ones(1, 3, 256, 256), normalize=True)[0].numpy()
    assert vector is not None
    assert vector @ wanted == pytest.approx(1, abs=1e-4)
