"""Measure how well the tiny CLIP distinguishes pictures, to choose the floors of cosines."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rag.adapters.openclip import open_embedder
from rag.ports import Embedder
from tests.support.tiny_clip import TINY
from tests.support.tiny_clip.shapes import COLORS, HELD_OUT, SHAPES, draw

PAIRS = [(color, shape) for color in COLORS for shape in SHAPES]
EACH = 6

FOREIGN = (
    "quarterly budget of the northern office",
    "the roof leaks",
    "green energy",
    "who approved the red team report?",
    "tide table of March",
    "what is the price of a boat",
    "printed circuit",
    "cross-border payments",
)
"""Questions without a matching picture."""


def first_right(embedder: Embedder, folder: Path, seed: int = 4711) -> dict[tuple[str, str], bool]:
    """Return for each color and shape whether its caption ("a green triangle") is nearest to one of its pictures."""
    vectors, kinds = _pictures(embedder, folder, seed)
    best = (_captions(embedder) @ vectors.T).argmax(axis=1)
    return {pair: kinds[index] == pair for pair, index in zip(PAIRS, best, strict=True)}


def measure(weights: Path) -> Iterator[str]:
    """Yield the lines of a report about a weights file."""
    embedder = open_embedder(TINY.model_copy(update={"weights": str(weights)}), 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vectors, kinds = _pictures(embedder, folder, 4711)
        near = _captions(embedder) @ vectors.T
        own = np.array([[kind == pair for kind in kinds] for pair in PAIRS])
        held = np.array([pair in HELD_OUT for pair in PAIRS])
        best = own[np.arange(len(PAIRS)), near.argmax(axis=1)]
        yield f"nearest to own picture: {best[~held].mean():.0%} trained captions, {best[held].mean():.0%} held out"
        yield f"matching pairs:     {_spread(near[own])}; held out {_spread(near[held][own[held]])}"
        yield f"other pairs:        {_spread(near[~own])}"
        foreign = (np.array(embedder.embed_texts(FOREIGN)) @ vectors.T).max(axis=1)
        yield f"foreign questions:  {_spread(foreign)} with the nearest picture"
        yield f"the same, as JPEG:  {_spread(_similarity_to_copies(embedder, folder, vectors, 'jpeg'))}"
        yield f"the same, cropped:  {_spread(_similarity_to_copies(embedder, folder, vectors, 'crop'))}"
        same = np.array([[first == second for second in kinds] for first in kinds])
        between = vectors @ vectors.T
        yield f"of another kind:    {_spread(between[~same])}"


def _pictures(embedder: Embedder, folder: Path, seed: int) -> tuple[NDArray[np.float32], list[tuple[str, str]]]:
    rng = random.Random(seed)
    kinds = [pair for pair in PAIRS for _ in range(EACH)]
    for number, pair in enumerate(kinds):
        draw(rng, *pair).picture.save(folder / f"{number}.png")
    return _embedded(embedder, [folder / f"{number}.png" for number in range(len(kinds))]), kinds


def _similarity_to_copies(
    embedder: Embedder, folder: Path, vectors: NDArray[np.float32], how: str
) -> NDArray[np.float32]:
    """Return the cosines of pictures with copies saved as a low-quality JPEG or cropped by 4 of 128 pixels per side."""
    paths = []
    for number in range(len(vectors)):
        with Image.open(folder / f"{number}.png") as image:
            paths.append(folder / f"{how}-{number}.jpg")
            cut = image.crop((4, 4, image.width - 4, image.height - 4)) if how == "crop" else image
            cut.save(paths[-1], quality=60)
    return np.asarray((_embedded(embedder, paths) * vectors).sum(axis=1))


def _embedded(embedder: Embedder, paths: list[Path]) -> NDArray[np.float32]:
    return np.array([vector for vector in embedder.embed_pictures(paths) if vector is not None])


def _captions(embedder: Embedder) -> NDArray[np.float32]:
    return np.array(embedder.embed_texts([f"a {color} {shape}" for color, shape in PAIRS]))


def _spread(cosines: NDArray[np.float32]) -> str:
    low, middle, high = np.percentile(cosines, [1, 50, 99])
    return f"{low:.2f} {middle:.2f} {high:.2f} (1st, 50th, 99th of 100)"
