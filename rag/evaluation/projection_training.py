"""Teach the projection: pairs from the team's own captions, headings and chunks, embedded by both embedders."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rag.catalog.chunks import chunk_texts
from rag.errors import EmbedderFailed
from rag.ingest.chunking import PATH
from rag.ports import Embedder, TextEmbedder, Vector
from rag.vectors.lanes import ClipLane, Lanes, TextLane
from rag.vectors.projection import Trained, chosen, train

_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
"""Chunks are learned from in sentences: questions are as short."""

_BATCH = 128
"""Texts embedded between two looks at the questions that wait."""


def train_projection(lanes: Lanes, data: Path, report: Callable[[int, int], None]) -> Trained:
    """Learn the map from text vectors to CLIP's. `report` is told (embedded, all).

    Raise EmbedderFailed when one of the two embedders is off, UserCanFix for too few texts.
    """
    clip, text = _named(lanes.clip, "CLIP"), _named(lanes.text, "the text embedder")
    texts = chosen(_texts(lanes))
    given: list[Vector] = []
    wanted: list[Vector] = []
    report(0, len(texts))
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        # As questions, for questions are what is projected.
        given += lanes.text.using(partial(_queries, batch))
        wanted += lanes.clip.using(partial(_clip_texts, batch))
        report(len(given), len(texts))
    return train(data, text, clip, given, wanted)


def _named(lane: ClipLane | TextLane, name: str) -> str:
    identity = lane.identity(at_once=True)
    if identity is None:
        raise EmbedderFailed(f"A projection needs both embedders, and {name} is off: {lane.off}.", lane.fix)
    return identity


def _texts(lanes: Lanes) -> list[str]:
    """What both embedders read whole: captions, headings and sentences, in the windows of CLIP, which reads less."""
    with lanes.sync.catalog.reading() as connection:
        stored = chunk_texts(connection)
    short = {part for row in stored for part in (*row.heading.split(PATH), row.caption)}
    whole = [*short, *chosen([part for row in stored for part in _SENTENCE.split(row.text)])]
    found: list[str] = []
    for start in range(0, len(whole), _BATCH):
        batch = whole[start : start + _BATCH]
        found += lanes.clip.using(partial(_windows, batch))
    return found


def _queries(texts: Sequence[str], embedder: TextEmbedder) -> list[Vector]:
    return embedder.embed_queries(texts)


def _clip_texts(texts: Sequence[str], embedder: Embedder) -> list[Vector]:
    return embedder.embed_texts(texts)


def _windows(texts: Sequence[str], embedder: Embedder) -> list[str]:
    return [window for cut in embedder.windows_of(texts) for window in cut]
