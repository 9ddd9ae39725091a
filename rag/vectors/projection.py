"""A linear map from a text embedder's space into CLIP's text space, learned from the team's own texts.

With it, queries for CLIP's lanes are made from the text embedding alone. The map is ridge regression in closed form,
in float64, on centered vectors; the penalty is chosen on the held-out pairs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rag.errors import OperatorMustAct, TryAgain, UserCanFix
from rag.ports import Embedder, Vector
from rag.vectors.lazy_embedder import LazyEmbedder

MIN_PAIRS, MAX_PAIRS = 200, 4000
"""A map of a few hundred dimensions gains little from more pairs, and embedding them takes time."""

_PENALTIES = tuple(float(10.0**power) for power in range(-4, 3))
"""Ridge penalties tried, as multiples of the mean of the Gram matrix's diagonal."""

_HELD_OUT = 0.2
"""Share of the pairs."""

_Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Projection:
    """CLIP vector = (text vector - `from_mean`) @ `weights` + `to_mean`, as a unit row.

    `text` and `clip` are the identities of the two embedders.
    """

    text: str
    clip: str
    weights: NDArray[np.float32]
    from_mean: NDArray[np.float32]
    to_mean: NDArray[np.float32]

    def apply(self, vectors: Sequence[Vector]) -> list[Vector]:
        """Return the CLIP vector of each text vector."""
        rows = (np.asarray(vectors, dtype=np.float32) - self.from_mean) @ self.weights + self.to_mean
        return [np.ascontiguousarray(row) for row in _unit(rows.astype(np.float64)).astype(np.float32)]


@dataclass(frozen=True, slots=True)
class TrainedProjection:
    """The result of a training.

    `before` and `after` are mean cosines over the held-out pairs: of the mean CLIP vector, and of the projection.
    `right` is the share of held-out texts whose own CLIP vector is the nearest of all held-out ones to their
    projection. `strength` is the chosen ridge penalty.
    """

    path: Path
    pairs: int
    held_out: int
    strength: float
    before: float
    after: float
    right: float


def path_of(data: Path, text: str, clip: str) -> Path:
    """Return where the projection between these two embedders is stored."""
    return data / "projections" / f"{text}--{clip}.npz"


def train(
    data: Path, text: str, clip: str, text_vectors: Sequence[Vector], clip_vectors: Sequence[Vector]
) -> TrainedProjection:
    """Learn the projection from pairs (row n of both is the same text) and save it.

    Raise UserCanFix for fewer than MIN_PAIRS pairs.
    """
    if len(text_vectors) < MIN_PAIRS:
        raise UserCanFix(
            f"There are {len(text_vectors)} different texts to learn from; {MIN_PAIRS} are needed.",
            "Index more documents first.",
        )
    x, y = np.asarray(text_vectors, dtype=np.float64), np.asarray(clip_vectors, dtype=np.float64)
    order = np.random.default_rng(0).permutation(len(x))
    held_out, rest = np.split(order, [round(len(x) * _HELD_OUT)])
    tried = []
    for penalty in _PENALTIES:
        projected = _map(x[held_out], *_ridge(x[rest], y[rest], penalty))
        tried.append((float(np.mean(np.sum(projected * y[held_out], axis=1))), penalty, projected))
    after, penalty, projected = max(tried, key=lambda result: result[0])
    before = float(np.mean(y[held_out] @ _unit(y[rest].mean(axis=0, keepdims=True))[0]))
    right = float(np.mean(np.argmax(projected @ y[held_out].T, axis=1) == np.arange(len(held_out))))
    path = path_of(data, text, clip)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    weights, from_mean, to_mean = _ridge(x, y, penalty)
    temporary = path.with_suffix(".new.npz")
    np.savez(
        temporary,
        text=np.array(text),
        clip=np.array(clip),
        weights=weights.astype(np.float32),
        from_mean=from_mean.astype(np.float32),
        to_mean=to_mean.astype(np.float32),
    )
    temporary.replace(path)
    return TrainedProjection(path, len(x), len(held_out), penalty, before, after, right)


def load(data: Path, text: str, clip: str) -> Projection | str:
    """Return the projection between these two embedders, or one sentence that says why there is none."""
    path = path_of(data, text, clip)
    fix = "train it: magpie train-projection"
    if not path.is_file():
        others = sorted((data / "projections").glob("*--*.npz"))
        if others:
            return f"the projection was trained for other embedders ({others[0].stem.replace('--', ' to ')}); {fix}"
        return f"no projection was trained; {fix}"
    try:
        with np.load(path, allow_pickle=False) as saved:
            arrays = (saved["weights"], saved["from_mean"], saved["to_mean"])
            found = Projection(str(saved["text"]), str(saved["clip"]), *arrays)
    except (OSError, ValueError, KeyError, BadZipFile):
        return f"the projection {path.name} cannot be read; {fix}"
    if (found.text, found.clip) != (text, clip):
        return f"the projection {path.name} was trained for other embedders; {fix}"
    return found


def choose_texts(texts: Sequence[str]) -> list[str]:
    """Return at most MAX_PAIRS distinct texts: the same ones each time, in whatever order they come."""
    distinct = {" ".join(text.split()) for text in texts} - {""}
    return sorted(distinct, key=lambda text: hashlib.sha256(text.encode()).digest())[:MAX_PAIRS]


def _ridge(x: _Matrix, y: _Matrix, penalty: float) -> tuple[_Matrix, _Matrix, _Matrix]:
    """Return (weights, mean of x, mean of y)."""
    from_mean, to_mean = x.mean(axis=0), y.mean(axis=0)
    centered = x - from_mean
    gram = centered.T @ centered
    gram[np.diag_indices_from(gram)] += penalty * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.linalg.solve(gram, centered.T @ (y - to_mean)), from_mean, to_mean


def _map(x: _Matrix, weights: _Matrix, from_mean: _Matrix, to_mean: _Matrix) -> _Matrix:
    return _unit((x - from_mean) @ weights + to_mean)


def _unit(rows: _Matrix) -> _Matrix:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


class QuestionEmbedder(Protocol):
    """Embeds questions with the text embedder in use. `off` says why there is none."""

    @property
    def off(self) -> str: ...

    def identity(self) -> str | None: ...

    def embed_query(self, text: str) -> list[Vector]: ...


class QueryProjection:
    """Makes queries for CLIP's lanes by projecting text vectors.

    When no projection fits the two embedders, `notice` gets the reason once, and CLIP's own text tower is used.
    """

    def __init__(
        self,
        text: QuestionEmbedder,
        clip: LazyEmbedder[Embedder],
        data: Path,
        notice: Callable[[str], None],
    ) -> None:
        self._text = text
        self._clip = clip
        self._data = data
        self._notice = notice
        self._loaded: Projection | None = None
        self._last_reason = ""

    def current(self) -> Projection | str:
        """Return the projection between the embedders in use, or one sentence that says why there is none."""
        text, clip = self._text.identity(), self._clip.identity()
        if text is None:
            return f"the text embedder is off: {self._text.off}"
        if clip is None:
            return f"CLIP is off: {self._clip.off}"
        if self._loaded is not None and (self._loaded.text, self._loaded.clip) == (text, clip):
            return self._loaded
        return load(self._data, text, clip)

    def project(self, text: str) -> list[Vector] | None:
        """Return the projected vectors of a question, or None when CLIP's text tower has to embed it."""
        found = self.current()
        if not isinstance(found, str):
            self._loaded = found
            try:
                queries = self._text.embed_query(text)
                return found.apply(queries) if queries else []
            except (OperatorMustAct, TryAgain) as error:
                found = str(error).rstrip(".")
        if found != self._last_reason:
            self._last_reason = found
            self._notice(f"Embedding questions with CLIP's own text tower: {found}.")
        return None
