"""How well the tiny CLIP tells pictures apart, and which cosines to set as floors."""

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
from tests.support.tiny_clip.shapes import COLOURS, HELD_OUT, SHAPES, draw

PAIRS = [(colour, shape) for colour in COLOURS for shape in SHAPES]
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
"""Questions that no picture answers."""


def first_right(embedder: Embedder, folder: Path, seed: int = 4711) -> dict[tuple[str, str], bool]:
    """For each colour and shape: whether "a green triangle" finds one of its pictures before all others."""
    seen, kinds = _pictures(embedder, folder, seed)
    best = (_captions(embedder) @ seen.T).argmax(axis=1)
    return {pair: kinds[index] == pair for pair, index in zip(PAIRS, best, strict=True)}


def measure(weights: Path) -> Iterator[str]:
    """Lines of figures for a weights file."""
    embedder = open_embedder(TINY.model_copy(update={"weights": str(weights)}), 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seen, kinds = _pictures(embedder, folder, 4711)
        near = _captions(embedder) @ seen.T
        own = np.array([[kind == pair for kind in kinds] for pair in PAIRS])
        held = np.array([pair in HELD_OUT for pair in PAIRS])
        best = own[np.arange(len(PAIRS)), near.argmax(axis=1)]
        yield f"captions that find their own first: {best[~held].mean():.0%} trained, {best[held].mean():.0%} held out"
        yield f"right pairs:        {_spread(near[own])}; held out {_spread(near[held][own[held]])}"
        yield f"wrong pairs:        {_spread(near[~own])}"
        foreign = (np.array(embedder.embed_texts(FOREIGN)) @ seen.T).max(axis=1)
        yield f"foreign questions:  {_spread(foreign)} with their best picture"
        yield f"the same, as JPEG:  {_spread(_again(embedder, folder, seen, 'jpeg'))}"
        yield f"the same, cropped:  {_spread(_again(embedder, folder, seen, 'crop'))}"
        same = np.array([[one == other for other in kinds] for one in kinds])
        between = seen @ seen.T
        yield f"of another kind:    {_spread(between[~same])}"


def _pictures(embedder: Embedder, folder: Path, seed: int) -> tuple[NDArray[np.float32], list[tuple[str, str]]]:
    chance = random.Random(seed)
    kinds = [pair for pair in PAIRS for _ in range(EACH)]
    for number, pair in enumerate(kinds):
        draw(chance, *pair).picture.save(folder / f"{number}.png")
    return _embedded(embedder, [folder / f"{number}.png" for number in range(len(kinds))]), kinds


def _again(embedder: Embedder, folder: Path, seen: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """Cosines of the pictures with themselves, saved as a poor JPEG or with 4 of 128 pixels cut from each side."""
    paths = []
    for number in range(len(seen)):
        with Image.open(folder / f"{number}.png") as image:
            paths.append(folder / f"{how}-{number}.jpg")
            cut = image.crop((4, 4, image.width - 4, image.height - 4)) if how == "crop" else image
            cut.save(paths[-1], quality=60)
    return np.asarray((_embedded(embedder, paths) * seen).sum(axis=1))


def _embedded(embedder: Embedder, paths: list[Path]) -> NDArray[np.float32]:
    return np.array([vector for vector in embedder.embed_pictures(paths) if vector is not None])


def _captions(embedder: Embedder) -> NDArray[np.float32]:
    return np.array(embedder.embed_texts([f"a {colour} {shape}" for colour, shape in PAIRS]))


def _spread(cosines: NDArray[np.float32]) -> str:
    low, middle, high = np.percentile(cosines, [1, 50, 99])
    return f"{low:.2f} {middle:.2f} {high:.2f} (1st, 50th, 99th of 100)"
