"""Background jobs: requests, claims, retries and crashes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.db import jobs, receipts, tables
from bot.db.jobs import Job, JobKind
from rag import RoundRobin
from tests.support.databases import DATABASES, AnyCatalog, open_catalog


@pytest.fixture(params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path, tables.HISTORY) as catalog:
        yield catalog


def claim(connection: Connection, kind: JobKind = JobKind.SWEEP_CHANNEL) -> Job:
    job = jobs.claim(connection, [kind], RoundRobin())
    assert job is not None
    return job


def is_idle(connection: Connection) -> bool:
    return not jobs.is_due(connection, list(JobKind)) and jobs.claim(connection, list(JobKind), RoundRobin()) is None


def test_job_requested_while_it_runs_runs_again(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for _ in range(2):
            jobs.request(connection, JobKind.SWEEP_CHANNEL, "C1")
        job = claim(connection)
        assert is_idle(connection)
        jobs.request(connection, JobKind.SWEEP_CHANNEL, "C1")
        assert is_idle(connection)  # not twice at the same time
        jobs.finish(connection, job)
        jobs.finish(connection, claim(connection))
        assert is_idle(connection)
        assert jobs.count(connection, list(JobKind)) == 0


def test_request_ends_a_delay(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        jobs.request(connection, JobKind.SWEEP_CHANNEL, "C1")
        jobs.retry(connection, claim(connection), 60, counted=False)
        assert is_idle(connection)
        jobs.request(connection, JobKind.SWEEP_CHANNEL, "C1")
        assert claim(connection).channel == "C1"


def test_retry_counts_faults_and_delays_separately(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        jobs.request(connection, JobKind.SWEEP_CHANNEL, "C1")
        for counted, attempts, delays in ((False, 1, 0), (True, 1, 1), (False, 2, 2), (True, 2, 3)):
            job = claim(connection)
            assert (job.attempts, job.delays) == (attempts, delays)
            jobs.retry(connection, job, 0, counted=counted)


def test_job_of_a_killed_process_is_due_again_and_counts_as_an_attempt(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        jobs.request(connection, JobKind.CHECK_FILE, key="F1")
        claim(connection, JobKind.CHECK_FILE)
        jobs.release_claims(connection)
        job = claim(connection, JobKind.CHECK_FILE)
        assert (job.key, job.attempts) == ("F1", 2)


def test_late_retry_does_not_restore_a_finished_job(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        receipts.request_receipt(connection, "C1", "5.1", "F1", "U1")
        jobs.release(connection, [one.id for one in receipts.held_receipts(connection)])
        job = claim(connection, JobKind.RECEIPT)
        jobs.finish(connection, job)
        jobs.retry(connection, job, 0, counted=False)
        assert is_idle(connection)


def test_receipt_is_due_after_release_and_runs_once(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for _ in range(2):
            receipts.request_receipt(connection, "C1", "5.1", "F1", "U1")
        [held] = receipts.held_receipts(connection)
        assert (held.channel, held.key, held.user) == ("C1", "5.1:F1", "U1")
        assert is_idle(connection)
        jobs.release(connection, [held.id])
        assert receipts.held_receipts(connection) == []
        job = claim(connection, JobKind.RECEIPT)
        assert receipts.message_and_file(job.key) == ("5.1", "F1")
        jobs.finish(connection, job)
        receipts.request_receipt(connection, "C1", "5.1", "F1", "U1")
        assert receipts.held_receipts(connection) == []
        assert is_idle(connection)
        assert jobs.count(connection, [JobKind.RECEIPT]) == 1
        receipts.expire(connection, 5.0)
        assert jobs.count(connection, [JobKind.RECEIPT]) == 1
        receipts.expire(connection, 6.0)
        assert jobs.count(connection, [JobKind.RECEIPT]) == 0


def test_concurrent_claims_are_disjoint(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for number in range(40):
            jobs.add(connection, JobKind.FIND, "C1", f"U{number % 7}", {})
    taken: list[int] = []

    def work() -> None:
        while True:
            with catalog.write_transaction() as connection:
                job = jobs.claim(connection, [JobKind.FIND], RoundRobin())
            if job is None:
                return
            taken.append(job.id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40
