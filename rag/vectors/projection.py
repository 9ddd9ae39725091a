"""From a sentence embedder's space into CLIP's text space by a linear map, learned from the team's own texts.

Text queries for CLIP's lanes can then be made of the sentence embedding alone. The map is ridge regression in
closed form, float64, on centred vectors; its strength is chosen by the pairs that were held out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rag.errors import UserCanFix
from rag.ports import Vector

LEAST, MOST = 200, 4000
"""Pairs needed, and pairs taken: a map of a few hundred dimensions gains little from more, and embedding costs."""

_STRENGTHS = tuple(float(10.0**power) for power in range(-4, 3))
"""Ridge penalties tried, each times the mean of the Gram matrix's diagonal."""

_HELD_OUT = 0.2

_Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """CLIP vector = (text vector - `from_mean`) @ `weights` + `to_mean`, as a unit row."""

    text: str
    clip: str
    weights: NDArray[np.float32]
    from_mean: NDArray[np.float32]
    to_mean: NDArray[np.float32]

    def apply(self, vectors: Sequence[Vector]) -> list[Vector]:
        rows = (np.asarray(vectors, dtype=np.float32) - self.from_mean) @ self.weights + self.to_mean
        return [np.ascontiguousarray(row) for row in _unit(rows.astype(np.float64)).astype(np.float32)]


@dataclass(frozen=True, slots=True)
class Trained:
    """What training came to. Cosines are means over the held-out pairs: `before` of CLIP's mean vector, which is
    what is known of a text without looking at it, `after` of the projection. `right` is the share of held-out texts
    whose own CLIP vector lies nearest to their projection, among all held out."""

    path: Path
    pairs: int
    held_out: int
    strength: float
    before: float
    after: float
    right: float


def path_of(data: Path, text: str, clip: str) -> Path:
    """Where the projection between these two embedders lies."""
    return data / "projections" / f"{text}--{clip}.npz"


def train(data: Path, text: str, clip: str, given: Sequence[Vector], wanted: Sequence[Vector]) -> Trained:
    """Learn from pairs (row n of both is the same text) and save it. Raise UserCanFix for too few."""
    if len(given) < LEAST:
        raise UserCanFix(
            f"There are {len(given)} different texts to learn from; {LEAST} are needed.", "Index more documents first."
        )
    x, y = np.asarray(given, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    order = np.random.default_rng(0).permutation(len(x))
    held, kept = np.split(order, [round(len(x) * _HELD_OUT)])
    tried = []
    for strength in _STRENGTHS:
        made = _mapped(x[held], *_ridge(x[kept], y[kept], strength))
        tried.append((float(np.mean(np.sum(made * y[held], axis=1))), strength, made))
    after, strength, made = max(tried, key=lambda one: one[0])
    before = float(np.mean(y[held] @ _unit(y[kept].mean(axis=0, keepdims=True))[0]))
    right = float(np.mean(np.argmax(made @ y[held].T, axis=1) == np.arange(len(held))))
    path = path_of(data, text, clip)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    weights, from_mean, to_mean = _ridge(x, y, strength)
    fresh = path.with_suffix(".new.npz")
    np.savez(
        fresh,
        text=np.array(text),
        clip=np.array(clip),
        weights=weights.astype(np.float32),
        from_mean=from_mean.astype(np.float32),
        to_mean=to_mean.astype(np.float32),
    )
    fresh.replace(path)
    return Trained(path, len(x), len(held), strength, before, after, right)


def load(data: Path, text: str, clip: str) -> Projection | str:
    """The projection between these two embedders, or one sentence that says why there is none to use."""
    path = path_of(data, text, clip)
    fix = "train it: magpie train-projection"
    if not path.is_file():
        others = sorted((data / "projections").glob("*--*.npz"))
        if others:
            return f"the projection was trained for other embedders ({others[0].stem.replace('--', ' to ')}); {fix}"
        return f"no projection was trained; {fix}"
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = (kept["weights"], kept["from_mean"], kept["to_mean"])
            found = Projection(str(kept["text"]), str(kept["clip"]), *arrays)
    except (OSError, ValueError, KeyError, BadZipFile):
        return f"the projection {path.name} cannot be read; {fix}"
    if (found.text, found.clip) != (text, clip):
        return f"the projection {path.name} was trained for other embedders; {fix}"
    return found


def chosen(texts: Sequence[str]) -> list[str]:
    """At most MOST different texts, the same ones each time, whatever order they come in."""
    different = {" ".join(text.split()) for text in texts} - {""}
    return sorted(different, key=lambda text: hashlib.sha256(text.encode()).digest())[:MOST]


def _ridge(x: _Matrix, y: _Matrix, strength: float) -> tuple[_Matrix, _Matrix, _Matrix]:
    """(weights, mean of x, mean of y)"""
    from_mean, to_mean = x.mean(axis=0), y.mean(axis=0)
    centred = x - from_mean
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += strength * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.linalg.solve(gram, centred.T @ (y - to_mean)), from_mean, to_mean


def _mapped(x: _Matrix, weights: _Matrix, from_mean: _Matrix, to_mean: _Matrix) -> _Matrix:
    return _unit((x - from_mean) @ weights + to_mean)


def _unit(rows: _Matrix) -> _Matrix:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
