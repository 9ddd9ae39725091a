"""Measures of a ranking and of a decision: pure functions of ranked pages, gold pages and confidences."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, TypeAlias

CUTS = (1, 3, 5, 10)

Page: TypeAlias = tuple[str, int]
"""File name and page, so that two documents of one name count as one."""


class Point(NamedTuple):
    """What declining below a confidence does: the shares, 0 to 1, of questions declined."""

    threshold: float
    absent: float
    present: float


def recall_at(ranked: Sequence[Page], gold: Collection[Page], k: int) -> float:
    """Gold pages among the first k, divided by the number of gold pages; 0 to 1. `gold` is not empty."""
    return len(set(ranked[:k]) & set(gold)) / len(gold)


def reciprocal_rank(ranked: Sequence[Page], gold: Collection[Page]) -> float:
    """1 / rank of the first gold page; 0 when there is none."""
    return next((1 / rank for rank, page in enumerate(ranked, 1) if page in gold), 0.0)


def ndcg_at(ranked: Sequence[Page], gold: Collection[Page], k: int) -> float:
    """Normalised discounted cumulative gain with a page being right or not; 0 to 1. `gold` is not empty."""
    gain = sum(1 / math.log2(rank + 1) for rank, page in enumerate(ranked[:k], 1) if page in gold)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return gain / ideal


def measures(rows: Iterable[tuple[Sequence[Page], Collection[Page]]]) -> dict[str, float | None]:
    """Each measure averaged over (ranked, gold) pairs."""
    pairs = list(rows)
    table = {f"recall@{k}": mean([recall_at(ranked, gold, k) for ranked, gold in pairs]) for k in CUTS}
    table["mrr"] = mean([reciprocal_rank(ranked, gold) for ranked, gold in pairs])
    table["ndcg@5"] = mean([ndcg_at(ranked, gold, 5) for ranked, gold in pairs])
    return table


def mean(values: Sequence[float]) -> float | None:
    """None over nothing: no question of that sort was asked, which is not a score of zero."""
    return math.fsum(values) / len(values) if values else None


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def auroc(present: Sequence[float], absent: Sequence[float]) -> float | None:
    """How likely a question that has an answer is given the higher confidence than one that has none; a tie
    counts half. 0.5 is guessing; None without both kinds."""
    if not present or not absent:
        return None
    below = sorted(absent)
    wins = sum(bisect_left(below, value) + bisect_right(below, value) for value in present)
    return wins / 2 / (len(present) * len(absent))


def declined_curve(present: Sequence[float], absent: Sequence[float]) -> list[Point]:
    """A point for every threshold that declines others than the one before, from declining nothing to everything."""
    if not present or not absent:
        return []
    low, high = sorted(absent), sorted(present)
    steps = sorted({*absent, *present})
    ends = [(value, bisect_left(low, value), bisect_left(high, value)) for value in steps]
    # Past the highest confidence everything is declined.
    ends.append((math.nextafter(steps[-1], math.inf), len(low), len(high)))
    return [Point(value, lost / len(low), wrong / len(high)) for value, lost, wrong in ends]


def best_within(curve: Sequence[Point], most: float) -> Point:
    """Of the points that wrongly decline at most this share, the one that rightly declines most."""
    return max((point for point in curve if point.present <= most), key=lambda point: (point.absent, -point.threshold))
