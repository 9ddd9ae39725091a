"""Pictures and texts to vectors with open_clip."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.adapters.openclip_weights import Choice, choose, find_weights, fingerprint
from rag.errors import BadSetting, EmbedderFailed
from rag.ports import Vector
from rag.settings import EmbedSettings

if TYPE_CHECKING:
    import torch

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
        name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in self._choice.model)
        return f"{name[:36]}-{fingerprint(self._weights)}-{_PREPROCESSING}"

    @property
    def dim(self) -> int:
        return int(self.embed_texts(["a"])[0].shape[0])

    @property
    def context(self) -> int:
        """Tokens the text tower reads, start and end included."""
        return self._loaded.context

    # ------------------------------------------------------------ texts

    def windows(self, text: str) -> list[str]:
        room = self.context - _SPECIAL
        windows: list[str] = []
        words: list[str] = []
        size = 0
        for word, tokens in self._pieces(text, room):
            if size + tokens > room and words:
                windows.append(" ".join(words))
                words, size = [], 0
            words.append(word)
            size += tokens
        return [*windows, " ".join(words)] if words else windows

    def tokens(self, text: str) -> int:
        """Tokens of a text in the model's own vocabulary, start and end counted."""
        return self._loaded.count(text) + _SPECIAL

    def _pieces(self, text: str, room: int) -> Iterator[tuple[str, int]]:
        """Words with their number of tokens; one that alone is too long for a window comes in parts."""
        waiting = text.split()[::-1]
        while waiting:
            word = waiting.pop()
            tokens = self._loaded.count(word)
            if tokens <= room or len(word) < 2:
                yield word, min(tokens, room)
            else:
                half = len(word) // 2
                waiting += [word[half:], word[:half]]

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        import torch

        loaded, size = self._loaded, self._settings.text_batch
        found: list[Vector] = []
        for start in range(0, len(texts), size):
            tokens = loaded.tokenizer(list(texts[start : start + size])).to(self._choice.device)
            with torch.inference_mode():
                found += _rows(loaded.model.encode_text(tokens, normalize=True))
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
                    stacked = torch.stack(whole).to(self._choice.device, loaded.dtype)
                    with torch.inference_mode():
                        rows = _rows(loaded.model.encode_image(stacked, normalize=True))
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
    import open_clip
    import torch

    if threads:
        torch.set_num_threads(threads)
    if choice.config is not None:
        if not choice.config.is_file():
            raise BadSetting(f"There is no file {choice.config}.", "Set MAGPIE_EMBED__CONFIG to a model's JSON.")
        open_clip.add_model_config(choice.config)
    if choice.model not in open_clip.list_models():
        raise BadSetting(f"open_clip has no model {choice.model!r}.", "`magpie models` lists some that it has.")
    half = choice.device != "cpu"
    try:
        with warnings.catch_warnings():
            # A model built for QuickGELU says so when its weights are given as a file.
            warnings.filterwarnings("ignore", message="QuickGELU mismatch")
            model, _, prepare = open_clip.create_model_and_transforms(
                choice.model,
                pretrained=str(weights),
                precision="fp16" if half else "fp32",
                device=choice.device,
            )
            tokenizer = open_clip.get_tokenizer(choice.model)
    except Exception as error:  # whatever a damaged file does to torch or safetensors
        raise EmbedderFailed(
            f"{choice.model} could not be loaded from {weights.name}: {str(error).splitlines()[0][:200]}",
            "Fetch the weights again (`magpie models pull`), or free some memory.",
        ) from error
    model.eval()
    return _Loaded(model, prepare, tokenizer, torch.float16 if half else torch.float32)


def _prepared(path: Path, prepare: Any) -> Any:
    """The picture as the model wants it, or None when it cannot be decoded."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                image = image.convert("RGBA")
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image)
            return prepare(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _rows(tensor: torch.Tensor) -> list[Vector]:
    found = tensor.float().cpu().numpy()
    return [np.ascontiguousarray(row, dtype=np.float32) for row in found]
