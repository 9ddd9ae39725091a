"""Embedders without a model: texts are embedded by their hashed words, pictures by their brightness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import numpy as np
from PIL import Image

from rag.errors import EmbedderBusy, MagpieError
from rag.ports import Vector

_WINDOW = 12
"""Words of a window. It is small, so that short texts have several."""


class FakeEmbedder:
    """Satisfies ports.Embedder. A text or picture has the same vector in every process."""

    identity = "fake-embedder-1"
    dim = 64

    def windows(self, text: str) -> list[str]:
        words = text.split()
        return [" ".join(words[start : start + _WINDOW]) for start in range(0, len(words), _WINDOW)]

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.windows(text) for text in texts]

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        return [self._of_words(text) for text in texts]

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        return [self._of_colors(picture) for picture in pictures]

    def _of_words(self, text: str) -> Vector:
        vector = np.zeros(self.dim, dtype=np.float32)
        for word in text.lower().split():
            vector[crc32(word.encode()) % self.dim] += 1
        return _unit(vector)

    def _of_colors(self, picture: Path | BinaryIO) -> Vector | None:
        try:
            with Image.open(picture) as image:
                cells = np.asarray(image.convert("L").resize((8, 8)), dtype=np.float32)
        except OSError:
            return None
        return _unit(cells.reshape(-1) - 128)


def _unit(vector: Vector) -> Vector:
    if not vector.any():
        vector[0] = 1
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


class FakeTextEmbedder:
    """Satisfies ports.TextEmbedder. Words with the same first five letters are equal.

    `breaks` is raised while it is set. A request that contains the word `refuses` fails as a whole, each time.
    """

    dim = 192

    def __init__(self, identity: str = "fake-text-1") -> None:
        self._identity = identity
        self.breaks: MagpieError | None = None
        self.refuses = ""

    @property
    def identity(self) -> str:
        self._check()
        return self._identity

    def windows(self, text: str) -> list[str]:
        return FakeEmbedder().windows(text)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        self._check()
        if self.refuses and any(self.refuses in text.split() for text in texts):
            raise EmbedderBusy("Ollama did not embed: json: unsupported value: NaN.", "again")
        return [self.of_words(text.split()) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self.embed_documents(texts)

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Vector:
        vector = np.zeros(cls.dim, dtype=np.float32)
        for word in words:
            vector[crc32(word.lower()[:5].encode()) % cls.dim] += 1
        return _unit(vector)

    def _check(self) -> None:
        if self.breaks is not None:
            raise self.breaks
