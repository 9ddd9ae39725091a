"""What the text embedders of model servers share: prefixes, windows, batches and names."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TypeAlias

from rag.adapters.text_model_cards import card_of
from rag.adapters.text_windows import windows_by_letters
from rag.adapters.whole_texts import embed_whole
from rag.ports import Vector
from rag.setting_groups import TextSettings

METADATA_SECONDS = 10.0
"""Metadata of a model is read from files and never waits for the model."""

SendTexts: TypeAlias = Callable[[list[str]], Sequence[Sequence[float]]]
"""Returns the rows of one request, in the order of its texts. Raises TextTooLong if one does not fit."""


class ServerEmbedder(ABC):
    """Implements ports.TextEmbedder with a model server that takes texts without prefixes."""

    def __init__(self, settings: TextSettings, model: str) -> None:
        self._settings = settings
        self._model = model
        self._card = card_of(model)

    @property
    @abstractmethod
    def identity(self) -> str: ...

    @property
    @abstractmethod
    def context(self) -> int:
        """The model's context length in tokens."""

    @property
    @abstractmethod
    def _remedy(self) -> str:
        """What helps against invalid vectors."""

    @abstractmethod
    def _connection(self) -> AbstractContextManager[SendTexts]:
        """Return a connection for the requests of one call. It raises the errors of an embedder."""

    @cached_property
    def dim(self) -> int:
        return len(self.embed_queries(["?"])[0])

    def windows(self, text: str) -> list[str]:
        return windows_by_letters(text, self._card, self.context)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._card.document)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._card.query)

    def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        found: list[Vector] = []
        size = self._settings.batch
        with self._connection() as send:
            for start in range(0, len(texts), size):
                found += embed_whole(texts[start : start + size], prefix, send, self._remedy)
        return found

    def _named(self, protocol: str, digest: str) -> str:
        """Return an identity with the model's name, what tells its weights from others, and the card's version."""
        name = re.sub("[^A-Za-z0-9_-]", "-", self._model.rsplit("/", 1)[-1])
        return f"{protocol}-{name[:30]}-{digest}-{self._card.version}"
