"""A conversation whose id changes is renamed in every table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, Float, Integer, Table, insert, select

from bot.db import file_states, jobs, tables
from bot.db.channel_ids import KEYED, move_channel
from bot.db.jobs import JobKind
from bot.inbox import record
from bot.slack.events import Moved, Shared, SlackFile
from bot.slack.files import KIND
from rag import Rag, RoundRobin, Share, hidden_shares, hide_share, open_rag, put_share, shared_in
from rag.catalog.tables import metadata as catalog
from rag.settings import Settings

OLD, NEW = "G0OLD", "C0NEW"

KEYED_BY_SPACE = {"share", "removed_share"}
"""Tables of the catalog that name a space."""

NOT_KEYED = {
    *("run", "source", "document", "extraction", "page", "fingerprint", "chunk", "caption", "vector"),
    *("vector_deletion", "file_deletion", "delivery", "upload", "notice", "outage"),
}
"""Tables without a conversation: their rows belong to a document, file, event or question."""


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path, answer={"model": ""}), histories=[tables.HISTORY]) as rag:
        yield rag


def test_every_table_is_listed_as_keyed_by_conversation_or_not() -> None:
    """Fail for a new table until it is listed as keyed by conversation or not."""
    keyed = {table.name for table in KEYED} | KEYED_BY_SPACE
    assert not keyed & NOT_KEYED
    assert {*tables.metadata.tables, *catalog.tables} == keyed | NOT_KEYED
    for name in NOT_KEYED:
        table = tables.metadata.tables.get(name, catalog.tables.get(name))
        assert table is not None
        assert not {"channel", "space"} & set(table.columns.keys())


def row(table: Table, channel: str, number: int = 1) -> dict[str, Any]:
    """Return a row of a table. Every text that is not a conversation contains the number."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.name in ("channel", "space"):
            values[column.name] = channel
        elif column.name == "spaces":
            values[column.name] = [channel, "C0OTHER"]
        elif column.name == "about":
            values[column.name] = {"channel": channel}
        elif column.name in ("source_id", "key") or not (column.foreign_keys or column.nullable):
            kind = column.type
            values[column.name] = (
                [] if isinstance(kind, JSON) else number if isinstance(kind, Integer | Float) else str(number)
            )
    return values


def everything(connection: Connection) -> str:
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    rows = [connection.exec_driver_sql(f'SELECT * FROM "{name}"').all() for name in names]
    return json.dumps([[list(each) for each in table] for table in rows], default=str)


def fill(connection: Connection, channel: str) -> None:
    put_share(connection, Share(KIND, "F1", channel))
    for table in (*KEYED, catalog.tables["removed_share"]):
        connection.execute(insert(table).values(row(table, channel)))
    jobs.request(connection, JobKind.SWEEP_CHANNEL, channel)


def test_no_row_keeps_the_old_id(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        fill(connection, OLD)
        before = everything(connection)
        record(connection, Moved(OLD, NEW))
        after = everything(connection)
    assert before.count(OLD) == after.count(NEW) == len(KEYED) + 5
    assert OLD not in after


BY_CONVERSATION = [table for table in KEYED if table.name != "evidence"]
"""Tables whose key contains the conversation, or is only a number."""


@pytest.mark.parametrize("table", BY_CONVERSATION, ids=lambda table: str(table.name))
def test_rows_of_both_ids_are_merged(rag: Rag, table: Table) -> None:
    with rag.write_transaction() as connection:
        connection.execute(insert(table).values(row(table, OLD)))
        connection.execute(insert(table).values(row(table, NEW) | ({"id": 2} if "id" in table.c else {})))
        move_channel(connection, OLD, NEW)
        move_channel(connection, OLD, NEW)
        assert [each.channel for each in connection.execute(select(table))] == [NEW]


def test_running_sweep_of_the_old_id_runs_again_with_the_new_id(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        jobs.request(connection, JobKind.SWEEP_CHANNEL, OLD)
        running = jobs.claim(connection, [JobKind.SWEEP_CHANNEL], RoundRobin())
        assert running is not None
        move_channel(connection, OLD, NEW)
        jobs.finish(connection, running)
        again = jobs.claim(connection, [JobKind.SWEEP_CHANNEL], RoundRobin())
        assert again is not None
        assert again.channel == NEW


def test_failed_move_changes_nothing(rag: Rag) -> None:
    def moved_and_failed() -> None:
        with rag.write_transaction() as connection:
            fill(connection, OLD)
            move_channel(connection, OLD, NEW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        moved_and_failed()
    with rag.read_transaction() as connection:
        assert NEW not in everything(connection)


def test_forgotten_file_listed_under_the_new_id_is_removed(rag: Rag) -> None:
    """The sweep listed the new id before the event about the change arrived."""
    with rag.write_transaction() as connection:
        connection.execute(
            insert(catalog.tables["removed_share"]).values(kind=KIND, ref="F1", space=OLD, removed_at=1.0)
        )
        put_share(connection, Share(KIND, "F1", NEW, listed=True))
        put_share(connection, Share(KIND, "F2", NEW, listed=True))
        move_channel(connection, OLD, NEW)
        put_share(connection, Share(KIND, "F1", NEW, listed=True))
        assert shared_in(connection, KIND, NEW) == ["F2"]


def test_departed_and_withheld_files_stay_so_under_the_new_id(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        for channel in (OLD, NEW):
            put_share(connection, Share(KIND, "F1", channel))
        hide_share(connection, KIND, "F1", OLD)
        file_states.put_departure(connection, "F2", OLD, 100.0)
        file_states.put_departure(connection, "F2", NEW, 200.0)
        move_channel(connection, OLD, NEW)
        assert set(hidden_shares(connection, KIND, "F1")) == {NEW}
        record(connection, Shared(SlackFile("F2"), NEW, "U1", "150.0", 150.0))
        assert shared_in(connection, KIND, NEW) == ["F1"]
