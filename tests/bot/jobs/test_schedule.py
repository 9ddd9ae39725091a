"""When jobs are requested: at the start, and then at their own intervals."""

from __future__ import annotations

from datetime import timedelta
from queue import Queue
from time import monotonic

from bot.db.jobs import JobKind
from bot.jobs.schedule import scheduled

HOUR = timedelta(hours=1)


def test_walks_are_requested_at_the_start_and_at_each_interval() -> None:
    requested: Queue[JobKind] = Queue()
    started = monotonic()
    with scheduled(requested.put, sweep=HOUR, walk=timedelta(seconds=0.1)):
        first = [requested.get(timeout=30) for _ in range(3)]
        assert first == [JobKind.READMIT, JobKind.WALK, JobKind.EXPIRE]
        for number in (1, 2):
            assert requested.get(timeout=30) == JobKind.WALK
            assert monotonic() - started >= 0.1 * number


def test_sweeps_have_an_interval_of_their_own() -> None:
    requested: Queue[JobKind] = Queue()
    with scheduled(requested.put, sweep=timedelta(seconds=0.1), walk=HOUR):
        assert [requested.get(timeout=30) for _ in range(3)] == [JobKind.READMIT, JobKind.WALK, JobKind.EXPIRE]
        assert {requested.get(timeout=30) for _ in range(2)} == {JobKind.SWEEP, JobKind.READMIT}


def test_requests_planned_anew_go_on() -> None:
    requested: Queue[JobKind] = Queue()
    with scheduled(requested.put, sweep=HOUR, walk=timedelta(seconds=0.1)) as plan:
        for _ in range(3):
            requested.get(timeout=30)
        plan()
        assert [requested.get(timeout=30) for _ in range(2)] == [JobKind.WALK, JobKind.WALK]
