"""Metrics of a ranking and of the decision to decline: pure functions of ranked pages, gold pages and confidences."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, TypeAlias

CUTOFFS = (1, 3, 5, 10)

NamedPage: TypeAlias = tuple[str, int]
"""File name and page, so that two documents with the same name count as one."""


class ThresholdPoint(NamedTuple):
    """The shares (0 to 1) of questions that a confidence threshold declines: without (`absent`) and with an answer."""

    threshold: float
    absent: float
    present: float


def recall_at(ranked: Sequence[NamedPage], gold: Collection[NamedPage], k: int) -> float:
    """Return the share of gold pages among the first k, 0 to 1. `gold` must not be empty."""
    return len(set(ranked[:k]) & set(gold)) / len(gold)


def reciprocal_rank(ranked: Sequence[NamedPage], gold: Collection[NamedPage]) -> float:
    """Return 1 / rank of the first gold page, or 0 if there is none."""
    return next((1 / rank for rank, page in enumerate(ranked, 1) if page in gold), 0.0)


def ndcg_at(ranked: Sequence[NamedPage], gold: Collection[NamedPage], k: int) -> float:
    """Return the normalized discounted cumulative gain with binary relevance, 0 to 1. `gold` must not be empty."""
    gain = sum(1 / math.log2(rank + 1) for rank, page in enumerate(ranked[:k], 1) if page in gold)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return gain / ideal


def mean_metrics(rows: Iterable[tuple[Sequence[NamedPage], Collection[NamedPage]]]) -> dict[str, float | None]:
    """Return the mean of each metric over (ranked, gold) pairs; None for each if there are no pairs."""
    pairs = list(rows)
    table = {f"recall@{k}": mean([recall_at(ranked, gold, k) for ranked, gold in pairs]) for k in CUTOFFS}
    table["mrr"] = mean([reciprocal_rank(ranked, gold) for ranked, gold in pairs])
    table["ndcg@5"] = mean([ndcg_at(ranked, gold, 5) for ranked, gold in pairs])
    return table


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None without values: no questions is not the same as a score of zero."""
    return math.fsum(values) / len(values) if values else None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def auroc(present: Sequence[float], absent: Sequence[float]) -> float | None:
    """Return the probability that a question with an answer gets a higher confidence than one without; ties count half.

    0.5 is chance. None unless there are questions of both kinds.
    """
    if not present or not absent:
        return None
    below = sorted(absent)
    wins = sum(bisect_left(below, value) + bisect_right(below, value) for value in present)
    return wins / 2 / (len(present) * len(absent))


def declined_curve(present: Sequence[float], absent: Sequence[float]) -> list[ThresholdPoint]:
    """Return a point for every threshold that makes a difference, from declining nothing to declining everything."""
    return joint_curve([(present, absent)])


def joint_curve(sets: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[ThresholdPoint]:
    """Return the curve of several sets of (present, absent) confidences; empty unless every set has both.

    What is declined rightly is the mean of all sets, and what is declined wrongly that of the worst set.
    """
    if not sets or not all(present and absent for present, absent in sets):
        return []
    ordered = [(sorted(present), sorted(absent)) for present, absent in sets]
    thresholds = sorted({value for pair in ordered for values in pair for value in values})
    thresholds.append(math.nextafter(thresholds[-1], math.inf))  # declines everything
    return [
        ThresholdPoint(
            threshold,
            math.fsum(bisect_left(absent, threshold) / len(absent) for _, absent in ordered) / len(ordered),
            max(bisect_left(present, threshold) / len(present) for present, _ in ordered),
        )
        for threshold in thresholds
    ]


def best_within(curve: Sequence[ThresholdPoint], max_present: float) -> ThresholdPoint:
    """Return the point that rightly declines most, among those that wrongly decline at most this share."""
    return max(
        (point for point in curve if point.present <= max_present), key=lambda point: (point.absent, -point.threshold)
    )
