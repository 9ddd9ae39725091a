"""An embedder without weights, as on a machine that has not downloaded them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rag.errors import WeightsMissing
from rag.ports import Vector


class NoEmbedder:
    """Satisfies ports.Embedder. `identity` raises WeightsMissing, after which no other method may be called."""

    dim = 0

    @property
    def identity(self) -> str:
        raise WeightsMissing("The weights are not here.", "magpie models pull")

    def windows(self, text: str) -> list[str]:
        raise AssertionError("asked without weights")

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        raise AssertionError("asked without weights")

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        raise AssertionError("asked without weights")

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        raise AssertionError("asked without weights")
