"""Train the projection on the team's own captions, headings and chunks, embedded by both embedders."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rag.catalog.chunks import chunk_texts
from rag.catalog.headings import HEADING_SEPARATOR
from rag.errors import EmbedderFailed
from rag.ports import Embedder, TextEmbedder, Vector
from rag.vectors.all_indexes import VectorIndexes
from rag.vectors.indexes import ClipIndex
from rag.vectors.projection import TrainedProjection, choose_texts, train
from rag.vectors.text_indexes import TextIndexes

_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
"""Chunks are split into sentences, because questions are that short."""

_BATCH = 128
"""Texts per batch; questions are embedded between batches."""


def train_projection(indexes: VectorIndexes, data: Path, report: Callable[[int, int], None]) -> TrainedProjection:
    """Fit the map from text vectors to CLIP vectors and save it. `report` gets (texts embedded, all texts).

    Raise EmbedderFailed if one of the two embedders is off, UserCanFix for too few texts.
    """
    clip, text = _require_identity(indexes.clip, "CLIP"), _require_identity(indexes.text, "the text embedder")
    texts = choose_texts(_texts(indexes))
    text_vectors: list[Vector] = []
    clip_vectors: list[Vector] = []
    report(0, len(texts))
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        # With the prefix of queries, because only queries are projected.
        text_vectors += indexes.text.using(partial(_queries, batch))
        clip_vectors += indexes.clip.using(partial(_clip_texts, batch))
        report(len(text_vectors), len(texts))
    return train(data, text, clip, text_vectors, clip_vectors)


def _require_identity(lane: ClipIndex | TextIndexes, name: str) -> str:
    """Return the identity of a lane's embedder. Raise EmbedderFailed if it is off."""
    identity = lane.identity(at_once=True)
    if identity is None:
        raise EmbedderFailed(f"A projection needs both embedders, and {name} is off: {lane.off}.", lane.fix)
    return identity


def _texts(indexes: VectorIndexes) -> list[str]:
    """Return captions, headings and sentences, split into CLIP's windows, the shorter ones of the two embedders."""
    with indexes.sync.catalog.read_transaction() as connection:
        stored = chunk_texts(connection)
    short = {part for row in stored for part in (*row.heading.split(HEADING_SEPARATOR), row.caption)}
    parts = [*short, *choose_texts([part for row in stored for part in _SENTENCE.split(row.text)])]
    found: list[str] = []
    for start in range(0, len(parts), _BATCH):
        batch = parts[start : start + _BATCH]
        found += indexes.clip.using(partial(_windows, batch))
    return found


def _queries(texts: Sequence[str], embedder: TextEmbedder) -> list[Vector]:
    return embedder.embed_queries(texts)


def _clip_texts(texts: Sequence[str], embedder: Embedder) -> list[Vector]:
    return embedder.embed_texts(texts)


def _windows(texts: Sequence[str], embedder: Embedder) -> list[str]:
    return [window for cut in embedder.windows_of(texts) for window in cut]
