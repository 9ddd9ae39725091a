"""Turns at the model: so many at once, the earlier turn first, and a wait that can be ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.answers.fair_lock import Key, Turns


def nothing() -> None:
    pass


class Stage:
    """Questions that come to the model when told to, and leave it when told to."""

    def __init__(self, at_once: int) -> None:
        self.turns = Turns(at_once)
        self.order: list[Key] = []
        self.most = 0
        self.changed = threading.Condition()
        self._at_work = 0

    def question(self, key: Key, come: threading.Event, leave: threading.Event) -> None:
        with self.turns.expected(key):
            assert come.wait(20)
            with self.turns.taken(key, nothing):
                with self.changed:
                    self.order.append(key)
                    self._at_work += 1
                    self.most = max(self.most, self._at_work)
                    self.changed.notify_all()
                assert leave.wait(20)
                with self.changed:
                    self._at_work -= 1

    def until(self, there: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(there, 20)


def test_a_later_turn_waits_for_an_earlier_one_that_is_on_its_way() -> None:
    stage, late, now, leave = Stage(2), threading.Event(), threading.Event(), threading.Event()
    now.set()
    leave.set()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(stage.question, (0, 2), late, leave)
        while (0, 2) not in stage.turns._expected:
            pass
        second = pool.submit(stage.question, (1, 1), now, leave)
        while (1, 1) not in stage.turns._here:
            pass
        assert stage.order == []
        late.set()
        first.result(20)
        second.result(20)
    assert stage.order == [(0, 2), (1, 1)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_no_more_than_so_many_are_at_the_model(at_once: int) -> None:
    stage, now = Stage(at_once), threading.Event()
    now.set()
    with ThreadPoolExecutor(6) as pool:
        leave = threading.Event()
        asked = [pool.submit(stage.question, (0, number), now, leave) for number in range(6)]
        stage.until(lambda: len(stage.order) == at_once)
        leave.set()
        for each in asked:
            each.result(20)
    assert stage.most <= at_once
    assert len(stage.order) == 6


def test_a_wait_is_ended_by_whoever_checks() -> None:
    stage, now, leave = Stage(1), threading.Event(), threading.Event()
    now.set()

    def stopped() -> None:
        raise InterruptedError

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stage.question, (0, 1), now, leave)
        stage.until(lambda: len(stage.order) == 1)
        with pytest.raises(InterruptedError), stage.turns.taken((0, 2), stopped):
            pass
        leave.set()
        first.result(20)
    with stage.turns.taken((0, 3), nothing):
        pass
