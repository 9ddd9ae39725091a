"""Workers: the effect of each kind of error on the work that raised it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from math import inf
from time import time

import pytest
from sqlalchemy import Connection, select

from bot.db import ephemeral_messages, jobs, tables
from bot.db.ephemeral_messages import EphemeralRequest, put_apology, put_ephemeral_request
from bot.db.jobs import Job, JobKind
from bot.jobs.worker import MAX_ATTEMPTS, Failure, JobWorker, WakeUp, classify, retry_delay, run_loop
from bot.slack.errors import RateLimited, Refused, Stopping, Superseded
from bot.slack.messages.answer_texts import FAILED
from rag import Busy, NotFound, OperatorMustAct, Rag, RoundRobin, Settings, TryAgain
from tests.support.migrated import open_rag


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path_factory.mktemp("worker")), histories=[tables.HISTORY]) as rag:
        yield rag


@pytest.fixture
def rag(opened: Rag) -> Rag:
    with opened.write_transaction() as connection:
        connection.execute(tables.job.delete())
    return opened


def failing(error: Exception) -> Callable[[Job], None]:
    def handler(job: Job) -> None:
        raise error

    return handler


def worker(rag: Rag, handler: Callable[[Job], None], max_age: float = inf) -> JobWorker:
    with rag.write_transaction() as connection:
        jobs.request(connection, JobKind.SWEEP)
    return JobWorker(rag, {JobKind.SWEEP: handler}, max_age=max_age)


def state(rag: Rag) -> list[tuple[str, int, int]]:
    with rag.read_transaction() as connection:
        rows = connection.execute(select(tables.job.c.state, tables.job.c.attempts, tables.job.c.delays))
        return [(row.state, row.attempts, row.delays) for row in rows]


def make_due(connection: Connection) -> None:
    connection.execute(tables.job.update().values(next_try=0))


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TryAgain("later"), Failure.TRY_AGAIN),
        (Busy("later"), Failure.TRY_AGAIN),
        (OperatorMustAct("token", "mend it"), Failure.OPERATOR),
        (Refused("channel_not_found"), Failure.REFUSED),
        (Superseded(), Failure.SUPERSEDED),
        (Stopping(), Failure.STOPPING),
        (NotFound("no file"), Failure.FAULT),
        (ZeroDivisionError(), Failure.FAULT),
    ],
)
def test_classifies_errors(error: Exception, failure: Failure) -> None:
    assert classify(error) is failure


def test_delays_double_up_to_a_limit() -> None:
    assert [retry_delay(delays) for delays in (0, 1, 2, 5, 6, 10_000)] == [1, 2, 4, 32, 60, 60]
    assert retry_delay(6, 10) == 10


def test_runs_jobs_that_have_a_handler_and_no_others(rag: Rag) -> None:
    ran: list[JobKind] = []
    sweeps = worker(rag, lambda job: ran.append(job.kind))
    with rag.write_transaction() as connection:
        jobs.request(connection, JobKind.PURGE)
    assert sweeps.step()
    assert not sweeps.step()
    assert ran == [JobKind.SWEEP]
    assert len(state(rag)) == 1


@pytest.mark.parametrize("error", [TryAgain("later"), OperatorMustAct("token", "mend it"), Stopping()])
def test_work_that_may_succeed_later_is_retried_without_limit(rag: Rag, error: Exception) -> None:
    sweeps = worker(rag, failing(error))
    for delays in range(1, MAX_ATTEMPTS + 3):
        assert sweeps.step()
        assert not sweeps.step()  # not due yet
        assert state(rag) == [("waiting", 0, delays)]
        with rag.write_transaction() as connection:
            make_due(connection)


def test_work_refused_by_slack_is_dropped(rag: Rag) -> None:
    assert worker(rag, failing(Refused("channel_not_found"))).step()
    assert state(rag) == []


def test_work_that_fails_with_a_fault_is_dropped_after_max_attempts(rag: Rag) -> None:
    sweeps = worker(rag, failing(ZeroDivisionError()))
    for attempts in range(1, MAX_ATTEMPTS + 1):
        assert sweeps.step()
        assert state(rag) == ([("waiting", attempts, attempts)] if attempts < MAX_ATTEMPTS else [])
        with rag.write_transaction() as connection:
            make_due(connection)


def test_work_that_crashes_the_process_is_dropped_after_max_attempts(rag: Rag) -> None:
    ran: list[int] = []
    sweeps = worker(rag, lambda job: ran.append(job.attempts))
    for _ in range(MAX_ATTEMPTS):
        with rag.write_transaction() as connection:
            jobs.claim(connection, [JobKind.SWEEP], RoundRobin())
            jobs.release_claims(connection)
    assert sweeps.step()
    assert (ran, state(rag)) == ([], [])


def test_work_that_is_too_old_is_dropped_instead_of_retried(rag: Rag) -> None:
    assert worker(rag, failing(TryAgain("later")), max_age=-1).step()
    assert state(rag) == []


@pytest.mark.parametrize("kind", ephemeral_messages.KINDS)
def test_person_is_told_that_their_request_was_given_up(rag: Rag, kind: JobKind) -> None:
    """A notice is dropped, and Home is not updated."""
    asked = EphemeralRequest(kind, "C1", "U1", "which port", "1.5", "https://hooks.slack.com/1", {"ts": "1.5"})
    with rag.write_transaction() as connection:
        put_ephemeral_request(connection, asked)
    handlers = dict.fromkeys(ephemeral_messages.KINDS, failing(TryAgain("later")))
    assert JobWorker(rag, handlers, max_age=-1, apologize=put_apology).step()
    with rag.write_transaction() as connection:
        said = jobs.claim(connection, ephemeral_messages.KINDS, RoundRobin())
    told = EphemeralRequest(JobKind.SAY, "C1", "U1", FAILED, "1.5", "https://hooks.slack.com/1")
    expected = [] if kind in (JobKind.SAY, JobKind.HOME) else [told]
    assert [EphemeralRequest.of(job) for job in (said,) if job] == expected


class Sweeps:
    """Satisfies Refill: it requests a sweep."""

    def __init__(self, rag: Rag) -> None:
        self._rag = rag

    def is_waiting(self) -> bool:
        return True

    def release(self) -> bool:
        with self._rag.write_transaction() as connection:
            jobs.request(connection, JobKind.SWEEP)
        return True


def test_refills_when_no_job_is_due(rag: Rag) -> None:
    ran: list[int] = []
    sweeps = JobWorker(rag, {JobKind.SWEEP: lambda job: ran.append(job.id)}, refill=Sweeps(rag))
    assert sweeps.idle_seconds() < 1
    assert sweeps.step()
    assert len(ran) == 1


def test_retry_waits_as_long_as_slack_asks(rag: Rag) -> None:
    sweeps = worker(rag, failing(RateLimited(40)))
    before = time()
    assert sweeps.step()
    with rag.read_transaction() as connection:
        due = jobs.next_due(connection, [JobKind.SWEEP])
    assert due is not None
    assert 40 <= due - before < 60


@pytest.mark.parametrize("error", [RateLimited(40), OperatorMustAct("missing_scope", "mend it")])
@pytest.mark.parametrize("together", [True, False])
def test_jobs_that_would_fail_alike_are_delayed_together(rag: Rag, error: Exception, together: bool) -> None:
    tried: list[int] = []

    def handler(job: Job) -> None:
        tried.append(job.id)
        raise error

    with rag.write_transaction() as connection:
        for number in range(20):
            jobs.request(connection, JobKind.CHECK_FILE, key=f"F{number}")
    checks = JobWorker(rag, {JobKind.CHECK_FILE: handler}, together=together)
    while checks.step():
        pass
    assert len(tried) == (1 if together else 20)


def test_idle_worker_waits_until_its_next_job_is_due(rag: Rag) -> None:
    sweeps = worker(rag, failing(RateLimited(2)))
    assert sweeps.idle_seconds() == 0.5
    sweeps.step()
    assert 0.5 < sweeps.idle_seconds() <= 2
    with rag.write_transaction() as connection:
        connection.execute(tables.job.delete())
    assert sweeps.idle_seconds() == 30


def test_loop_runs_until_stopped_and_is_woken() -> None:
    wake_up, stop, steps = WakeUp(), threading.Event(), threading.Semaphore(0)

    def step() -> bool:
        steps.release()
        return False

    thread = threading.Thread(target=run_loop, args=(step, wake_up, stop))
    thread.start()
    try:
        assert steps.acquire(timeout=10)
        wake_up.notify()
        assert steps.acquire(timeout=10)
    finally:
        stop.set()
        wake_up.notify()
        thread.join(10)
    assert not thread.is_alive()
