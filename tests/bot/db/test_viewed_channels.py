"""The channel that a person looks at: the last one, for an hour, and gone with the person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.db import retention, tables, viewed_channels
from bot.db.channel_ids import move_channel
from tests.support.databases import DATABASES, open_catalog


@pytest.fixture(params=DATABASES)
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    opened = open_catalog(request.param, tmp_path, tables.HISTORY)
    with opened as catalog, catalog.write_transaction() as connection:
        viewed_channels.put_viewed_channel(connection, "U1", "C1")
        yield connection


def test_last_channel_counts(connection: Connection) -> None:
    viewed_channels.put_viewed_channel(connection, "U1", "C2")
    assert viewed_channels.find_viewed_channel(connection, "U1") == "C2"
    assert viewed_channels.find_viewed_channel(connection, "U2") == ""
    viewed_channels.put_viewed_channel(connection, "U1", "")
    assert viewed_channels.count(connection) == 0


def test_channel_of_an_hour_ago_does_not_count_and_is_deleted(connection: Connection) -> None:
    connection.execute(tables.viewed_channel.update().values(at=1.0))
    assert viewed_channels.find_viewed_channel(connection, "U1") == ""
    retention.expire(connection, 0.0)
    assert viewed_channels.count(connection) == 0


def test_channel_is_deleted_with_its_person(connection: Connection) -> None:
    retention.forget_user(connection, "U1", "C9")
    assert viewed_channels.count(connection) == 1
    retention.forget_user(connection, "U1")
    assert viewed_channels.count(connection) == 0


def test_channel_that_changes_its_id_is_still_looked_at(connection: Connection) -> None:
    move_channel(connection, "C1", "C2")
    assert viewed_channels.find_viewed_channel(connection, "U1") == "C2"
