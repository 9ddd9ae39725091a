"""The lock around the model: its limit, the order of rounds, and waits that end early."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.answers.fair_lock import FairLock, Key, key
from bot.db import question_queue, questions, tables
from bot.slack.errors import Superseded
from bot.slack.events import Question
from rag import Settings
from tests.support.migrated import open_rag


def nothing() -> None:
    pass


class Stage:
    """Questions that use the model when the test says so."""

    def __init__(self, at_once: int) -> None:
        self.fair = FairLock(at_once)
        self.order: list[Key] = []
        self.most = 0
        self.changed = threading.Condition()
        self._at_work = 0

    def question(self, mine: Key, come: threading.Event, leave: threading.Event) -> None:
        with self.fair.expected(mine):
            assert come.wait(20)
            with self.fair.acquire(mine, nothing):
                with self.changed:
                    self.order.append(mine)
                    self._at_work += 1
                    self.most = max(self.most, self._at_work)
                    self.changed.notify_all()
                assert leave.wait(20)
                with self.changed:
                    self._at_work -= 1

    def until(self, there: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(there, 20)


def test_later_round_waits_for_claimed_question_of_earlier_round() -> None:
    stage, late, now, leave = Stage(2), threading.Event(), threading.Event(), threading.Event()
    now.set()
    leave.set()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(stage.question, (0, 2, 0), late, leave)
        while (0, 2, 0) not in stage.fair._claimed:
            pass
        second = pool.submit(stage.question, (1, 1, 0), now, leave)
        while (1, 1, 0) not in stage.fair._waiting:
            pass
        assert stage.order == []
        late.set()
        first.result(20)
        second.result(20)
    assert stage.order == [(0, 2, 0), (1, 1, 0)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_at_most_at_once_questions_use_the_model(at_once: int) -> None:
    stage, now = Stage(at_once), threading.Event()
    now.set()
    with ThreadPoolExecutor(6) as pool:
        leave = threading.Event()
        asked = [pool.submit(stage.question, (0, number, 0), now, leave) for number in range(6)]
        stage.until(lambda: len(stage.order) == at_once)
        leave.set()
        for each in asked:
            each.result(20)
    assert stage.most <= at_once
    assert len(stage.order) == 6


def test_wait_ends_when_check_raises() -> None:
    stage, now, leave = Stage(1), threading.Event(), threading.Event()
    now.set()

    def stopped() -> None:
        raise InterruptedError

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stage.question, (0, 1, 0), now, leave)
        stage.until(lambda: len(stage.order) == 1)
        with pytest.raises(InterruptedError), stage.fair.acquire((0, 2, 0), stopped):
            pass
        leave.set()
        first.result(20)
    with stage.fair.acquire((0, 3, 0), nothing):
        pass


def test_claims_by_round_and_leaves_a_worker_for_others(tmp_path: Path) -> None:
    with open_rag(Settings(data=tmp_path), histories=[tables.HISTORY]) as rag:
        fair = FairLock(at_once=2, per_person=1)
        with rag.write_transaction() as connection:
            for number, user in enumerate(["ada", "ada", "ben"]):
                questions.put_question(connection, Question("C1", f"5.{number}", "5.1", user, "?"))
            while new := question_queue.claim_new(connection):
                question_queue.enqueue(connection, new)
            claimed = [fair.claim(connection) for _ in range(3)]
    assert [one and (one.question.user, key(one)[0]) for one in claimed] == [("ada", 0), ("ben", 0), None]


def test_two_claims_of_an_edited_question_end_one_after_the_other() -> None:
    """The first claim ends by Superseded, which must not become another error because the second claim exists."""
    fair = FairLock(1)
    with fair.expected((0, 1, 1)):
        with pytest.raises(Superseded), fair.expected((0, 1, 0)):
            raise Superseded
        with fair.acquire((0, 1, 1), nothing):
            pass


def test_edited_question_has_another_key(tmp_path: Path) -> None:
    with open_rag(Settings(data=tmp_path), histories=[tables.HISTORY]) as rag, rag.write_transaction() as connection:
        questions.put_question(connection, Question("C1", "5.1", "5.1", "ada", "?"))
        first = question_queue.claim_new(connection)
        assert first is not None
        questions.put_edit(connection, Question("C1", "5.1", "5.1", "ada", "why?"), 6.0)
        edited = questions.find_claimed(connection, "C1", "5.1")
        assert edited is not None
        assert key(edited) != key(first)


@pytest.mark.parametrize(("before", "ahead"), [(0, 0), (1, 0), (2, 1), (7, 6)])
def test_counts_the_questions_ahead(before: int, ahead: int) -> None:
    assert FairLock(at_once=2).count_ahead(before) == ahead
