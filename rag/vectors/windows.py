"""Texts that are longer than a model reads: a vector for each window of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.catalog.vectors import Unembedded
from rag.model import Modality
from rag.ports import StoredVector, Vector


def of_windows(
    texts: Sequence[Unembedded],
    windows: Callable[[Sequence[str]], list[list[str]]],
    embed: Callable[[Sequence[str]], list[Vector]],
) -> list[StoredVector]:
    """The vectors of all windows of these texts."""
    cuts = windows([waiting.text for waiting in texts]) if texts else []
    cut = [(waiting, n, text) for waiting, own in zip(texts, cuts, strict=True) for n, text in enumerate(own)]
    made = embed([text for _, _, text in cut]) if cut else []
    return [
        StoredVector(waiting.chunk, n, waiting.document, Modality.TEXT, vector)
        for (waiting, n, _), vector in zip(cut, made, strict=True)
    ]


def each(windows: Callable[[str], list[str]], texts: Sequence[str]) -> list[list[str]]:
    """The windows of many texts by what cuts one."""
    return [windows(text) for text in texts]
