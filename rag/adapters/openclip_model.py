"""A model of open_clip, loaded: on its device, in its precision, with its tokenizer and its preparation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.adapters.openclip_pictures import Preparation, preparation
from rag.adapters.openclip_weights import Choice, architecture, is_file_name
from rag.adapters.unit_rows import first_line
from rag.errors import BadSetting, EmbedderFailed
from rag.model import Modality
from rag.settings import EmbedSettings

if TYPE_CHECKING:
    import torch

_WORDS = 1 << 16
"""Words whose number of tokens is remembered: cleaning and splitting them takes most of the time of cutting a text."""


class Loaded:
    """A model in use. `device` is where its weights are now."""

    def __init__(
        self,
        model: Any,
        prepare: Preparation,
        tokenizer: Any,
        choice: Choice,
        compiled: Callable[[Any], Any] | None = None,
    ) -> None:
        """`compiled` makes a faster function of one that encodes; it is made once for each number of rows."""
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
        self.count = lru_cache(_WORDS)(self._count)

    def _count(self, text: str) -> int:
        """Tokens of a text, start and end not counted."""
        if hasattr(self.tokenizer, "encode"):
            return len(self.tokenizer.encode(text))
        return len(self.tokenizer.tokenizer(text, add_special_tokens=False)["input_ids"])

    def images(self, pictures: list[torch.Tensor]) -> torch.Tensor:
        """One row for each prepared picture, on the CPU."""
        with running():
            return self._forward(self._image, self.prepare.batch(pictures, self.device, self.dtype))

    def texts(self, tokens: torch.Tensor) -> torch.Tensor:
        """One row for each row of tokens, on the CPU."""
        with running():
            return self._forward(self._text, tokens.to(self.device))

    def _forward(self, encode: Any, batch: torch.Tensor) -> torch.Tensor:
        if not self._compiled or self.device != self.home:
            encode = self.model.encode_image if encode is self._image else self.model.encode_text
            whole: torch.Tensor = encode(batch)
        else:
            whole = encode(padded(batch))[: len(batch)]
        return whole.float().cpu()

    def forward_alone(self, modality: Modality, rows: int) -> Callable[[], None]:
        """A forward pass of a batch that lies on the device already, waited for."""
        import torch

        if modality is Modality.PICTURE:
            side = self.prepare.side
            batch, encode = torch.randn(rows, 3, side, side, device=self.device, dtype=self.dtype), self._image
        else:
            words = self.tokenizer(["page " * self.context] * rows)
            batch, encode = words.to(self.device), self._text

        def forward() -> None:
            with running():
                encode(batch)
                if self.device.startswith("cuda"):
                    torch.cuda.synchronize()

        return forward

    def move(self, device: str) -> None:
        """Raise EmbedderFailed when there is no room; the weights then lie where they lay."""
        import torch

        before = self.device
        try:
            self.model.to(device)
        except RuntimeError as error:
            self.model.to(before)
            raise EmbedderFailed(f"There is no room for CLIP: {first_line(error)}", "Free some memory.") from error
        self.device = device
        if before.startswith("cuda"):
            torch.cuda.empty_cache()

    def weights_bytes(self) -> int:
        return sum(each.numel() * each.element_size() for each in self.model.parameters())


def padded(batch: torch.Tensor) -> torch.Tensor:
    """The batch with its last row repeated until their number is a power of two: a compiled model is made once for
    each number of rows."""
    import torch

    missing = (1 << max(0, len(batch) - 1).bit_length()) - len(batch)
    return batch if not missing else torch.cat([batch, batch[-1:].expand(missing, *batch.shape[1:])])


def load(choice: Choice, weights: Path, threads: int | None, settings: EmbedSettings) -> Loaded:
    """Raise EmbedderFailed when the weights or the packages do not do, BadSetting for a device that is not here."""
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
    except Exception as error:  # whatever a damaged file does to torch or safetensors
        raise EmbedderFailed(
            f"{choice.model} could not be loaded from {weights.name}: {first_line(error)}",
            "Fetch the weights again (`magpie models pull`), or free some memory.",
        ) from error
    model.eval()
    size = model.visual.image_size
    side = max(size) if isinstance(size, tuple | list) else int(size)
    prepared = preparation(prepare, side, on_device=settings.resize == "device")
    return Loaded(model, prepared, tokenizer, choice, partial(_compiled, choice.device) if settings.compiled else None)


def _compiled(device: str, encode: Any) -> Any:
    """By torch's compiler, with CUDA graphs where there is CUDA."""
    import torch

    return torch.compile(encode, mode="reduce-overhead" if device.startswith("cuda") else "default", dynamic=False)


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
def running() -> Iterator[None]:
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
