"""Metrics of the decision, compared with their definitions."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.metrics import auroc, best_within, declined_curve, joint_curve

# Few distinct values, so that there are many ties.
confidences = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1), min_size=1, max_size=25)


@given(confidences, confidences)
def test_auroc_is_the_share_of_correctly_ordered_pairs(present: list[float], absent: list[float]) -> None:
    pairs = [(a > b) + (a == b) / 2 for a in present for b in absent]
    assert auroc(present, absent) == pytest.approx(sum(pairs) / len(pairs))


@given(confidences, confidences)
def test_auroc_of_swapped_classes_is_the_complement(present: list[float], absent: list[float]) -> None:
    there, back = auroc(present, absent), auroc(absent, present)
    assert there is not None
    assert back == pytest.approx(1 - there)


@given(confidences, confidences)
def test_points_count_what_their_threshold_declines(present: list[float], absent: list[float]) -> None:
    curve = declined_curve(present, absent)
    for point in curve:
        assert point.absent == pytest.approx(sum(value < point.threshold for value in absent) / len(absent))
        assert point.present == pytest.approx(sum(value < point.threshold for value in present) / len(present))
    assert curve[0][1:] == (0, 0)
    assert curve[-1][1:] == (1, 1)
    assert curve == sorted(curve)


@given(confidences, confidences)
def test_area_under_the_curve_is_auroc(present: list[float], absent: list[float]) -> None:
    curve = declined_curve(present, absent)
    area = sum((b.present - a.present) * (a.absent + b.absent) / 2 for a, b in itertools.pairwise(curve))
    assert area == pytest.approx(auroc(present, absent))


@given(confidences, confidences, st.floats(0, 1))
def test_best_point_is_within_the_limit_and_none_is_better(
    present: list[float], absent: list[float], most: float
) -> None:
    curve = declined_curve(present, absent)
    best = best_within(curve, most)
    assert best.present <= most
    assert best.absent == max(point.absent for point in curve if point.present <= most)


def test_returns_nothing_without_both_kinds_of_questions() -> None:
    assert auroc([], [0.5]) is None
    assert declined_curve([0.5], []) == []
    assert joint_curve([]) == joint_curve([([0.5], [0.1]), ([0.5], [])]) == []


def test_curve_of_several_sets_has_the_worst_share_of_wrongly_declined_questions() -> None:
    curve = joint_curve([([0.2, 0.9], [0.1, 0.1]), ([0.8] * 10, [0.1, 0.7])])
    assert [point for point in curve if point.threshold == 0.7] == [(0.7, 0.75, 0.5)]
    assert curve[-1][1:] == (1, 1)
