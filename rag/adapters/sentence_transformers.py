"""Text embeddings with sentence-transformers, from a folder or the local Hugging Face cache; nothing is downloaded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.adapters.hub_files import model_folder
from rag.adapters.openclip_weights import fingerprint
from rag.adapters.text_model_cards import ModelCard, card_of
from rag.adapters.text_windows import windows
from rag.adapters.unit_rows import first_line, unit_rows
from rag.errors import EmbedderFailed
from rag.ports import Vector
from rag.setting_groups import TextSettings

_DEFAULT_OWNER = "sentence-transformers"
"""Owner of the repository for a name without one."""

_DEFAULT_WINDOW = 8192
"""Characters of a window if the model reads texts of any length."""


class SentenceEmbedder:
    """Implements ports.TextEmbedder with sentence-transformers. The model is loaded on first use."""

    def __init__(self, name: str, settings: TextSettings, threads: int | None = None) -> None:
        self._name = name
        self._settings = settings
        self._threads = threads

    @cached_property
    def identity(self) -> str:
        name = re.sub("[^A-Za-z0-9_-]", "-", self._name.rstrip("/").rsplit("/", 1)[-1])
        return f"st-{name[:32]}-{folder_fingerprint(self._folder)}-{card_of(self._name).version}"

    @property
    def dim(self) -> int:
        return len(self.embed_queries(["?"])[0])

    def windows(self, text: str) -> list[str]:
        loaded = self._loaded
        return windows(text, loaded.window, loaded.count)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._loaded.card.document)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._loaded.card.query)

    def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        if not texts:
            return []
        try:
            found = self._loaded.model.encode(
                [prefix + text for text in texts],
                prompt="",  # the texts have their prefix already; the model must not add its default one
                batch_size=self._settings.batch,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        except RuntimeError as error:
            raise EmbedderFailed(
                f"The text embedder stopped: {first_line(error)}",
                "Lower MAGPIE_TEXT__BATCH, or free some memory.",
            ) from error
        return unit_rows(found, "Download its weights again.")

    @cached_property
    def _folder(self) -> Path:
        """Return the model's folder. Raise WeightsMissing, or EmbedderFailed if the package is not installed."""
        if find_spec("sentence_transformers") is None:
            raise EmbedderFailed(
                "the package sentence-transformers is not installed", "pip install sentence-transformers"
            )
        return model_folder(self._name, _DEFAULT_OWNER, "MAGPIE_TEXT__MODEL")

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(self._name, self._folder, self._settings.device, self._threads)


class _Loaded:
    """A loaded model. `window` is how much of a text it reads, in the unit of `count`."""

    def __init__(self, model: Any, card: ModelCard) -> None:
        self.model = model
        self.card = card
        tokenizer, max_length = model.tokenizer, model.max_seq_length
        if max_length and callable(tokenizer):
            self._tokenizer = tokenizer
            prefix = max(self.count(card.query), self.count(card.document))
            self.window = max(1, int(max_length) - tokenizer.num_special_tokens_to_add() - prefix)
        else:  # a static model reads any length
            self._tokenizer = None
            self.window = _DEFAULT_WINDOW

    def count(self, text: str) -> int:
        """Return the tokens of a text without special tokens; without a tokenizer, its characters + 1."""
        if self._tokenizer is None:
            return len(text) + 1
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _load(name: str, folder: Path, device: str, threads: int | None) -> _Loaded:
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except (ImportError, OSError, RuntimeError) as error:
        raise EmbedderFailed(
            f"sentence-transformers cannot be imported: {first_line(error)}",
            "pip install --upgrade sentence-transformers",
        ) from error
    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    try:
        model = SentenceTransformer(str(folder), device=None if device == "auto" else device, local_files_only=True)
    except Exception as error:  # damaged files and unknown devices raise many kinds of errors
        raise EmbedderFailed(
            f"{name} could not be loaded: {first_line(error)}",
            "Download the model again, or check MAGPIE_TEXT__MODEL and MAGPIE_TEXT__DEVICE.",
        ) from error
    model.eval()
    prompts = {key: prompt for key, prompt in (model.prompts or {}).items() if prompt}
    card = card_of(name)
    if not (card.query or card.document) and prompts:
        card = replace(
            card, query=prompts.get("query", ""), document=prompts.get("document", prompts.get("passage", ""))
        )
    return _Loaded(model, card)


def folder_fingerprint(folder: Path) -> str:
    """Return 10 hex digits of a hash of everything that vectors depend on: weights, settings and prompts."""
    digest = hashlib.sha256()
    weights = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    for path in [*weights, *sorted(folder.rglob("*.json"))]:
        relative = path.relative_to(folder)
        if relative.parts[0] not in ("onnx", "openvino"):
            digest.update(f"{relative.as_posix()} {fingerprint(path)}\n".encode())
    return digest.hexdigest()[:10]
