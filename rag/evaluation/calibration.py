"""Fit the decision whether anything was found, on questions whose pages are known.

Each question is searched for with and without its own file, in scopes of one, a few and all documents, because the
decision has to work in small and large channels. A picture is searched for among all documents only. The threshold is
set on the searches over all documents. The reported numbers are measured on documents left out of the fit.
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
from rag.evaluation.datasets import EvalQuestion, NamedDocument, read_questions
from rag.evaluation.evaluate import SearchEngine
from rag.evaluation.metrics import ThresholdPoint, auroc, best_within, joint_curve
from rag.model.search import Scope
from rag.search.confidence import ConfidenceModel, Weight
from rag.search.confidence_signals import SIGNALS

MIN_SEARCHES = 20
"""A fit needs this many searches with an answer, and as many without."""

_FOLDS = 10
_FEW_DOCUMENTS = 6
"""Other documents in a scope of a few."""
_RIDGE_PENALTY = 1.0
"""On the weights of standardized signals."""
_MAX_STEPS = 50

_EVERYTHING = 4.0
"""How often a search over all documents counts; one in a small scope counts once."""
_WRITTEN = 5.0
"""How often a question that was written to have no answer counts. They are few, and harder to tell apart than questions
whose file is left out."""

_LENIENCE: Mapping[str, float] = {"few": 5.0}
"""Factor on the share that may be declined wrongly. Small scopes of a large index overstate it: in indexes of one to
three documents, about half as many questions were declined. Also, people know what a small index contains: a wrong
answer is worse there, and the nearest pages are shown anyway."""

_Matrix: TypeAlias = npt.NDArray[np.float64]


class TrainableEngine(SearchEngine, Protocol):
    """The search that a decision is fitted for; implemented by `Rag`."""

    def save_confidence_models(self, decisions: Mapping[str, ConfidenceModel]) -> Path: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """A search: its signals, whether the answer was in scope, and the file that decides its fold.

    `set`: the benchmark that it is from; all sets count the same. `weight`: how often it counts in its set.
    `is_small`: the scope was a part of the documents.
    """

    signals: Mapping[str, float]
    present: bool
    file: str
    set: str = ""
    weight: float = 1.0
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class FittedDecisions:
    """The saved decisions. `curves`: what each threshold would decline, measured on documents left out of the fit."""

    path: Path
    decisions: Mapping[str, ConfidenceModel]
    curves: Mapping[str, Sequence[ThresholdPoint]]


def train_decision(
    rag: TrainableEngine, questions: Path, wrongly: float, report: Callable[[int, int], None]
) -> FittedDecisions:
    """Fit on a question file and save the decisions with `rag`. `report` gets (searches done, all searches).

    `wrongly` is the largest share (0 to 1) of questions with an answer that may be declined. Raise UserCanFix for a
    file with too few questions about indexed files.
    """
    samples = collect_samples(rag, questions, report)
    made = fit_all(samples, wrongly)
    if made is None:
        raise UserCanFix(
            f"{questions.name} has too few questions about indexed files to fit a decision on.",
            f"Give at least {MIN_SEARCHES} whose pages are known, about two files or more, and index these first.",
        )
    decisions = {name: decision for name, (decision, _) in made.items()}
    return FittedDecisions(
        rag.save_confidence_models(decisions), decisions, {name: curve for name, (_, curve) in made.items()}
    )


def collect_samples(
    rag: SearchEngine, questions: Path, report: Callable[[int, int], None], set_name: str = ""
) -> dict[str, list[Sample]]:
    """Return the searches for each decision. `report` gets (searches done, all searches)."""
    rows = read_questions(questions)
    documents = rag.documents(Scope.operator())
    todo = [
        (question, *search)
        for question in rows
        if not question.pages or question.own_documents(documents)
        for search in _searches(question, documents)
    ]
    samples: dict[str, list[Sample]] = {name: [] for name in SIGNALS}
    report(0, len(todo))
    for done, (question, scope, present) in enumerate(todo, 1):
        if question.image is None:
            signals = rag.find(question.query, scope).signals
        else:
            signals = rag.find_picture(question.image, scope).signals
        is_small = scope.documents is not None
        weight = 1.0 if is_small else _EVERYTHING * (1.0 if question.pages else _WRITTEN)
        for name in _decision_names(question, scope):
            used = {signal: signals[signal] for signal in SIGNALS[name] if signal in signals}
            samples[name].append(Sample(used, present, question.file, set_name, weight, is_small))
        report(done, len(todo))
    return samples


def fit_all(
    samples: Mapping[str, Sequence[Sample]], wrongly: float
) -> dict[str, tuple[ConfidenceModel, list[ThresholdPoint]]] | None:
    """Return {kind: its model and curve} for the kinds with enough searches; None if there are too few."""
    enough = {
        name: rows
        for name, rows in samples.items()
        if min(_count(rows, present=True), _count(rows, present=False)) >= MIN_SEARCHES
    }
    if not enough or any(len({row.file for row in rows}) < 2 for rows in enough.values()):
        return None
    return {name: fit(rows, min(1.0, wrongly * _LENIENCE.get(name, 1.0))) for name, rows in enough.items()}


def _count(samples: Sequence[Sample], *, present: bool) -> int:
    """Return the number of searches that found something, with or without the answer in their scope."""
    return sum(row.present is present for row in samples if row.signals)


def _decision_names(question: EvalQuestion, scope: Scope) -> tuple[str, ...]:
    """Return the decisions for which a search in this scope is a sample."""
    if question.image is not None:
        return ("picture",)
    return ("question",) if scope.documents is None else ("question", "few")


def _searches(question: EvalQuestion, documents: Sequence[NamedDocument]) -> Iterator[tuple[Scope, bool]]:
    """Yield (scope, whether the answer is in it) for each search of a question; deterministic."""
    everything, own = Scope.operator(), question.own_documents(documents)
    present = bool(question.pages)
    others = sorted(document.id for document in documents if document.id not in own)
    rng = random.Random(question.id)
    few = frozenset(rng.sample(others, min(_FEW_DOCUMENTS, len(others))))
    yield everything, present
    if present:
        yield replace(everything, without=own), False
    if question.image is not None:
        # The size of the scope hardly matters for a picture, and every search would extract the picture again.
        return
    if present:
        yield replace(everything, documents=own), True
        yield replace(everything, documents=own | few), True
    if few:
        yield replace(everything, documents=few), False
        yield replace(everything, documents=frozenset(sorted(few)[:1])), False


def fit(samples: Sequence[Sample], wrongly: float) -> tuple[ConfidenceModel, list[ThresholdPoint]]:
    """Return the decision fitted on all samples, and its curve, cross-validated with folds of files.

    `wrongly` is the largest share of searches over all documents that may be declined wrongly in any set. Without such
    searches, those in small scopes are counted.
    """
    names = sorted({name for row in samples for name in row.signals})
    confidences = _cross_validate(samples, names)
    judged = [pair for pair in zip(samples, confidences, strict=True) if not pair[0].is_small]
    sets: dict[str, tuple[list[float], list[float]]] = {}
    for row, confidence in judged or zip(samples, confidences, strict=True):
        sets.setdefault(row.set, ([], []))[0 if row.present else 1].append(confidence)
    curve = joint_curve(list(sets.values()))
    best = best_within(curve, wrongly)
    bias, weights = _fit(samples, names)
    areas = [auroc(present, absent) or 0.0 for present, absent in sets.values()]
    area = sum(areas) / len(areas)
    return ConfidenceModel(bias, weights, best.threshold, len(samples), area, best.absent, best.present), curve


def _cross_validate(samples: Sequence[Sample], names: Sequence[str]) -> list[float]:
    """Return the confidence of each search by a model that was fitted without its file. One without signals has 0."""
    files = sorted({row.file for row in samples}, key=lambda file: hashlib.sha256(file.encode()).digest())
    fold = {file: number % _FOLDS for number, file in enumerate(files)}
    confidences = [0.0] * len(samples)
    for number in sorted(set(fold.values())):
        bias, weights = _fit([row for row in samples if fold[row.file] != number], names)
        model = ConfidenceModel(bias, weights, 0.0)
        confidences = [
            model.confidence(row.signals) if row.signals and fold[row.file] == number else confidence
            for row, confidence in zip(samples, confidences, strict=True)
        ]
    return confidences


def _fit(samples: Sequence[Sample], names: Sequence[str]) -> tuple[float, dict[str, Weight]]:
    """Return bias and weights of a ridge logistic regression on standardized signals; the bias is not penalized.

    Samples with and without an answer have the same total weight in each set, so the probabilities assume that both are
    equally likely before the search. Searches without signals are left out: they found nothing. A higher signal makes
    an answer more likely, so a signal whose weight would be negative gets 0.
    """
    samples = [row for row in samples if row.signals]
    if not samples:
        return 0.0, {}
    raw = np.array([[row.signals.get(name, np.nan) for name in names] for row in samples], dtype=np.float64)
    raw = raw.reshape(len(samples), len(names))
    known = ~np.isnan(raw)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, raw, 0).sum(axis=0) / counts
    scale = np.sqrt(np.where(known, (raw - mean) ** 2, 0).sum(axis=0) / counts)
    scale = np.where(scale > 1e-9, scale, 1.0)
    x = np.column_stack([np.ones(len(samples)), np.where(known, (raw - mean) / scale, 0)])
    y = np.array([row.present for row in samples], dtype=np.float64)
    beta = _regress(x, y, _balance(samples))
    while (beta[1:] < 0).any():
        x[:, 1:][:, beta[1:] < 0] = 0
        beta = _regress(x, y, _balance(samples))
    rounded = np.round(beta, 4)
    weights = {
        name: Weight(round(float(mean[i]), 4), max(round(float(scale[i]), 4), 1e-4), float(rounded[i + 1]))
        for i, name in enumerate(names)
    }
    return float(rounded[0]), weights


def _regress(x: _Matrix, y: _Matrix, sample_weights: _Matrix) -> _Matrix:
    """Return the coefficients, of which the first, for a column of ones, is not penalized. A column of zeros gets 0.

    Fitted by iteratively reweighted least squares (Hastie, Tibshirani and Friedman, The Elements of Statistical
    Learning, 4.4.1).
    """
    penalty = np.diag([1e-9, *[_RIDGE_PENALTY] * (x.shape[1] - 1)])
    beta: _Matrix = np.zeros(x.shape[1])
    for _ in range(_MAX_STEPS):
        predicted = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        spread = sample_weights * np.maximum(predicted * (1 - predicted), 1e-9)
        step = np.linalg.solve(
            x.T @ (x * spread[:, None]) + penalty, x.T @ (sample_weights * (y - predicted)) - penalty @ beta
        )
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def _balance(samples: Sequence[Sample]) -> _Matrix:
    """Return the weight of each sample; those with, and those without an answer in each set have the same total."""
    totals: dict[tuple[str, bool], float] = {}
    for row in samples:
        totals[row.set, row.present] = totals.get((row.set, row.present), 0.0) + row.weight
    share = len(samples) / len(totals)
    return np.array([row.weight * share / totals[row.set, row.present] for row in samples], dtype=np.float64)
