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
from rag import AllowedDocument, Scope, Settings
from tests.support.migrated import migrated, open_rag

MANY = 40_000
IDS = list(range(1, MANY + 1))
TS = [f"{id}.1" for id in IDS]
DEFAULT_LIMIT = 32_766

SHOWN = [AllowedDocument(id, f"{id:064}", ("C1",)) for id in IDS]
ASKED = Question("C1", "1.1", "1.1", "U1", "which port?")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with (
        open_rag(Settings(data=migrated(tmp_path, tables.HISTORY)), histories=[tables.HISTORY]) as rag,
        rag.write_transaction() as connection,
    ):
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, DEFAULT_LIMIT)
        yield connection


def used_by_replies(connection: Connection) -> bool:
    questions.put_question(connection, ASKED)
    connection.execute(tables.question.update().values(used=[{"document": 1, "page": 1}]))
    return questions.used_by_replies(connection, "C1", TS) == {"1.1": [UsedPage(1, 1)]}


def documents_of_replies(connection: Connection) -> bool:
    access_log.log_access(connection, ASKED, SHOWN[:1], "C1")
    return access_log.documents_of_replies(connection, "C1", TS) == {"1.1": {1}}


def scrub(connection: Connection) -> bool:
    """Every document of the log is gone."""
    access_log.log_access(connection, ASKED, SHOWN, "C1")
    return access_log.scrub(connection) == 1


def list_accesses(connection: Connection) -> bool:
    access_log.log_access(connection, ASKED, SHOWN, "C1")
    return access_log.list_accesses(connection, f"{1:064}")[0].removed


def stale_evidence(connection: Connection) -> bool:
    evidence.put_evidence(connection, "C1", {f"F{id}": id for id in IDS})
    return len(evidence.stale_evidence(connection, MANY, 0.0)) == MANY


def drop_evidence(connection: Connection) -> bool:
    evidence.put_evidence(connection, "C1", {f"F{id}": id for id in IDS})
    evidence.drop_evidence(connection, [f"F{id}" for id in IDS])
    return not evidence.stale_evidence(connection, 1, 0.0)


def are_names_current(connection: Connection) -> bool:
    used = [UsedPage(id, 1, name="00000000", post=f"C1|{id}.1|00000000") for id in IDS]
    named = [UsedPage(id, 1, name="00000000") for id in IDS]
    scope = Scope.of("C1")
    return not any(access_log.are_names_current(connection, pages, scope) for pages in (used, named))


def scrub_feedback(connection: Connection) -> bool:
    rows = [{"at": 1, "channel": "C1", "ts": ts, "user": "U1", "verdict": Rating.BAD, "asker": "U1"} for ts in TS]
    texts = {"text": "which port?", "answer": "8443", "passages": [], "documents": [[1, ""]]}
    connection.execute(tables.feedback.insert(), [{**row, **texts} for row in rows])
    feedback.scrub(connection)
    return not any(row.answer for row in feedback.list_bad(connection))


def drop_uploads(connection: Connection) -> bool:
    connection.execute(tables.upload.insert().values(file="F1", question=1))
    uploads.drop_uploads(connection, [f"F{id}" for id in IDS])
    return uploads.abandoned_uploads(connection) == ([], 0)


def release_receipts(connection: Connection) -> bool:
    receipts.request_receipt(connection, "C1", "1.1", "F1", "U1")
    jobs.release(connection, IDS)
    return bool(connection.execute(tables.job.select()).one().state == JobState.WAITING)


CALLS: list[Callable[[Connection], bool]] = [
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
def test_takes_more_values_than_sqlite_binds(call: Callable[[Connection], bool], connection: Connection) -> None:
    assert call(connection)
