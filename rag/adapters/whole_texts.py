"""Vectors of whole texts from servers that refuse texts longer than their context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rag.adapters.unit_rows import unit_rows
from rag.errors import EmbedderFailed, ModelUnfit
from rag.ports import Vector


class TextTooLong(ModelUnfit):
    """A text has more tokens than the model reads."""


def embed_whole(
    texts: Sequence[str], prefix: str, request: Callable[[list[str]], Sequence[Any]], remedy: str
) -> list[Vector]:
    """Return one unit vector for each text, from one request if all texts fit.

    `request` returns the server's rows for texts with the prefix, and raises TextTooLong if one does not fit. Such a
    text is embedded in halves, whose vectors are averaged. Raise EmbedderFailed, with `remedy`, for another number of
    rows, rows of different lengths or invalid values.
    """
    try:
        found = request([prefix + text for text in texts])
    except TextTooLong:
        if len(texts) > 1:
            return [vector for text in texts for vector in embed_whole([text], prefix, request, remedy)]
        if len(texts[0]) < 2:
            raise
        half = len(texts[0]) // 2
        halves = (texts[0][:half], texts[0][half:])
        parts = [vector for text in halves for vector in embed_whole([text], prefix, request, remedy)]
        return unit_rows(np.mean(parts, axis=0, keepdims=True), remedy)
    if len(found) != len(texts) or len({len(row) for row in found}) != 1:
        message = f"The server sent {len(found)} vectors for {len(texts)} texts, or vectors of different lengths."
        raise EmbedderFailed(message, remedy)
    return unit_rows(np.asarray(found), remedy)
