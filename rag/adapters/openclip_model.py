"""A loaded open_clip model with its device, precision, tokenizer and preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.adapters.openclip_pictures import Preparation, preparation
from rag.adapters.openclip_weights import INSTALL_TORCH, Choice, architecture, is_file_name
from rag.adapters.unit_rows import first_line
from rag.errors import BadSetting, EmbedderFailed
from rag.model.extraction import Modality
from rag.setting_groups import EmbedSettings

if TYPE_CHECKING:
    import torch

_CACHED_WORDS = 1 << 16
"""Words whose token counts are cached: counting takes most of the time of splitting a text."""


class LoadedModel:
    """A model in use. `device` is where its weights are now, `home` where they belong."""

    def __init__(
        self,
        model: Any,
        prepare: Preparation,
        tokenizer: Any,
        choice: Choice,
        compiled: Callable[[Any], Any] | None = None,
    ) -> None:
        """`compiled` returns a faster version of an encoding function; it is compiled once for each number of rows."""
        import torch

        self.model = model
        self.prepare = prepare
        self.tokenizer = tokenizer
        self.context = int(tokenizer.context_length)
        self.home = self.device = choice.device
        self.dtype: torch.dtype = torch.float16 if choice.device != "cpu" else torch.float32
        self._compiled = compiled is not None
        self._image = compiled(model.encode_image) if compiled else model.encode_image
        self._text = compiled(model.encode_text) if compiled else model.encode_text
        self.count = lru_cache(_CACHED_WORDS)(self._count)

    def _count(self, text: str) -> int:
        """Return the tokens of a text without start and end."""
        if hasattr(self.tokenizer, "encode"):
            return len(self.tokenizer.encode(text))
        return len(self.tokenizer.tokenizer(text, add_special_tokens=False)["input_ids"])

    def images(self, pictures: list[torch.Tensor]) -> torch.Tensor:
        """Return one row per prepared picture, on the CPU."""
        with inference():
            return self._forward(self._image, self.prepare.batch(pictures, self.device, self.dtype))

    def texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return one row per row of tokens, on the CPU."""
        with inference():
            return self._forward(self._text, tokens.to(self.device))

    def _forward(self, encode: Any, batch: torch.Tensor) -> torch.Tensor:
        if not self._compiled or self.device != self.home:
            encode = self.model.encode_image if encode is self._image else self.model.encode_text
            features: torch.Tensor = encode(batch)
        else:
            features = encode(padded(batch))[: len(batch)]
        return features.float().cpu()

    def forward_alone(self, modality: Modality, rows: int) -> Callable[[], None]:
        """Return a forward pass of a batch that is already on the device; it waits for the result."""
        import torch

        if modality is Modality.PICTURE:
            side = self.prepare.side
            batch, encode = torch.randn(rows, 3, side, side, device=self.device, dtype=self.dtype), self._image
        else:
            words = self.tokenizer(["page " * self.context] * rows)
            batch, encode = words.to(self.device), self._text

        def forward() -> None:
            with inference():
                encode(batch)
                if self.device.startswith("cuda"):
                    torch.cuda.synchronize()

        return forward

    def move(self, device: str) -> None:
        """Move the weights. Raise EmbedderFailed if the memory is full; the weights then stay where they are."""
        import torch

        before = self.device
        try:
            self.model.to(device)
        except RuntimeError as error:
            self.model.to(before)
            raise EmbedderFailed(f"Not enough memory for CLIP: {first_line(error)}", "Free some memory.") from error
        self.device = device
        if before.startswith("cuda"):
            torch.cuda.empty_cache()

    def weights_bytes(self) -> int:
        return sum(parameter.numel() * parameter.element_size() for parameter in self.model.parameters())


def padded(batch: torch.Tensor) -> torch.Tensor:
    """Return the batch with its last row repeated up to a power of two, to limit how often a model is compiled."""
    import torch

    missing = (1 << max(0, len(batch) - 1).bit_length()) - len(batch)
    return batch if not missing else torch.cat([batch, batch[-1:].expand(missing, *batch.shape[1:])])


def load(choice: Choice, weights: Path, threads: int | None, settings: EmbedSettings) -> LoadedModel:
    """Load a model. Raise EmbedderFailed for invalid weights or packages, BadSetting for a device that is missing."""
    try:
        import open_clip
        import torch
    except (ImportError, OSError, RuntimeError) as error:  # incompatible torch and torchvision raise RuntimeError
        raise EmbedderFailed(f"open_clip cannot be imported: {first_line(error)}", INSTALL_TORCH) from error
    _check_device(choice.device)
    _check_packages(choice)
    if threads:
        torch.set_num_threads(threads)
    if choice.config is not None:
        open_clip.add_model_config(choice.config)
    trained = _training(choice)
    try:
        model, _, prepare = open_clip.create_model_and_transforms(
            choice.model,
            pretrained=str(weights),
            precision="fp32" if choice.device == "cpu" else "fp16",
            device=choice.device,
            force_quick_gelu=bool(trained.get("quick_gelu")),
            image_mean=trained.get("mean"),
            image_std=trained.get("std"),
            image_interpolation=trained.get("interpolation"),
            image_resize_mode=trained.get("resize_mode"),
        )
        tokenizer = open_clip.get_tokenizer(choice.model, **_tokenizer_options(choice))
    except Exception as error:  # damaged files raise many kinds of errors
        raise EmbedderFailed(
            f"{choice.model} could not be loaded from {weights.name}: {first_line(error)}",
            "Download the weights again (magpie models pull), or free some memory.",
        ) from error
    model.eval()
    size = model.visual.image_size
    side = max(size) if isinstance(size, tuple | list) else int(size)
    prepared = preparation(prepare, side, on_device=settings.resize == "device")
    return LoadedModel(
        model, prepared, tokenizer, choice, partial(_compiled, choice.device) if settings.compiled else None
    )


def _compiled(device: str, encode: Any) -> Any:
    """By torch's compiler, with CUDA graphs where there is CUDA."""
    import torch

    return torch.compile(encode, mode="reduce-overhead" if device.startswith("cuda") else "default", dynamic=False)


def _training(choice: Choice) -> Mapping[str, Any]:
    """Return open_clip's preprocessing settings for the weights' tag.

    A weights file has no tag: return the settings that all tags of the model have in common, or none.
    """
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    if not is_file_name(choice.weights):
        known: Mapping[str, Any] = get_pretrained_cfg(choice.model, choice.weights)
        return known
    keys = ("mean", "std", "interpolation", "resize_mode")
    tags = [get_pretrained_cfg(choice.model, tag) for tag in list_pretrained_tags_by_model(choice.model)]
    variants = {tuple(tag.get(key) for key in keys) for tag in tags}
    return dict(zip(keys, variants.pop(), strict=True)) if len(variants) == 1 else {}


def _check_device(name: str) -> None:
    """Raise BadSetting for a device that torch does not know, or that this machine lacks."""
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadSetting(
            f"There is no device {name!r}.", "Set MAGPIE_EMBED__DEVICE to auto, cpu, cuda or mps."
        ) from error
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise BadSetting(f"torch finds no device {name!r} on this machine.", "Set MAGPIE_EMBED__DEVICE to auto.")


def _check_packages(choice: Choice) -> None:
    """Raise EmbedderFailed if the text tower needs a package that is not a dependency of Magpie."""
    text = architecture(choice)["text_cfg"]
    if ("hf_tokenizer_name" in text or "hf_model_name" in text) and find_spec("transformers") is None:
        raise EmbedderFailed(f"{choice.model} needs the package transformers.", "pip install transformers")


def _tokenizer_options(choice: Choice) -> dict[str, Any]:
    """Return options that load a tokenizer from the local cache only; `magpie models pull` downloads it."""
    return {"local_files_only": True} if "hf_tokenizer_name" in architecture(choice)["text_cfg"] else {}


@contextmanager
def inference() -> Iterator[None]:
    """Run a forward pass without gradients. Raise EmbedderFailed if it fails, for example without enough memory."""
    import torch

    try:
        with torch.inference_mode():
            yield
    except RuntimeError as error:
        raise EmbedderFailed(
            f"The embedder stopped: {first_line(error)}",
            "Lower MAGPIE_EMBED__PICTURE_BATCH and MAGPIE_EMBED__TEXT_BATCH, or free some memory.",
        ) from error


def save_random_weights(choice: Choice, path: Path) -> None:
    """Write a weights file with random values for this architecture, to be loaded like any other."""
    import open_clip
    import torch

    if choice.config is not None:
        open_clip.add_model_config(choice.config)
    torch.manual_seed(0)
    precision = "fp32" if choice.device == "cpu" else "fp16"
    logging.disable(logging.WARNING)  # open_clip warns that the weights are random
    try:
        model = open_clip.create_model(choice.model, load_weights=False, precision=precision)
    finally:
        logging.disable(logging.NOTSET)
    torch.save(model.state_dict(), path)
