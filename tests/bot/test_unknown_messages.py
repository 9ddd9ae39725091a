"""Files of which the catalog does not know the message: from an old data folder, or found in a listing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.db import tables
from bot.inbox import record
from bot.slack.files import KIND
from bot.slack.payloads import parse
from rag import Share, ShareState, list_shares, open_rag, put_share
from rag.settings import Settings

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
