"""Fit the decision whether anything was found, on questions whose pages are known.

Each question is asked with its own file in the scope and without it, in scopes of one, of a few and of all documents: a
small channel must decide as well as a large one. A picture is searched for among all documents alone. What is reported
was measured on documents left out of the fit.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from rag.errors import UserCanFix
from rag.evaluation.datasets import Question, read_questions
from rag.evaluation.evaluate import Searched
from rag.evaluation.metrics import Point, auroc, best_within, declined_curve
from rag.model import Scope
from rag.search.confidence import ConfidenceModel, Weight
from rag.search.confidence_signals import SIGNALS

WRONGLY = 0.03
"""The largest share of questions with an answer that may be declined."""

LEAST = 20
"""Searches with an answer, and without one, that a fit needs."""

_FOLDS = 10
_FEW = 6
"""Other documents in a scope of a few."""
_STRENGTH = 1.0
"""Of the ridge penalty on the weights of standardised signals."""
_STEPS = 50

_LENIENCE: Mapping[str, float] = {"few": 5.0}
"""How many times as many may be declined wrongly. Scopes of a large index stand in for small indexes here and overstate
it: in indexes of one to three documents about half as many were. And people know what is in a small one: an answer from
the wrong page looks foolish there, and the nearest pages are shown anyway."""

_Matrix: TypeAlias = npt.NDArray[np.float64]


class Trainable(Searched, Protocol):
    """What a decision is fitted for; `Rag` is one."""

    def keep_decisions(self, decisions: Mapping[str, ConfidenceModel]) -> Path: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """A search: its signals, whether its answer was there, and the file whose fold it belongs to."""

    signals: Mapping[str, float]
    present: bool
    file: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """`path`: where it lies now. `curve`: what each threshold would decline, on documents left out."""

    path: Path
    decisions: Mapping[str, ConfidenceModel]
    curves: Mapping[str, Sequence[Point]]


def train_decision(rag: Trainable, questions: Path, wrongly: float, report: Callable[[int, int], None]) -> Fitted:
    """Fit on a question file and keep the decision with `rag`. `report` is told (asked, all).

    `wrongly` is the largest share, 0 to 1, of questions with an answer that may be declined. Raise UserCanFix for a
    file with too few questions about files that are indexed.
    """
    rows = read_questions(questions)
    ids: dict[str, set[int]] = {}
    for document in rag.documents(Scope.operator()):
        ids.setdefault(document.name, set()).add(document.id)
    todo = [
        (question, *turn)
        for question in rows
        if not question.pages or question.file in ids
        for turn in _turns(question, ids)
    ]
    samples: dict[str, list[Sample]] = {name: [] for name in SIGNALS}
    report(0, len(todo))
    for done, (question, scope, present) in enumerate(todo, 1):
        if question.image is None:
            signals = rag.find(question.query, scope).signals
        else:
            signals = rag.find_picture(question.image, scope).signals
        for name in _decided(question, scope):
            looked_at = {one: signals[one] for one in SIGNALS[name] if one in signals}
            samples[name].append(Sample(looked_at, present, question.file))
        report(done, len(todo))
    enough = {
        name: rows
        for name, rows in samples.items()
        if min(sum(row.present for row in rows), sum(not row.present for row in rows)) >= LEAST
    }
    if not enough or any(len({row.file for row in rows}) < 2 for rows in enough.values()):
        raise UserCanFix(
            f"{questions.name} has too few questions about indexed files to fit a decision on.",
            f"Give at least {LEAST} whose pages are known, about two files or more, and index these first.",
        )
    made = {name: fit(rows, min(1.0, wrongly * _LENIENCE.get(name, 1.0))) for name, rows in enough.items()}
    decisions = {name: decision for name, (decision, _) in made.items()}
    return Fitted(rag.keep_decisions(decisions), decisions, {name: curve for name, (_, curve) in made.items()})


def _decided(question: Question, scope: Scope) -> tuple[str, ...]:
    """The decisions that a search in this scope is an example for."""
    if question.image is not None:
        return ("picture",)
    return ("question",) if scope.documents is None else ("question", "few")


def _turns(question: Question, ids: Mapping[str, set[int]]) -> Iterator[tuple[Scope, bool]]:
    """(scope, whether the answer is in it); the same ones each time."""
    everything, own = Scope.operator(), frozenset(ids.get(question.file, ()))
    present = bool(question.pages)
    others = sorted(id_ for rows in ids.values() for id_ in rows if id_ not in own)
    dice = random.Random(question.id)
    few = frozenset(dice.sample(others, min(_FEW, len(others))))
    yield everything, present
    if present:
        yield replace(everything, without=own), False
    if question.image is not None:
        # A picture is told from strangers by itself, not by how many there are; and it is read anew in every search.
        return
    if present:
        yield replace(everything, documents=own), True
        yield replace(everything, documents=own | few), True
    if few:
        yield replace(everything, documents=few), False
        yield replace(everything, documents=frozenset(sorted(few)[:1])), False


def fit(samples: Sequence[Sample], wrongly: float) -> tuple[ConfidenceModel, list[Point]]:
    """A decision on all of them, and its curve: each file judged by a fit on the files of the other folds."""
    names = sorted({name for row in samples for name in row.signals})
    files = sorted({row.file for row in samples}, key=lambda file: hashlib.sha256(file.encode()).digest())
    fold = {file: number % _FOLDS for number, file in enumerate(files)}
    held = [0.0] * len(samples)
    for number in sorted(set(fold.values())):
        bias, weights = _fit([row for row in samples if fold[row.file] != number], names)
        judge = ConfidenceModel(bias, weights, 0.0)
        held = [
            judge.confidence(row.signals) if fold[row.file] == number else one
            for row, one in zip(samples, held, strict=True)
        ]
    present = [one for row, one in zip(samples, held, strict=True) if row.present]
    absent = [one for row, one in zip(samples, held, strict=True) if not row.present]
    curve = declined_curve(present, absent)
    best = best_within(curve, wrongly)
    bias, weights = _fit(samples, names)
    area = auroc(present, absent)
    return ConfidenceModel(bias, weights, best.threshold, len(samples), area or 0.0, best.absent, best.present), curve


def _fit(samples: Sequence[Sample], names: Sequence[str]) -> tuple[float, dict[str, Weight]]:
    """Ridge logistic regression by iteratively reweighted least squares (Hastie, Tibshirani and Friedman, The Elements
    of Statistical Learning, 4.4.1), on standardised signals; the bias is not penalised. Present and absent count the
    same in all, however many there are of each: the probability is that of an even chance before the search."""
    raw = np.array([[row.signals.get(name, np.nan) for name in names] for row in samples], dtype=np.float64)
    raw = raw.reshape(len(samples), len(names))
    known = ~np.isnan(raw)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, raw, 0).sum(axis=0) / counts
    scale = np.sqrt(np.where(known, (raw - mean) ** 2, 0).sum(axis=0) / counts)
    scale = np.where(scale > 1e-9, scale, 1.0)
    x = np.column_stack([np.ones(len(samples)), np.where(known, (raw - mean) / scale, 0)])
    y = np.array([row.present for row in samples], dtype=np.float64)
    each = np.where(y > 0, len(y) / 2 / max(y.sum(), 1), len(y) / 2 / max((1 - y).sum(), 1))
    penalty = np.diag([1e-9, *[_STRENGTH] * len(names)])
    beta: _Matrix = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        guess = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        spread = each * np.maximum(guess * (1 - guess), 1e-9)
        step = np.linalg.solve(x.T @ (x * spread[:, None]) + penalty, x.T @ (each * (y - guess)) - penalty @ beta)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    rounded = np.round(beta, 4)
    weights = {
        name: Weight(round(float(mean[i]), 4), max(round(float(scale[i]), 4), 1e-4), float(rounded[i + 1]))
        for i, name in enumerate(names)
    }
    return float(rounded[0]), weights
