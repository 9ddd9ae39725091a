"""Statements with more values than SQLite's default of 32,766 bound variables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.db import access_log, evidence, feedback, jobs, questions, receipts, tables, uploads
from bot.db.feedback import Rating
from bot.db.jobs import JobState
from bot.db.used_pages import UsedPage
from bot.slack.events import Question
from rag import AllowedDocument, Scope
from tests.support.databases import DATABASES, open_catalog

MANY = 40_000
DEFAULT_LIMIT = 32_766

ASKED = Question("C1", "1.1", "1.1", "U1", "which port?")


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    opened = open_catalog(request.param, tmp_path, tables.HISTORY)
    with opened as catalog, catalog.write_transaction() as connection:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, DEFAULT_LIMIT)
        yield connection


def shown(ids: list[int]) -> list[AllowedDocument]:
    return [AllowedDocument(id, f"{id:064}", ("C1",)) for id in ids]


def used_by_replies(connection: Connection, ids: list[int]) -> bool:
    questions.put_question(connection, ASKED)
    connection.execute(tables.question.update().values(used=[{"document": 1, "page": 1}]))
    return questions.used_by_replies(connection, "C1", [f"{id}.1" for id in ids]) == {"1.1": [UsedPage(1, 1)]}


def documents_of_replies(connection: Connection, ids: list[int]) -> bool:
    access_log.log_access(connection, ASKED, shown(ids[:1]), "C1")
    return access_log.documents_of_replies(connection, "C1", [f"{id}.1" for id in ids]) == {"1.1": {1}}


def scrub(connection: Connection, ids: list[int]) -> bool:
    """Every document of the log is gone."""
    access_log.log_access(connection, ASKED, shown(ids), "C1")
    return access_log.scrub(connection) == 1


def list_accesses(connection: Connection, ids: list[int]) -> bool:
    access_log.log_access(connection, ASKED, shown(ids), "C1")
    return access_log.list_accesses(connection, f"{1:064}")[0].removed


def stale_evidence(connection: Connection, ids: list[int]) -> bool:
    evidence.put_evidence(connection, "C1", {f"F{id}": id for id in ids})
    return len(evidence.stale_evidence(connection, len(ids), 0.0)) == len(ids)


def drop_evidence(connection: Connection, ids: list[int]) -> bool:
    evidence.put_evidence(connection, "C1", {f"F{id}": id for id in ids})
    evidence.drop_evidence(connection, [f"F{id}" for id in ids])
    return not evidence.stale_evidence(connection, 1, 0.0)


def are_names_current(connection: Connection, ids: list[int]) -> bool:
    used = [UsedPage(id, 1, name="00000000", post=f"C1|{id}.1|00000000") for id in ids]
    named = [UsedPage(id, 1, name="00000000") for id in ids]
    scope = Scope.of("C1")
    return not any(access_log.are_names_current(connection, pages, scope) for pages in (used, named))


def scrub_feedback(connection: Connection, ids: list[int]) -> bool:
    rows = [
        {"at": 1, "channel": "C1", "ts": f"{id}.1", "user": "U1", "verdict": Rating.BAD, "asker": "U1"} for id in ids
    ]
    texts = {"text": "which port?", "answer": "8443", "passages": [], "documents": [[1, ""]]}
    connection.execute(tables.feedback.insert(), [{**row, **texts} for row in rows])
    feedback.scrub(connection)
    return not any(row.answer for row in feedback.list_bad(connection))


def drop_uploads(connection: Connection, ids: list[int]) -> bool:
    connection.execute(tables.upload.insert().values(file="F1", question=1))
    uploads.drop_uploads(connection, [f"F{id}" for id in ids])
    return uploads.abandoned_uploads(connection) == ([], 0)


def release_receipts(connection: Connection, ids: list[int]) -> bool:
    receipts.request_receipt(connection, "C1", "1.1", "F1", "U1")
    jobs.release(connection, ids)
    return bool(connection.execute(tables.job.select()).one().state == JobState.WAITING)


CALLS: list[Callable[[Connection, list[int]], bool]] = [
    used_by_replies,
    documents_of_replies,
    scrub,
    list_accesses,
    stale_evidence,
    drop_evidence,
    are_names_current,
    scrub_feedback,
    drop_uploads,
    release_receipts,
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_takes_more_values_than_sqlite_binds(
    call: Callable[[Connection, list[int]], bool], connection: Connection
) -> None:
    # PostgreSQL runs the same statements; it has no such limit on a list that is bound as one value.
    many = MANY if connection.dialect.name == "sqlite" else 40
    assert call(connection, list(range(1, many + 1)))
