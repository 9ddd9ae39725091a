"""Files of which the catalog does not know the message: from an old data folder, or found in a listing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.db import question_queue, questions, reply_progress, tables
from bot.inbox.recording import record
from bot.slack.files import KIND
from bot.slack.payloads import parse
from rag import Share, ShareState, list_shares, put_share
from rag.settings import Settings
from tests.support.migrated import open_rag

FILE = {"id": "F1", "name": "plan.pdf", "filetype": "pdf", "mimetype": "application/pdf", "mode": "hosted"}
WRITTEN = {"type": "message", "user": "U1", "ts": "5.000001", "text": "the plan", "files": [FILE]}
CHANGED = {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "6.000001"}
DELETED = {"type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "6.000001"}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    settings = Settings(data=tmp_path, answer={"model": ""})
    with open_rag(settings, histories=[tables.HISTORY]) as rag, rag.write_transaction() as connection:
        yield connection


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(DELETED | {"deleted_ts": "5.000001", "previous_message": WRITTEN}, id="message deleted"),
        pytest.param(CHANGED | {"message": WRITTEN | {"files": []}, "previous_message": WRITTEN}, id="file taken out"),
    ],
)
def test_file_is_hidden_when_it_leaves_a_message_that_is_not_known(
    connection: Connection, event: dict[str, object]
) -> None:
    put_share(connection, Share(KIND, "F1", "C1", "plan.pdf", shared_at=1.0))
    put_share(connection, Share(KIND, "F2", "C1", "other.pdf", shared_at=1.0))
    for parsed in parse(event, "U0ME"):
        record(connection, parsed)
    states = {share.ref: share.state for share in list_shares(connection, KIND, space="C1", message="")}
    assert states == {"F1": ShareState.CHECKING, "F2": ShareState.SHARED}


def test_message_from_before_the_first_answer_of_its_thread_is_no_question_when_it_is_read_again(
    connection: Connection,
) -> None:
    reply = WRITTEN | {"channel": "C1", "thread_ts": "4.000001", "text": "where is the plan for the winter?"}
    asked = reply | {"ts": "6.000001", "files": [], "text": "<@UMAGPIE> what does it say?"}
    for event in (reply, asked):
        record(connection, parse(event, "UMAGPIE")[0])
    claimed = question_queue.claim_new(connection)
    assert claimed is not None
    reply_progress.store_placeholder(connection, claimed, "7.000001")
    record(connection, parse(reply, "UMAGPIE")[0])
    assert questions.find_question(connection, "C1", "5.000001") is None
    assert [share.words for share in list_shares(connection, KIND, "F1")] == ["where is the plan for the winter?"]
    later = reply | {"ts": "8.000001", "files": [], "text": "and where is the plan for the summer?"}
    record(connection, parse(later, "UMAGPIE")[0])
    assert questions.find_question(connection, "C1", "8.000001") is not None
