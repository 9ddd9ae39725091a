"""In PostgreSQL, claims need no lock that other writers wait for: workers that claim at once get different rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest
from sqlalchemy import Connection

from bot.db import jobs
from bot.db.jobs import JobKind
from rag import RoundRobin
from rag.catalog import documents, extractions, sources
from rag.catalog.shares import Share, record_share
from rag.catalog.tables import source
from tests.support.postgresql import ServerCatalog, server_catalog

WORKERS = 4
ROWS = 40


@pytest.fixture
def server() -> Iterator[ServerCatalog]:
    with server_catalog() as catalog:
        yield catalog


def put_sources(connection: Connection) -> None:
    for number in range(ROWS):
        record_share(connection, Share("path", f"file {number}", "C1", shared_by=f"U{number % 3}"))


def put_extractions(connection: Connection) -> None:
    for number in range(ROWS):
        ref = f"known {number}"
        record_share(connection, Share("drive", ref, "C1"))
        document = documents.put_document(connection, f"{number:064}", 1, "test")
        connection.execute(source.update().where(source.c.ref == ref).values(state="known", document_id=document))


def put_jobs(connection: Connection) -> None:
    for number in range(ROWS):
        jobs.request(connection, JobKind.CHECK_FILE, "C1", f"F{number}", f"U{number % 3}")


def claim_source(connection: Connection) -> int | None:
    claimed = sources.claim_source(connection, ["path"])
    return claimed.id if claimed else None


def claim_extraction(connection: Connection) -> int | None:
    claimed = extractions.claim_extraction(connection)
    return claimed.id if claimed else None


def claim_job(connection: Connection) -> int | None:
    claimed = jobs.claim(connection, [JobKind.CHECK_FILE], RoundRobin())
    return claimed.id if claimed else None


CLAIMS: dict[str, tuple[Callable[[Connection], None], Callable[[Connection], int | None]]] = {
    "sources": (put_sources, claim_source),
    "extractions": (put_extractions, claim_extraction),
    "jobs": (put_jobs, claim_job),
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_workers_that_claim_at_once_get_different_rows(kind: str, server: ServerCatalog) -> None:
    put, claim = CLAIMS[kind]
    with server.write_transaction() as connection:
        put(connection)
    ready = Barrier(WORKERS)

    def claim_all() -> list[int]:
        claimed: list[int] = []
        ready.wait()
        while True:
            with server.claim_transaction() as connection:
                found = claim(connection)
            if found is None:
                return claimed
            claimed.append(found)

    with ThreadPoolExecutor(WORKERS) as pool:
        claimed = [one for future in [pool.submit(claim_all) for _ in range(WORKERS)] for one in future.result()]
    assert len(claimed) == len(set(claimed)) == ROWS


@pytest.mark.parametrize("kind", CLAIMS)
def test_open_claim_makes_no_other_one_wait_or_take_its_row(kind: str, server: ServerCatalog) -> None:
    put, claim = CLAIMS[kind]
    with server.write_transaction() as connection:
        put(connection)
    with ExitStack() as opened:
        connections = [opened.enter_context(server.claim_transaction()) for _ in range(3)]
        assert len({claim(connection) for connection in connections} - {None}) == len(connections)
