"""Pictures and texts to vectors with open_clip."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.adapters.openclip_weights import Choice, architecture, choose, find_weights, fingerprint, is_file_name
from rag.adapters.rows import first_line, unit_rows
from rag.adapters.windows import windows
from rag.errors import BadSetting, EmbedderFailed
from rag.ports import Vector
from rag.settings import EmbedSettings

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

_PREPROCESSING = "p1"
"""Part of the identity: changes when pictures would be prepared differently for the same weights."""

_SPECIAL = 2
"""Start and end token of a text window."""


def open_embedder(settings: EmbedSettings, threads: int | None = None) -> OpenClipEmbedder:
    """The embedder that the settings name; loads nothing yet.

    Raise WeightsMissing when its weights are not on this machine, BadSetting for a name that does not exist.
    """
    choice = choose(settings)
    return OpenClipEmbedder(choice, find_weights(choice), settings, threads)


class OpenClipEmbedder:
    """Embedder on open_clip: fp16 on a GPU, fp32 on a CPU. The model is loaded when the first vector is wanted."""

    def __init__(self, choice: Choice, weights: Path, settings: EmbedSettings, threads: int | None) -> None:
        self._choice = choice
        self._weights = weights
        self._settings = settings
        self._threads = threads

    @cached_property
    def identity(self) -> str:
        name = re.sub("[^A-Za-z0-9_-]", "-", self._choice.model)
        own = f".{fingerprint(self._choice.config)[:6]}" if self._choice.config else ""
        return f"{name[:36]}-{fingerprint(self._weights)}-{_PREPROCESSING}{own}"

    @property
    def dim(self) -> int:
        return int(architecture(self._choice)["embed_dim"])

    @property
    def context(self) -> int:
        """Tokens the text tower reads, start and end included."""
        return self._loaded.context

    # ------------------------------------------------------------ texts

    def windows(self, text: str) -> list[str]:
        return windows(text, self.context - _SPECIAL, self._loaded.count)

    def tokens(self, text: str) -> int:
        """Tokens of a text in the model's own vocabulary, start and end counted."""
        return self._loaded.count(text) + _SPECIAL

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        loaded, size = self._loaded, self._settings.text_batch
        found: list[Vector] = []
        for start in range(0, len(texts), size):
            tokens = loaded.tokenizer(list(texts[start : start + size])).to(self._choice.device)
            with _running():
                found += _rows(loaded.model.encode_text(tokens))
        return found

    # ------------------------------------------------------------ pictures

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        """Decoding and preparing of the next batch runs in threads while the model works on this one."""
        import torch

        loaded, size = self._loaded, self._settings.picture_batch
        batches = [pictures[start : start + size] for start in range(0, len(pictures), size)]
        found: list[Vector | None] = []
        with ThreadPoolExecutor(max(2, self._threads or 2), thread_name_prefix="picture") as pool:

            def prepare(batch: Sequence[Path]) -> list[Future[Any]]:
                return [pool.submit(_prepared, picture, loaded.prepare) for picture in batch]

            upcoming = prepare(batches[0]) if batches else []
            for index in range(len(batches)):
                current, upcoming = upcoming, prepare(batches[index + 1]) if index + 1 < len(batches) else []
                tensors = [future.result() for future in current]
                whole = [tensor for tensor in tensors if tensor is not None]
                rows: list[Vector] = []
                if whole:
                    with _running():
                        stacked = torch.stack(whole).to(self._choice.device, loaded.dtype)
                        rows = _rows(loaded.model.encode_image(stacked))
                made = iter(rows)
                found += [None if tensor is None else next(made) for tensor in tensors]
        return found

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(self._choice, self._weights, self._threads)


class _Loaded:
    """A model with its tokenizer and its picture preparation."""

    def __init__(self, model: Any, prepare: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        self.model = model
        self.prepare = prepare
        self.tokenizer = tokenizer
        self.dtype = dtype
        self.context = int(tokenizer.context_length)

    def count(self, word: str) -> int:
        """Tokens of one word, start and end not counted."""
        if hasattr(self.tokenizer, "encode"):
            return len(self.tokenizer.encode(word))
        return len(self.tokenizer.tokenizer(word, add_special_tokens=False)["input_ids"])


def _load(choice: Choice, weights: Path, threads: int | None) -> _Loaded:
    try:
        import open_clip
        import torch
    except (ImportError, OSError, RuntimeError) as error:  # a torch and a torchvision that do not fit: RuntimeError
        raise EmbedderFailed(
            f"open_clip cannot be started: {first_line(error)}", "Install Magpie again with `make install`."
        ) from error
    _check_device(choice.device)
    _check_packages(choice)
    if threads:
        torch.set_num_threads(threads)
    if choice.config is not None:
        open_clip.add_model_config(choice.config)
    trained = _training(choice)
    half = choice.device != "cpu"
    try:
        model, _, prepare = open_clip.create_model_and_transforms(
            choice.model,
            pretrained=str(weights),
            precision="fp16" if half else "fp32",
            device=choice.device,
            force_quick_gelu=bool(trained.get("quick_gelu")),
            image_mean=trained.get("mean"),
            image_std=trained.get("std"),
            image_interpolation=trained.get("interpolation"),
            image_resize_mode=trained.get("resize_mode"),
        )
        tokenizer = open_clip.get_tokenizer(choice.model, **_tokenizer_options(choice))
    except Exception as error:  # whatever a damaged file does to torch or safetensors
        raise EmbedderFailed(
            f"{choice.model} could not be loaded from {weights.name}: {first_line(error)}",
            "Fetch the weights again (`magpie models pull`), or free some memory.",
        ) from error
    model.eval()
    return _Loaded(model, prepare, tokenizer, torch.float16 if half else torch.float32)


def _training(choice: Choice) -> Mapping[str, Any]:
    """How pictures were prepared when the weights were trained: what open_clip knows of them by tag.

    A file has no tag: there it counts only when all tags of the model agree.
    """
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    if not is_file_name(choice.weights):
        known: Mapping[str, Any] = get_pretrained_cfg(choice.model, choice.weights)
        return known
    keys = ("mean", "std", "interpolation", "resize_mode")
    tags = [get_pretrained_cfg(choice.model, tag) for tag in list_pretrained_tags_by_model(choice.model)]
    ways = {tuple(tag.get(key) for key in keys) for tag in tags}
    return dict(zip(keys, ways.pop(), strict=True)) if len(ways) == 1 else {}


def _check_device(name: str) -> None:
    """Raise BadSetting for a device that torch does not know, or that this machine lacks."""
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadSetting(
            f"There is no device {name!r}.", "Set MAGPIE_EMBED__DEVICE to auto, cpu, cuda or mps."
        ) from error
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, False):
        raise BadSetting(f"torch finds no device {name!r} on this machine.", "Set MAGPIE_EMBED__DEVICE to auto.")


def _check_packages(choice: Choice) -> None:
    """Raise EmbedderFailed when the text tower needs a package that is not a dependency of Magpie."""
    text = architecture(choice)["text_cfg"]
    if ("hf_tokenizer_name" in text or "hf_model_name" in text) and find_spec("transformers") is None:
        raise EmbedderFailed(f"{choice.model} needs the package transformers.", "pip install transformers")


def _tokenizer_options(choice: Choice) -> dict[str, Any]:
    """A tokenizer of the hub is taken from its cache; `magpie models pull` puts it there."""
    return {"local_files_only": True} if "hf_tokenizer_name" in architecture(choice)["text_cfg"] else {}


@contextmanager
def _running() -> Iterator[None]:
    """A forward pass. Raise EmbedderFailed when it fails, as for want of memory."""
    import torch

    try:
        with torch.inference_mode():
            yield
    except RuntimeError as error:
        raise EmbedderFailed(
            f"The embedder stopped: {first_line(error)}",
            "Lower MAGPIE_EMBED__PICTURE_BATCH and MAGPIE_EMBED__TEXT_BATCH, or free some memory.",
        ) from error


def _prepared(path: Path, prepare: Any) -> Any:
    """The picture as the model wants it, or None when it cannot be decoded."""
    image = _decoded(path)
    return None if image is None else prepare(image)


def _decoded(path: Path) -> Image | None:
    """The picture upright and in RGB, what is transparent in white."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            return image.convert("RGB")
    except Exception:  # noqa: BLE001 - decoders raise anything over a stranger's bytes: struct.error, IndexError, ...
        return None


def _rows(features: torch.Tensor) -> list[Vector]:
    return unit_rows(features.float().cpu().numpy(), "Fetch its weights again.")
