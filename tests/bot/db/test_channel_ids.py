"""A conversation whose id changes is renamed in every table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Connection, Float, Integer, Table, insert, inspect, select

from bot.db import jobs, message_states, tables
from bot.db.channel_ids import KEYED, move_channel
from bot.db.jobs import JobKind
from bot.inbox.recording import record
from bot.slack.events import Message, Moved, SlackFile
from bot.slack.files import KIND
from rag import RoundRobin, Share, ShareState, check_space, list_shares, put_share, shared_in
from rag.catalog.share_ends import remove_shares
from rag.catalog.tables import metadata as catalog_tables
from tests.support.databases import DATABASES, AnyCatalog, open_catalog

OLD, NEW = "G0OLD", "C0NEW"

KEYED_BY_SPACE = {"share"}
"""Tables of the catalog that name a space."""

NOT_KEYED = {
    *("run", "source", "document", "extraction", "page", "fingerprint", "chunk", "caption", "chunk_vector"),
    *("vector_deletion", "file_deletion", "delivery", "upload", "workspace", "notice", "outage", "share_revision"),
    *("index_version", "name_word", "text_index", "api_token"),
    *("attachment", "attachment_word", "page_tokens", "fingerprint_keys"),
}
"""Tables without a column for a conversation: their rows belong to a document, file, event, question or tool."""

NAMES = {"channel", "space", "spaces", "about", "refers_to"}
"""Names of columns that hold the ids of conversations, alone or inside JSON."""

WITHOUT_CONVERSATIONS = {
    *(("question", name) for name in ("files", "reply", "used", "uploads", "obsolete_uploads")),
    *(("feedback", name) for name in ("passages", "documents")),
    *(("job", "payload"), ("access_log", "readers"), ("channel_setting", "types"), ("channel_setting", "askers")),
}
"""Columns with JSON that name files, documents, people and texts only."""


@pytest.fixture(params=DATABASES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCatalog]:
    with open_catalog(request.param, tmp_path, tables.HISTORY) as catalog:
        yield catalog


def test_every_table_is_listed_as_keyed_by_conversation_or_not() -> None:
    """Fail for a new table until it is listed as keyed by conversation or not."""
    keyed = {table.name for table in KEYED} | KEYED_BY_SPACE
    assert not keyed & NOT_KEYED
    assert {*tables.metadata.tables, *catalog_tables.tables} == keyed | NOT_KEYED
    for name in NOT_KEYED:
        table = tables.metadata.tables.get(name, catalog_tables.tables.get(name))
        assert table is not None
        assert not {"channel", "space"} & set(table.columns.keys())


def row(table: Table, channel: str, number: int = 1) -> dict[str, Any]:
    """Return a row of a table. Every text that is not a conversation contains the number."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if column is table.autoincrement_column:
            continue
        if column.name in ("channel", "space"):
            values[column.name] = channel
        elif column.name == "spaces":
            values[column.name] = [channel, "C0OTHER"]
        elif column.name == "about":
            values[column.name] = {"channel": channel}
        elif column.name == "refers_to":
            link = {"type": "MessageLink", "channel": channel, "ts": "1.5", "thread": ""}
            values[column.name] = [link, {"type": "FileLink", "file": "F1", "name": ""}]
        elif column.name in ("source_id", "key") or not (column.foreign_keys or column.nullable):
            values[column.name] = value_of(column.type, number)
    return values


def value_of(kind: Any, number: int) -> Any:
    match kind:
        case JSON():
            return []
        case Boolean():
            return False
        case Integer() | Float():
            return number
    return str(number)


def everything(connection: Connection) -> str:
    names = inspect(connection).get_table_names()
    rows = [connection.exec_driver_sql(f'SELECT * FROM "{name}"').all() for name in names]
    return json.dumps([[list(each) for each in table] for table in rows], default=str)


def fill(connection: Connection, channel: str) -> None:
    put_share(connection, Share(KIND, "F1", channel))
    for table in (*KEYED, tables.api_token):
        connection.execute(insert(table).values(row(table, channel)))
    jobs.request(connection, JobKind.SWEEP_CHANNEL, channel)


def conversation_columns(connection: Connection) -> set[tuple[str, str]]:
    """Return every (table, column) of the database that may name a conversation."""
    database = inspect(connection)
    found = {
        (table, column["name"])
        for table in database.get_table_names()
        for column in database.get_columns(table)
        if column["name"] in NAMES or isinstance(column["type"], JSON)
    }
    return found - WITHOUT_CONVERSATIONS


def columns_with(connection: Connection, channel: str) -> set[tuple[str, str]]:
    """Return every (table, column) in which a row names this conversation."""
    found = set()
    for table in inspect(connection).get_table_names():
        for each in connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings():
            # SQLite returns JSON as text.
            texts = {name: str(value) for name, value in each.items() if isinstance(value, str | list | dict)}
            found |= {(table, name) for name, text in texts.items() if channel in text}
    return found


def test_no_column_keeps_the_old_id(catalog: AnyCatalog) -> None:
    """Fail for a new column with a conversation until the test fills it and the move renames it."""
    with catalog.write_transaction() as connection:
        fill(connection, OLD)
        before = everything(connection)
        columns = conversation_columns(connection)
        assert columns_with(connection, OLD) == columns
        record(connection, Moved(OLD, NEW))
        assert columns_with(connection, NEW) == columns
        assert columns_with(connection, OLD) == set()
        assert everything(connection).count(NEW) == before.count(OLD)


BY_CONVERSATION = [table for table in KEYED if table.name not in ("evidence", "viewed_channel")]
"""Tables whose key contains the conversation, or is only a number."""


@pytest.mark.parametrize("table", BY_CONVERSATION, ids=lambda table: str(table.name))
def test_rows_of_both_ids_are_merged(catalog: AnyCatalog, table: Table) -> None:
    with catalog.write_transaction() as connection:
        connection.execute(insert(table).values(row(table, OLD)))
        connection.execute(insert(table).values(row(table, NEW) | ({"id": 2} if "id" in table.c else {})))
        move_channel(connection, OLD, NEW)
        move_channel(connection, OLD, NEW)
        assert [each.channel for each in connection.execute(select(table))] == [NEW]


def test_running_sweep_of_the_old_id_runs_again_with_the_new_id(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        jobs.request(connection, JobKind.SWEEP_CHANNEL, OLD)
        running = jobs.claim(connection, [JobKind.SWEEP_CHANNEL], RoundRobin())
        assert running is not None
        move_channel(connection, OLD, NEW)
        jobs.finish(connection, running)
        again = jobs.claim(connection, [JobKind.SWEEP_CHANNEL], RoundRobin())
        assert again is not None
        assert again.channel == NEW


def test_failed_move_changes_nothing(catalog: AnyCatalog) -> None:
    def moved_and_failed() -> None:
        with catalog.write_transaction() as connection:
            fill(connection, OLD)
            move_channel(connection, OLD, NEW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        moved_and_failed()
    with catalog.read_transaction() as connection:
        assert NEW not in everything(connection)


def test_forgotten_file_listed_under_the_new_id_is_removed(catalog: AnyCatalog) -> None:
    """The sweep listed the new id before the event about the change arrived."""
    with catalog.write_transaction() as connection:
        put_share(connection, Share(KIND, "F1", OLD))
        remove_shares(connection, [share.source for share in list_shares(connection, KIND, "F1")], OLD)
        put_share(connection, Share(KIND, "F1", NEW, listed=True))
        put_share(connection, Share(KIND, "F2", NEW, listed=True))
        move_channel(connection, OLD, NEW)
        put_share(connection, Share(KIND, "F1", NEW, listed=True))
        assert shared_in(connection, KIND, NEW) == ["F2"]


def test_departed_and_hidden_files_stay_so_under_the_new_id(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        for channel in (OLD, NEW):
            put_share(connection, Share(KIND, "F1", channel))
        check_space(connection, KIND, "F1", OLD, 9e9)
        check_space(connection, KIND, "F2", OLD, 100.0)
        check_space(connection, KIND, "F2", NEW, 200.0)
        move_channel(connection, OLD, NEW)
        [hidden] = list_shares(connection, KIND, "F1")
        assert (hidden.space, hidden.state) == (NEW, ShareState.CHECKING)
        record(connection, posted("150.0", SlackFile("F2", "a.pdf", ending="pdf", stub=False)))
        [late] = list_shares(connection, KIND, "F2", space=NEW, message="150.0")
        assert late.state is ShareState.CHECKING


def test_deleted_message_is_not_restored_under_the_new_id(catalog: AnyCatalog) -> None:
    with catalog.write_transaction() as connection:
        message_states.put_deletion(connection, OLD, "150.0")
        message_states.advance(connection, NEW, "150.0", 150.0)  # the event with the new id came first
        move_channel(connection, OLD, NEW)
        record(connection, posted("150.0", SlackFile("F1", "a.pdf", ending="pdf", stub=False)))
        assert shared_in(connection, KIND, NEW) == []


def posted(ts: str, *files: SlackFile) -> Message:
    return Message(NEW, ts, "", "U1", "", files, (), float(ts), complete=True, addressed=False, mentions_others=False)
