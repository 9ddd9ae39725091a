"""Embeddings of pictures and texts with open_clip."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

from rag.adapters.openclip_model import LoadedModel, load
from rag.adapters.openclip_weights import Choice, architecture, choose, find_weights, fingerprint
from rag.adapters.text_windows import windows
from rag.adapters.unit_rows import unit_rows
from rag.errors import Unreadable
from rag.model.extraction import Modality
from rag.ports import EncoderObserver, Prepared, Vector
from rag.setting_groups import EmbedSettings

_PREPROCESSING = "p1"
"""Part of the identity. Change it when the vectors of the same weights change by more than 0.001."""

_SPECIAL_TOKENS = 2
"""The start and end token of a text window."""

_BATCHES_AHEAD = 2
"""Batches that are prepared while the model encodes one."""


class NoWatch:
    """Implements ports.Watch and records nothing."""

    def prepared(self, modality: Modality, seconds: float) -> None:
        pass

    def encoded(self, modality: Modality, count: int, seconds: float) -> None:
        pass


def open_embedder(
    settings: EmbedSettings, threads: int | None = None, watch: EncoderObserver | None = None
) -> OpenClipEmbedder:
    """Return the embedder that the settings name; loads nothing yet. `watch` observes embed_pictures and embed_texts.

    Raise WeightsMissing if the weights are not on this machine, BadSetting for an unknown model.
    """
    choice = choose(settings)
    return OpenClipEmbedder(choice, find_weights(choice), settings, threads, watch or NoWatch())


class OpenClipEmbedder:
    """Implements ports.Encoder with open_clip: fp16 on a GPU, fp32 on a CPU. The model is loaded on first use."""

    def __init__(
        self, choice: Choice, weights: Path, settings: EmbedSettings, threads: int | None, watch: EncoderObserver
    ) -> None:
        self._watch = watch
        self._choice = choice
        self._weights = weights
        self._settings = settings
        self._threads = threads
        self._is_away = False
        self._loading = threading.Lock()
        self._model: LoadedModel | None = None

    @cached_property
    def identity(self) -> str:
        name = re.sub("[^A-Za-z0-9_-]", "-", self._choice.model)
        config = f".{fingerprint(self._choice.config)[:6]}" if self._choice.config else ""
        return f"{name[:36]}-{fingerprint(self._weights)}-{_PREPROCESSING}{config}"

    @property
    def dim(self) -> int:
        return int(architecture(self._choice)["embed_dim"])

    @property
    def context(self) -> int:
        """Tokens that the text tower reads, including start and end."""
        return self._loaded.context

    @property
    def device(self) -> str:
        """The device that the settings choose, even if the model is not loaded yet."""
        return self._choice.device

    @property
    def weights_bytes(self) -> int:
        """Memory that the loaded weights take."""
        return self._loaded.weights_bytes()

    # ------------------------------------------------------------ texts

    def windows(self, text: str) -> list[str]:
        return windows(text, self.context - _SPECIAL_TOKENS, self._loaded.count)

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.windows(text) for text in texts]

    def tokens(self, text: str) -> int:
        """Return the number of tokens of a text, including start and end."""
        return self._loaded.count(text) + _SPECIAL_TOKENS

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text. The next batch is tokenized while the model encodes one."""
        size = self._settings.text_batch
        batches = [texts[start : start + size] for start in range(0, len(texts), size)]
        if len(batches) < 2:  # a query
            return [row for batch in batches for row in self._encoded(Modality.TEXT, self._tokens(batch))]
        with ThreadPoolExecutor(1, thread_name_prefix="tokens") as pool:
            return [row for batch in pool.map(self._tokens, batches) for row in self._encoded(Modality.TEXT, batch)]

    def _tokens(self, texts: Sequence[str]) -> list[Prepared]:
        with self._timed_preparing(Modality.TEXT):
            return self.prepare_texts(texts)

    def prepare_texts(self, texts: Sequence[str]) -> list[Prepared]:
        return list(self._loaded.tokenizer(list(texts)))

    def encode_texts(self, prepared: Sequence[Prepared]) -> list[Vector]:
        import torch

        return _rows(self._loaded.texts(torch.stack(list(prepared)))) if prepared else []

    # ------------------------------------------------------------ pictures

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        """Return one vector per picture. Threads decode and prepare the next batches while the model encodes one."""
        size, loaded = self._settings.picture_batch, self._loaded
        found: list[Vector | None] = []
        with ThreadPoolExecutor(max(2, self._threads or 2), thread_name_prefix="picture") as pool:
            upcoming: list[Future[Prepared]] = []

            def prepare_ahead(start: int) -> None:
                following = pictures[start + len(upcoming) : start + size * (1 + _BATCHES_AHEAD)]
                upcoming.extend(pool.submit(self._prepared, loaded, picture) for picture in following)

            for start in range(0, len(pictures), size):
                prepare_ahead(start)
                tensors = [_result(future) for future in upcoming[:size]]
                del upcoming[:size]
                decoded = [tensor for tensor in tensors if tensor is not None]
                vectors = iter(self._encoded(Modality.PICTURE, decoded))
                found += [None if tensor is None else next(vectors) for tensor in tensors]
        return found

    def prepare_picture(self, picture: bytes) -> Prepared:
        return self._loaded.prepare.picture(picture)

    def encode_pictures(self, prepared: Sequence[Prepared]) -> list[Vector]:
        return _rows(self._loaded.images(list(prepared))) if prepared else []

    # ------------------------------------------------------------ timing

    def _prepared(self, loaded: LoadedModel, picture: Path) -> Prepared:
        with self._timed_preparing(Modality.PICTURE):
            return loaded.prepare.picture(picture)

    @contextmanager
    def _timed_preparing(self, modality: Modality) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self._watch.prepared(modality, perf_counter() - started)

    def _encoded(self, modality: Modality, prepared: Sequence[Prepared]) -> list[Vector]:
        started = perf_counter()
        vectors = self.encode_pictures(prepared) if modality is Modality.PICTURE else self.encode_texts(prepared)
        self._watch.encoded(modality, len(vectors), perf_counter() - started)
        return vectors

    def forward_alone(self, modality: Modality, rows: int) -> Callable[[], None]:
        """Return a forward pass over so many random pictures or full-length texts, to measure the model alone."""
        return self._loaded.forward_alone(modality, rows)

    # ------------------------------------------------------------ GPU sharing

    @property
    def _loaded(self) -> LoadedModel:
        with self._loading:
            if self._model is None:
                model = load(self._choice, self._weights, self._threads, self._settings)
                if self._is_away:
                    model.move("cpu")
                self._model = model
            return self._model

    def offload(self) -> None:
        """Move the weights to main memory and free the GPU's cache. Does nothing on a CPU."""
        self._is_away = True
        with self._loading:
            if self._model is not None and self._model.device != "cpu":
                self._model.move("cpu")

    def reload(self) -> None:
        with self._loading:
            if self._model is not None and self._model.device != self._model.home:
                self._model.move(self._model.home)
        self._is_away = False


def _result(future: Future[Prepared]) -> Prepared | None:
    """Return a prepared picture, or None if it cannot be decoded."""
    try:
        return future.result()
    except Unreadable:
        return None


def _rows(features: Any) -> list[Vector]:
    return unit_rows(features.numpy(), "Download its weights again.")
