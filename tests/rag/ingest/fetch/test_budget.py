"""Each host and each person has a budget of fetches an hour."""

from __future__ import annotations

import pytest

from rag.ingest.fetch.budget import FetchBudget


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_budget_is_refilled_over_the_hour() -> None:
    clock = Clock()
    budget = FetchBudget(4, 100, clock)
    assert [budget.take("a.example", "U1") for _ in range(4)] == [0, 0, 0, 0]
    assert budget.take("a.example", "U1") == pytest.approx(900)
    clock.now += 900
    assert budget.take("a.example", "U1") == 0
    assert budget.take("a.example", "U1") == pytest.approx(900)


def test_refused_fetch_is_not_counted_for_the_person() -> None:
    budget = FetchBudget(1, 2, Clock())
    assert [budget.take("a.example", "U1"), bool(budget.take("a.example", "U1"))] == [0, True]
    assert [budget.take("b.example", "U1"), bool(budget.take("c.example", "U1"))] == [0, True]
    assert budget.take("c.example", "U2") == 0


def test_operator_has_no_limits() -> None:
    budget = FetchBudget(1, 1, Clock())
    assert [budget.take("a.example", "") for _ in range(3)] == [0, 0, 0]
