"""Texts to vectors with sentence-transformers, from a folder or from the hub's cache; the hub is never asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.adapters.openclip_weights import fingerprint
from rag.adapters.text_windows import Prefixes, prefixes_of, windows
from rag.adapters.unit_rows import first_line, unit_rows
from rag.errors import EmbedderFailed, WeightsMissing
from rag.ports import Vector
from rag.settings import TextSettings

_OWNER = "sentence-transformers"
"""Whose repository a name without an owner means."""

_UNBOUNDED = 8192
"""Characters of a window for a model that knows no longest input."""


class SentenceEmbedder:
    """TextEmbedder on sentence-transformers. The model is loaded when the first vector is wanted."""

    def __init__(self, name: str, settings: TextSettings, threads: int | None = None) -> None:
        self._name = name
        self._settings = settings
        self._threads = threads

    @cached_property
    def identity(self) -> str:
        name = re.sub("[^A-Za-z0-9_-]", "-", self._name.rstrip("/").rsplit("/", 1)[-1])
        return f"st-{name[:32]}-{_fingerprint(self._folder)}-{prefixes_of(self._name).version}"

    @property
    def dim(self) -> int:
        return len(self.embed_queries(["?"])[0])

    def windows(self, text: str) -> list[str]:
        loaded = self._loaded
        return windows(text, loaded.room, loaded.count)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._loaded.prefixes.document)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._loaded.prefixes.query)

    def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        if not texts:
            return []
        try:
            found = self._loaded.model.encode(
                [prefix + text for text in texts],
                prompt="",  # the prefix is ours: a model's own default must not come on top
                batch_size=self._settings.batch,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        except RuntimeError as error:
            raise EmbedderFailed(
                f"The text embedder stopped: {first_line(error)}",
                "Lower MAGPIE_TEXT__BATCH, or free some memory.",
            ) from error
        return unit_rows(found, "Fetch its weights again.")

    @cached_property
    def _folder(self) -> Path:
        """Where the model lies. Raise WeightsMissing, or EmbedderFailed without the package."""
        if find_spec("sentence_transformers") is None:
            raise EmbedderFailed(
                "the package sentence-transformers is not installed", "pip install sentence-transformers"
            )
        path = Path(self._name).expanduser()
        if path.is_dir():
            return path
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        repository = self._name if "/" in self._name else f"{_OWNER}/{self._name}"
        try:
            return Path(snapshot_download(repository, local_files_only=True))
        except (HFValidationError, LocalEntryNotFoundError) as error:
            raise WeightsMissing(
                f"the model {self._name} is neither a folder nor in the hub's cache on this machine",
                f"hf download {repository}, or give its folder: MAGPIE_TEXT__MODEL=st:/path/to/it",
            ) from error

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(self._name, self._folder, self._settings.device, self._threads)


class _Loaded:
    """A model, and how much of a text it reads."""

    def __init__(self, model: Any, prefixes: Prefixes) -> None:
        self.model = model
        self.prefixes = prefixes
        tokenizer, longest = model.tokenizer, model.max_seq_length
        if longest and callable(tokenizer):
            self._tokenizer = tokenizer
            taken = max(self.count(prefixes.query), self.count(prefixes.document))
            self.room = max(1, int(longest) - tokenizer.num_special_tokens_to_add() - taken)
        else:  # a static model: it reads any length
            self._tokenizer = None
            self.room = _UNBOUNDED

    def count(self, text: str) -> int:
        """Tokens of a text, special ones not counted."""
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
            f"sentence-transformers cannot be started: {first_line(error)}",
            "pip install --upgrade sentence-transformers",
        ) from error
    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    try:
        model = SentenceTransformer(str(folder), device=None if device == "auto" else device, local_files_only=True)
    except Exception as error:  # whatever a damaged file or an unknown device does to torch and transformers
        raise EmbedderFailed(
            f"{name} could not be loaded: {first_line(error)}",
            "Fetch the model again, or look at MAGPIE_TEXT__MODEL and MAGPIE_TEXT__DEVICE.",
        ) from error
    model.eval()
    own = {key: prompt for key, prompt in (model.prompts or {}).items() if prompt}
    known = prefixes_of(name)
    if known == Prefixes() and own:
        known = Prefixes(own.get("query", ""), own.get("document", own.get("passage", "")))
    return _Loaded(model, known)


def _fingerprint(folder: Path) -> str:
    """Of everything that decides over a vector: weights, the model's parts, their settings and prompts."""
    digest = hashlib.sha256()
    weights = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    for path in [*weights, *sorted(folder.rglob("*.json"))]:
        inside = path.relative_to(folder)
        if inside.parts[0] not in ("onnx", "openvino"):
            digest.update(f"{inside.as_posix()} {fingerprint(path)}\n".encode())
    return digest.hexdigest()[:10]
