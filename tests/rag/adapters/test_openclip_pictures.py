"""Preprocessing of pictures: fast, and with the vectors of open_clip's own preprocessing."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from rag.adapters.openclip import OpenClipEmbedder, open_embedder
from rag.adapters.openclip_model import LoadedModel, load, padded
from rag.adapters.openclip_pictures import preparation
from rag.adapters.openclip_weights import choose
from rag.errors import Unreadable
from tests.support.tiny_clip import TINY
from tests.support.tiny_clip.shapes import COLORS, SHAPES, draw

WITHIN = 1e-3
"""The largest accepted cosine distance between two vectors of one picture."""

SIZES = ((128, 128), (256, 131), (640, 480), (1131, 1600), (1600, 900), (2480, 3508), (2000, 120))


def opened(**changed: object) -> OpenClipEmbedder:
    return open_embedder(TINY.model_copy(update=changed), 1)


def drawn(size: tuple[int, int], seed: int) -> Image.Image:
    """Return a page with a shape among lines of small text, which bad downscaling would change."""
    chance = random.Random(seed)
    page = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(page)
    for top in range(4, size[1] - 12, 14):
        words = (chance.choice(("harbour", "gate", "relay", "of", "the", "water")) for _ in range(size[0] // 30))
        pen.text((6, top), " ".join(words), fill="black")
    side = min(size) * 2 // 3
    shape = draw(chance, chance.choice(tuple(COLORS)), chance.choice(SHAPES), 512).picture
    page.paste(shape.resize((side, side), Image.Resampling.BICUBIC), ((size[0] - side) // 2, (size[1] - side) // 2))
    return page


def written(picture: Image.Image, kind: str) -> bytes:
    into = io.BytesIO()
    if kind == "JPEG":
        picture.save(into, kind, quality=80)
    else:
        picture.save(into, kind)
    return into.getvalue()


def by_open_clip(pictures: list[bytes]) -> NDArray[np.float32]:
    """Return vectors computed with open_clip alone: Pillow decodes each file in full, with the library's transform."""
    import open_clip
    import torch

    open_clip.add_model_config(TINY.config)
    model, _, prepare = open_clip.create_model_and_transforms(TINY.model, pretrained=TINY.weights)
    model.eval()
    with torch.inference_mode():
        batch = torch.stack([prepare(Image.open(io.BytesIO(picture)).convert("RGB")) for picture in pictures])
        found: NDArray[np.float32] = model.encode_image(batch, normalize=True).numpy()
    return found


@pytest.mark.parametrize("resize", ["cpu", "device"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_vectors_match_open_clips_own_preprocessing(resize: str, kind: str) -> None:
    pictures = [written(drawn(size, seed), kind) for seed, size in enumerate(SIZES)]
    clip = opened(resize=resize)
    found = np.array(clip.encode_pictures([clip.prepare_picture(picture) for picture in pictures]))
    distances = 1 - (found * by_open_clip(pictures)).sum(axis=1)
    assert distances.max() < WITHIN, dict(zip(SIZES, distances, strict=True))


def test_device_resizing_happens_in_the_batch() -> None:
    picture = written(drawn((640, 480), 1), "PNG")
    on_cpu, on_device = opened(resize="cpu"), opened(resize="device")
    side = on_cpu.prepare_picture(picture).shape[1]
    assert on_cpu.prepare_picture(picture).shape == (3, side, side)
    assert min(on_device.prepare_picture(picture).shape[1:]) >= 2 * side


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("resize", ["cpu", "device"])
def test_resize_modes_match_the_models_own_transform(mode: str, resize: str) -> None:
    """A transform that cannot be split, or not run on the device, falls back to open_clip's steps."""
    import torch
    from open_clip.transform import image_transform

    own = image_transform(64, is_train=False, resize_mode=mode)
    prepared = preparation(own, 64, on_device=resize == "device")
    for seed, size in enumerate(((200, 200), (640, 480), (500, 900))):
        picture = drawn(size, seed)
        found = prepared.batch([prepared.picture(written(picture, "PNG"))], "cpu", torch.float32)[0]
        wanted = own(picture)
        assert found.shape == wanted.shape
        cosine = torch.nn.functional.cosine_similarity(found.flatten(), wanted.flatten(), dim=0)
        assert cosine > 0.99  # of pixels; fine lines differ


def test_invalid_picture_is_refused_without_naming_the_file(tmp_path: Path) -> None:
    clip = opened()
    path = tmp_path / "secret-name.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for source in (path.read_bytes(), b"", b"GIF89a", written(drawn((300, 300), 1), "JPEG")[:2000]):
        with pytest.raises(Unreadable) as raised:
            clip.prepare_picture(source)
        assert "secret-name" not in str(raised.value)


def test_picture_with_too_many_pixels_is_refused_before_decoding() -> None:
    head = written(Image.new("1", (1, 1)), "PNG")
    side = (30_000).to_bytes(4, "big")
    with pytest.raises(Unreadable):
        opened().prepare_picture(head[:16] + side + side + head[24:])


def test_compiled_model_gives_the_same_vectors() -> None:
    """Compiled with the backend "eager", because generating machine code takes a minute."""
    import torch

    plain = load(choose(TINY), Path(TINY.weights), 1, TINY)
    shapes: set[int] = set()

    def compiled(encode: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        made: Callable[[torch.Tensor], torch.Tensor] = torch.compile(encode, backend="eager", dynamic=False)

        def watched(batch: torch.Tensor) -> torch.Tensor:
            shapes.add(len(batch))
            return made(batch)

        return watched

    clip = LoadedModel(plain.model, plain.prepare, plain.tokenizer, choose(TINY), compiled)
    pictures = [plain.prepare.picture(written(drawn((200, 200), seed), "PNG")) for seed in range(5)]
    texts = plain.tokenizer([f"text number {number}" for number in range(6)])
    for count in (3, 4, 5):
        assert np.allclose(clip.images(pictures[:count]), plain.images(pictures[:count]), atol=1e-4)
        assert np.allclose(clip.texts(texts[:count]), plain.texts(texts[:count]), atol=1e-4)
    assert shapes == {4, 8}


@given(st.integers(1, 300))
def test_batch_is_padded_to_a_power_of_two(rows: int) -> None:
    import torch

    batch = torch.arange(rows * 2).reshape(rows, 2)
    full = padded(batch)
    assert len(full) & (len(full) - 1) == 0
    assert rows <= len(full) < 2 * rows or rows == 1 == len(full)
    assert torch.equal(full[:rows], batch)


def test_half_precision_model_works_on_the_cpu() -> None:
    """A model on a GPU runs like this between `leave` and `back`."""
    import open_clip
    import torch

    model = load(choose(TINY), Path(TINY.weights), 1, TINY)
    wanted = model.texts(model.tokenizer(["a red circle"]))
    open_clip.add_model_config(TINY.config)
    model.model = open_clip.create_model(TINY.model, pretrained=TINY.weights, precision="fp16")
    model.model.eval()
    model.dtype = torch.float16
    model.move("cpu")
    assert model.weights_bytes() < opened().weights_bytes  # open_clip keeps the token table in fp32
    half = model.model.encode_text(model.tokenizer(["a red circle"])).float()
    assert torch.nn.functional.cosine_similarity(wanted, half).item() > 1 - WITHIN


def test_leaving_and_coming_back_changes_nothing_on_a_cpu() -> None:
    clip = opened()
    clip.offload()
    before = clip.embed_texts(["a red circle"])
    clip.reload()
    clip.reload()
    assert np.array_equal(before, clip.embed_texts(["a red circle"]))


def test_pictures_with_any_number_of_channels_are_decoded() -> None:
    clip = opened()
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "F", "CMYK"):
        kind = "TIFF" if mode in ("F", "CMYK") else "PNG"
        assert clip.prepare_picture(written(Image.new(mode, (90, 70)), kind)).shape[0] == 3
