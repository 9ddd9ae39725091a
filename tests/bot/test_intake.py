"""Which shared files are indexed, which wait, and when they are taken up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time

import pytest
from sqlalchemy import Connection
from sqlalchemy import select as sql_select

from bot.db import channel_settings, notices, tables
from bot.db.channel_settings import ChannelSettings
from bot.inbox.limits import Limits
from bot.inbox.recording import look_again, record
from bot.intake import (
    ChannelRules,
    IntakeRules,
    decide,
    readmit,
)
from bot.settings import SlackSettings
from bot.slack.events import IntakeRefusal, Message, SlackFile, Unusable
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, LINK
from bot.slack.messages import command_texts, file_texts
from rag import FileType, IntakePriority, Rag, Settings, Share, ShareState, list_shares, put_share, shared_in
from rag.catalog.tables import source
from tests.bot.slack.raw_events import raw_file
from tests.support.migrated import migrated, open_rag

NOW = time()
DAY = 24 * 3600.0


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(
        Settings(data=migrated(tmp_path, tables.HISTORY), answer={"model": ""}), histories=[tables.HISTORY]
    ) as rag:
        yield rag


@pytest.fixture
def connection(rag: Rag) -> Iterator[Connection]:
    with rag.write_transaction() as connection:
        yield connection


def file(number: int, unusable: Unusable | None = None, name: str = "") -> SlackFile:
    ending = "" if unusable else "pdf"
    return SlackFile(f"F{number}", name or f"{number}.pdf", None, ending, 9, 1, "ada", stub=False, unusable=unusable)


def share(
    connection: Connection,
    *files: SlackFile,
    rules: IntakeRules,
    channel: str = "C1",
    user: str = "ada",
    at: float = NOW,
    addressed: bool = False,
    listed: bool = False,
) -> None:
    ts = f"{at:.6f}"
    text = "What is this?" if addressed else ""
    message = Message(channel, ts, "", user, text, files, (), at, True, addressed, False)
    record(connection, message, Limits(intake=rules, listed=listed))


def reasons(connection: Connection, kind: str = KIND) -> dict[str, str]:
    return {row.ref: row.reason for row in list_shares(connection, kind, states=[ShareState.REFUSED])}


def said(connection: Connection) -> list[str]:
    rows = connection.execute(sql_select(tables.job).where(tables.job.c.kind == "say").order_by(tables.job.c.id))
    return [row.payload["text"] for row in rows]


# ---------------------------------------------------------------- channels


def test_channels_are_matched_by_id_and_by_name() -> None:
    rules = ChannelRules.of(["#Ops", "C0AAAAAA"], ["C0BBBBBB"])
    rules.learn([{"id": "C0OPS", "name": "ops"}, {"id": "C0BBBBBB", "name": "x"}, {"id": "C0AAAAAA", "name": "y"}])
    rules.learn([{"id": "C0OTHER", "name": "other"}])
    assert [rules.allow(id) for id in ("C0OPS", "C0AAAAAA", "C0BBBBBB", "C0OTHER", "C0UNKNOWN", "D1")] == [
        *(True, True, False, False, False, True)
    ]


def test_channel_of_unknown_name_waits_only_if_a_rule_has_names() -> None:
    assert not ChannelRules.of([], ["random"]).allow("C0UNKNOWN")
    assert ChannelRules.of([], ["C0RANDOM"]).allow("C0UNKNOWN")
    assert ChannelRules().allow("C0UNKNOWN")


def test_files_of_a_channel_are_taken_up_once_its_name_is_known(connection: Connection) -> None:
    rules = IntakeRules(ChannelRules.of(["ops"], []))
    share(connection, file(1), rules=rules)
    assert reasons(connection) == {"F1": IntakeRefusal.CHANNEL}
    assert readmit(connection, rules) == 0
    rules.channels.learn([{"id": "C1", "name": "ops"}])
    assert readmit(connection, rules) == 1
    assert shared_in(connection, KIND, "C1") == ["F1"]


@pytest.mark.parametrize("is_refused_before", [True, False])
def test_sweep_that_finds_a_limit_gone_requests_the_receipt_of_what_was_refused(
    connection: Connection, is_refused_before: bool
) -> None:
    """At a start without the limit, the sweep can come before `readmit`. Other old messages get no receipt."""
    if is_refused_before:
        share(connection, file(1), rules=IntakeRules(ChannelRules.of([], ["C1"])))
    message = Message("C1", f"{NOW:.6f}", "", "ada", "", (file(1),), (), NOW, True, False, False)
    record(connection, message, Limits(receipts=False, listed=True))
    assert shared_in(connection, KIND, "C1") == ["F1"]
    kinds = connection.scalars(sql_select(tables.job.c.kind)).all()
    assert ("receipt" in kinds) is is_refused_before


# ---------------------------------------------------------------- limits


def test_old_files_are_left_out(connection: Connection) -> None:
    rules = IntakeRules(since=NOW - 3 * DAY)
    share(connection, file(1), rules=rules, at=NOW - 4 * DAY, listed=True)
    share(connection, file(2), rules=rules, at=NOW - 2 * DAY, listed=True)
    share(connection, file(3), rules=IntakeRules(days=1), at=NOW - 2 * DAY, listed=True)
    assert reasons(connection) == {"F1": IntakeRefusal.TOO_OLD, "F3": IntakeRefusal.TOO_OLD}
    assert readmit(connection, IntakeRules()) == 2


def test_quota_of_a_channel_makes_files_wait_and_loses_nothing(connection: Connection) -> None:
    rules = IntakeRules(channel_files=2)
    for number in range(5):
        share(connection, file(number), rules=rules, at=NOW - 50 + number)
    share(connection, file(9), rules=rules, channel="C2")
    assert shared_in(connection, KIND, "C1") == ["F0", "F1"]
    assert reasons(connection) == dict.fromkeys(["F2", "F3", "F4"], IntakeRefusal.CHANNEL_FULL)
    assert said(connection) == [command_texts.channel_full(2)]
    assert readmit(connection, rules) == 0
    assert readmit(connection, IntakeRules(channel_files=3)) == 1
    assert shared_in(connection, KIND, "C1") == ["F0", "F1", "F4"]  # the newest


def test_indexed_file_stays_when_its_message_is_recorded_again_at_the_quota(connection: Connection) -> None:
    share(connection, file(1), rules=IntakeRules())
    strict = IntakeRules(ChannelRules.of([], ["C0000001", "c1"]), since=NOW + DAY, channel_files=1)
    share(connection, file(1), rules=strict)
    assert shared_in(connection, KIND, "C1") == ["F1"]


def test_files_of_a_person_beyond_the_limit_are_taken_up(connection: Connection) -> None:
    rules = IntakeRules(person_files=2)
    for number in range(4):
        share(connection, file(number), rules=rules, at=NOW - 50 + number)
    assert reasons(connection) == dict.fromkeys(["F2", "F3"], IntakeRefusal.TOO_MANY_FILES)
    assert said(connection) == [command_texts.too_many_files(2)]
    assert readmit(connection, IntakeRules(person_files=3)) == 1
    assert reasons(connection) == {"F2": IntakeRefusal.TOO_MANY_FILES}


def test_unusable_file_is_refused_before_any_limit_counts(connection: Connection) -> None:
    new = Share(KIND, "F1", "C1", shared_by="ada", shared_at=0.0)
    decided = decide(connection, new, IntakeRules(since=NOW), Unusable.ARCHIVE)
    assert (decided.state, decided.reason) == (ShareState.REFUSED, "archive")


def test_links_beyond_the_limit_wait_and_are_taken_up(connection: Connection) -> None:
    rules = IntakeRules(person_files=2)
    for number in range(4):
        links = (f"https://docs.example/{number}",)
        sent = Message(
            "C1", f"{NOW - 50 + number:.6f}", "", "ada", "read this", (), links, NOW - 50 + number, True, False, False
        )
        record(connection, sent, Limits(links=True, intake=rules))
    assert reasons(connection, LINK) == dict.fromkeys(
        [f"https://docs.example/{n}" for n in (2, 3)], IntakeRefusal.TOO_MANY_FILES
    )
    assert said(connection) == [command_texts.too_many_files(2)]
    assert readmit(connection, IntakeRules(person_files=3)) == 1
    assert reasons(connection, LINK) == {"https://docs.example/2": IntakeRefusal.TOO_MANY_FILES}


@pytest.mark.parametrize("value", ["2026-05-03", "30", ""])
def test_oldest_files_are_given_by_a_date_or_by_days(value: str) -> None:
    expected = {"2026-05-03": (1777766400.0, 0), "30": (0.0, 30), "": (0.0, 0)}[value]
    assert SlackSettings(index_since=value).oldest() == expected


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "-3", "2026-5-3"])
def test_other_values_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="index_since"):
        SlackSettings(index_since=value)


# ---------------------------------------------------------------- priorities


def test_priority_says_who_waits_for_a_file(connection: Connection) -> None:
    share(connection, file(1), rules=IntakeRules())
    share(connection, file(2), rules=IntakeRules(), at=NOW + 1, addressed=True)
    share(connection, file(3), rules=IntakeRules(), at=NOW - 2 * DAY, listed=True)
    share(connection, file(4), rules=IntakeRules(), at=NOW - 60, listed=True)
    rows = connection.execute(sql_select(source.c.ref, source.c.priority)).all()
    assert {row.ref: row.priority for row in rows} == {
        "F1": IntakePriority.SHARED,
        "F2": IntakePriority.ASKED,
        "F3": IntakePriority.FOUND,
        "F4": IntakePriority.SHARED,
    }


# ---------------------------------------------------------------- what cannot be read


def test_each_person_is_told_once_about_each_kind_of_file(connection: Connection) -> None:
    archive, sheet, font = (
        file(n, kind, "x") for n, kind in enumerate([Unusable.ARCHIVE, Unusable.SPREADSHEET, Unusable.OTHER])
    )
    for at in (NOW, NOW + 1):
        share(connection, archive, sheet, font, rules=IntakeRules(), at=at)
    assert said(connection) == [
        file_texts.unusable_file("x", Unusable.ARCHIVE),
        file_texts.unusable_file("x", Unusable.SPREADSHEET),
    ]
    share(connection, archive, rules=IntakeRules(), at=NOW + 2, user="ben")
    assert len(said(connection)) == 3
    notices.expire(connection, time() + 1)
    share(connection, archive, rules=IntakeRules(), at=NOW + 3)
    assert len(said(connection)) == 4


def test_nothing_is_said_about_old_messages_and_messages_of_apps(connection: Connection) -> None:
    archive = file(1, Unusable.ARCHIVE)
    share(connection, archive, rules=IntakeRules(), at=NOW - 2 * DAY, listed=True)
    by_app = Message("C1", f"{NOW:.6f}", "", "ada", "", (archive,), (), NOW, True, False, False, app="B1")
    record(connection, by_app, Limits())
    assert said(connection) == []


@pytest.mark.parametrize("kind", list(Unusable))
def test_every_kind_has_a_remedy_or_is_not_expected_to_be_read(kind: Unusable) -> None:
    text = file_texts.unusable_file("plan", kind)
    assert bool(text) is (kind not in (Unusable.OTHER, Unusable.DELETED, Unusable.TRANSCRIBING))
    assert not text or "plan" in text


def test_clip_is_looked_at_again_after_pauses_that_grow(connection: Connection) -> None:
    clip = file(1, Unusable.TRANSCRIBING)
    share(connection, clip, rules=IntakeRules(), at=time())
    later = sql_select(tables.job.c.next_try).where(tables.job.c.kind == "changed", tables.job.c.key == "F1")
    assert 5 < (connection.scalar(later) or 0) - time() < 20
    look_again(connection, "F1", time() - 600)
    assert 590 < (connection.scalar(later) or 0) - time() < 610
    look_again(connection, "F2", time() - 2 * DAY)
    assert connection.scalar(sql_select(tables.job.c.id).where(tables.job.c.key == "F2")) is None


def test_person_can_have_any_refused_file_indexed(connection: Connection) -> None:
    share(connection, file(1), rules=IntakeRules(since=NOW), at=NOW - DAY)
    put_share(connection, Share(KIND, "F1", "C1", message=f"{NOW - DAY:.6f}", requested=True))
    assert shared_in(connection, KIND, "C1") == ["F1"]
    share(connection, file(1), rules=IntakeRules(since=NOW), at=NOW - DAY)
    assert shared_in(connection, KIND, "C1") == ["F1"]


def test_type_of_a_file_is_what_slack_says_whatever_its_title(connection: Connection) -> None:
    titled = slack_file(raw_file("F1", "scan.pdf", title="Minutes 30.11.2026"))
    note = slack_file(raw_file("F2", "notes 1.2", filetype="text"))
    channel_settings.put(connection, "C1", ChannelSettings(types=frozenset({FileType.TEXT})))
    share(connection, titled, note, rules=IntakeRules())
    assert reasons(connection) == {"F1": IntakeRefusal.TYPE}
    assert readmit(connection, IntakeRules()) == 0
    channel_settings.put(connection, "C1", ChannelSettings(types=frozenset({FileType.PDF})))
    assert readmit(connection, IntakeRules()) == 1
    assert reasons(connection) == {}
