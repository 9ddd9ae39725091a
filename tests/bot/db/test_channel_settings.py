"""The settings of single conversations: stored, moved, forgotten, and when a digest is due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.db import channel_settings, receipts, retention, tables
from bot.db.channel_ids import move_channel
from bot.db.channel_settings import ChannelSettings, Digest, DueDigest
from bot.inbox.recording import leave
from rag import FileType, Settings, open_rag
from tests.support.migrated import migrated

DAY = 24 * 3600.0
SET = ChannelSettings(
    quiet=True,
    language="de",
    types=frozenset({FileType.PDF, FileType.IMAGE}),
    askers=frozenset({"U1", "U2"}),
    digest=Digest.DAILY,
    changed_by="U1",
    changed_at=1000.0,
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    data = migrated(tmp_path, tables.HISTORY)
    with open_rag(Settings(data=data), histories=[tables.HISTORY]) as rag, rag.write_transaction() as connection:
        channel_settings.put(connection, "C1", SET)
        yield connection


def test_channel_without_settings_has_the_defaults(connection: Connection) -> None:
    assert channel_settings.find(connection, "C2") == ChannelSettings()
    assert ChannelSettings().may_ask("U9")


def test_settings_are_returned_as_they_were_put(connection: Connection) -> None:
    assert channel_settings.find(connection, "C1") == SET
    assert (SET.may_ask("U2"), SET.may_ask("U3")) == (True, False)
    everyone = ChannelSettings(changed_by="U2", changed_at=2000.0)
    channel_settings.put(connection, "C1", everyone)
    assert channel_settings.find(connection, "C1") == everyone
    assert channel_settings.count(connection) == 1


def test_settings_follow_a_channel_that_changes_its_id_and_go_when_magpie_leaves_it(connection: Connection) -> None:
    move_channel(connection, "C1", "C2")
    assert channel_settings.find(connection, "C2") == SET
    leave(connection, "C2")
    assert channel_settings.count(connection) == 0


def test_forgetting_a_person_opens_no_channel(connection: Connection) -> None:
    retention.forget_user(connection, "U1", "C1")  # in one channel: they may still ask there
    assert channel_settings.find(connection, "C1") == SET
    retention.forget_user(connection, "U1")
    found = channel_settings.find(connection, "C1")
    assert (found.askers, found.changed_by) == (frozenset({"U2"}), "")
    retention.forget_user(connection, "U2")
    found = channel_settings.find(connection, "C1")
    assert found.askers == frozenset()
    assert not found.may_ask("U1")


def test_quiet_channel_gets_no_receipts(connection: Connection) -> None:
    for channel in ("C1", "C2"):
        receipts.request_receipt(connection, channel, "1.1", "F1", "U1")
    assert [job.channel for job in receipts.held_receipts(connection)] == ["C2"]
    receipts.drop_held(connection, "C2")
    assert not receipts.is_held(connection)


# ---------------------------------------------------------------- digests


def due(connection: Connection, now: float) -> list[DueDigest]:
    return channel_settings.due_digests(connection, now)


def test_digest_is_due_a_day_after_it_was_turned_on(connection: Connection) -> None:
    assert due(connection, 1000.0 + DAY - 1) == []
    assert due(connection, 1000.0 + DAY) == [DueDigest("C1", Digest.DAILY, 1000.0)]
    channel_settings.put(connection, "C2", ChannelSettings(digest=Digest.WEEKLY, changed_at=1000.0))
    assert [each.channel for each in due(connection, 1000.0 + 6 * DAY)] == ["C1"]
    assert [each.channel for each in due(connection, 1000.0 + 7 * DAY)] == ["C1", "C2"]


def test_other_changes_do_not_move_a_digest(connection: Connection) -> None:
    channel_settings.put(connection, "C1", ChannelSettings(digest=Digest.DAILY, changed_at=1000.0 + DAY / 2))
    assert len(due(connection, 1000.0 + DAY)) == 1
    channel_settings.put(connection, "C1", ChannelSettings(changed_at=2000.0 + DAY))
    assert due(connection, 1000.0 + 9 * DAY) == []


def test_next_digest_is_due_at_the_same_time_of_the_day(connection: Connection) -> None:
    late = 1000.0 + 3 * DAY + 600  # it was not running for two days
    [first] = due(connection, late)
    channel_settings.put_digest(connection, first, late - 60, late)
    assert due(connection, 1000.0 + 4 * DAY - 1) == []
    assert due(connection, 1000.0 + 4 * DAY) == [DueDigest("C1", Digest.DAILY, late - 60)]
    channel_settings.postpone_digest(connection, first, late)
    assert due(connection, late) == [first]
