"""Measure how well the tiny cross-encoder tells scenes apart that have the same words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from rag.adapters.cross_encoder import CrossEncoderReranker
from tests.support.tiny_cross_encoder import TINY
from tests.support.tiny_cross_encoder.scenes import objects, passage_about, question_about, random_scene

EACH = 200


def measure(folder: Path, seed: int = 4711) -> Iterator[str]:
    """Yield the lines of a report about a model's folder."""
    reranker = CrossEncoderReranker(str(folder), TINY, 1)
    for held_out in (False, True):
        rng = random.Random(seed)
        right = sum(prefers_right(reranker, rng, held_out=held_out) for _ in range(EACH)) / EACH
        yield f"prefers the right one of two scenes with the same words: {right:.0%}{', held out' if held_out else ''}"


def prefers_right(reranker: CrossEncoderReranker, rng: random.Random, *, held_out: bool) -> bool:
    scene = random_scene(rng, objects(held_out=held_out), objects(held_out=False))
    passages = [passage_about(scene, rng), passage_about(scene.swapped(), rng)]
    right, swapped = reranker.score(question_about(scene, rng), passages)
    return right > swapped
