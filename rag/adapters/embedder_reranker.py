"""Reranking by the cosines of a text embedder, so that embedders can be compared without indexing their vectors."""

from __future__ import annotations

from collections.abc import Sequence

from rag.ports import TextEmbedder


class EmbedderReranker:
    """Implements ports.Reranker with a text embedder."""

    gives_probabilities = False

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder

    def open(self) -> None:
        _ = self._embedder.dim

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return the cosine of the nearest window of each passage, from -1 to 1 as 0 to 1."""
        query = self._embedder.embed_queries([question])[0]
        windows = [self._embedder.windows(passage) for passage in passages]
        vectors = iter(self._embedder.embed_documents([window for each in windows for window in each]))
        nearest = [max((float(query @ next(vectors)) for _ in each), default=-1.0) for each in windows]
        return [(cosine + 1) / 2 for cosine in nearest]

    def close(self) -> None:
        """Do nothing: an embedder holds nothing that has to be closed."""
