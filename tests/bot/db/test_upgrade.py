"""A data folder of the last version before the redesign can be opened, and keeps every row of the bot's tables."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from bot.cli.main import main
from bot.db import ephemeral_messages, feedback, jobs, questions, receipts, tables
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import JobKind, JobState
from bot.db.questions import QuestionState
from bot.slack.events import Question
from bot.slack.files import KIND, LINK
from rag import Rag, RoundRobin, Settings, ShareState, StoredShare, list_shares, open_rag
from rag.catalog.shares import REQUESTED

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
OLD = "data-e01a02c"
EXPECTED: dict[str, Any] = json.loads((FIXTURES / f"{OLD}.expected.json").read_text())

Rows = list[dict[str, Any]]


def unpacked(folder: Path) -> Path:
    with tarfile.open(FIXTURES / f"{OLD}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "data"


@contextmanager
def upgraded(folder: Path) -> Iterator[Rag]:
    with open_rag(Settings(data=unpacked(folder), answer={"model": ""}), histories=[tables.HISTORY]) as rag:
        yield rag


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """Return a data folder shared by the tests that only read."""
    with upgraded(tmp_path_factory.mktemp("old")) as rag:
        yield rag


def rows(rag: Rag, table: Table, *kinds: JobKind) -> Rows:
    wanted = select(table).order_by(*table.primary_key)
    with rag.read_transaction() as connection:
        found = connection.execute(wanted.where(table.c.kind.in_(kinds)) if kinds else wanted)
        return [dict(row._mapping) for row in found]


def only(found: Rows, known: Rows) -> Rows:
    """Return the rows, sorted, with only the columns that the old rows have."""
    return ordered([{name: row[name] for name in known[0]} for row in found])


def ordered(found: Rows) -> Rows:
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))


SAME = {
    "access": tables.access_log,
    "evidence": tables.evidence,
    "feedback": tables.feedback,
}
"""Old name -> table with the same columns."""


@pytest.mark.parametrize("name", SAME)
def test_rows_of_a_renamed_table_are_kept(rag: Rag, name: str) -> None:
    found = rows(rag, SAME[name])
    assert len(found) == EXPECTED["tables"][name]
    assert only(found, EXPECTED[name]) == ordered(EXPECTED[name])


def shares(rag: Rag, kind: str) -> dict[tuple[str, str, str], StoredShare]:
    """Return all shares of this kind by (ref, space, message)."""
    with rag.read_transaction() as connection:
        found = list_shares(connection, kind, states=tuple(ShareState))
    return {(share.ref, share.space, share.message): share for share in found}


def test_messages_of_linked_pages_become_shares(rag: Rag) -> None:
    assert len(EXPECTED["linked"]) == EXPECTED["tables"]["linked"]
    found = {key for key, share in shares(rag, LINK).items() if share.state is ShareState.SHARED}
    assert found == {(row["url"], row["channel"], row["ts"]) for row in EXPECTED["linked"]}


def test_departures_become_states_of_shares(rag: Rag) -> None:
    assert EXPECTED["tables"]["departed"] == len(EXPECTED["departed"])
    found = shares(rag, KIND)
    hidden = {(each["ref"], row["space"]) for each in EXPECTED["sources"] for row in each["shares"] if row["withheld"]}
    assert hidden
    for row in EXPECTED["departed"]:
        share = found[row["file"], row["channel"], ""]
        is_hidden = (row["file"], row["channel"]) in hidden
        assert share.state is (ShareState.CHECKING if is_hidden else ShareState.DEPARTED)
        assert share.state_at >= row["at"]
    for row in EXPECTED["removed"]:
        share = found[row["file"], row["channel"], row["ts"]]
        assert (share.state, share.shared_at) == (ShareState.DEPARTED, float(row["ts"]))
        assert (share.name, share.link, share.shared_by) == ("", None, None)


def test_pictures_sent_as_questions_become_shares_that_are_left_out(rag: Rag) -> None:
    assert EXPECTED["tables"]["queried"] == len(EXPECTED["queried"])
    found = shares(rag, KIND)
    for row in EXPECTED["queried"]:
        assert found[row["file"], row["channel"], ""].state is ShareState.LEFT_OUT


def test_pictures_to_index_become_requested_shares(rag: Rag) -> None:
    assert EXPECTED["tables"]["wanted"] == len(EXPECTED["wanted"])
    for row in EXPECTED["wanted"]:
        mine = [share for key, share in shares(rag, KIND).items() if key[:2] == (row["file"], row["channel"])]
        assert mine
        assert {(share.state, share.reason) for share in mine} == {(ShareState.SHARED, REQUESTED)}


def test_receipts_name_the_messages_of_shares(rag: Rag) -> None:
    old = {(each["ref"], row["space"]) for each in EXPECTED["sources"] for row in each["shares"] if not row["withheld"]}
    found = shares(rag, KIND)
    named = {(row["file"], row["channel"], row["ts"]): row["user"] for row in EXPECTED["receipts"]}
    live = {key: user for key, user in named.items() if key[:2] in old}
    assert live
    for key, user in live.items():
        assert (found[key].state, found[key].shared_by) == (ShareState.SHARED, user)
        assert found[key].shared_at == float(key[2])
        assert found[key].name
    assert not {key for key in named.keys() - live.keys() if key in found and found[key].is_live}


def test_questions_are_kept(rag: Rag) -> None:
    found = rows(rag, tables.question)
    shown = [
        {
            **row,
            "halt": row["cancellation"],
            "has_reply": row["reply"] is not None,
            "sharing": row["sharing_since"] is not None,
            "obsolete": row["obsolete_uploads"],
        }
        for row in found
    ]
    assert only(shown, EXPECTED["questions"]) == ordered(EXPECTED["questions"])
    assert all(row["delays"] == 0 and row["asked_at"] > 0 for row in found)
    with rag.read_transaction() as connection:
        states = {QuestionState(row["state"]) for row in EXPECTED["questions"]}
        assert states == set(QuestionState)
        for row in EXPECTED["questions"]:
            asked = questions.find_question(connection, row["channel"], row["ts"])
            assert isinstance(asked, Question)
            assert asked.text == row["text"]


def test_background_tasks_become_jobs(rag: Rag) -> None:
    kinds = (JobKind.SWEEP, JobKind.SWEEP_CHANNEL, JobKind.CHECK_FILE, JobKind.PURGE, JobKind.DELETE_UPLOADS)
    found = [
        {
            "kind": row["kind"],
            "ref": row["channel"] or row["key"] or "*",
            "sent": row["revision"],
            "attempts": row["delays"],
        }
        for row in rows(rag, tables.job, *kinds)
    ]
    assert found == EXPECTED["errands"]
    assert {row["attempts"] for row in rows(rag, tables.job, *kinds)} == {0}


def test_requests_to_show_something_to_one_person_become_jobs(rag: Rag) -> None:
    found = [
        {
            "kind": row["kind"],
            "channel": row["channel"],
            "user": row["user"],
            "attempts": row["delays"],
            **(row["payload"] or {"text": "", "thread": "", "url": "", "about": {}}),
        }
        for row in rows(rag, tables.job, *ephemeral_messages.KINDS)
    ]
    expected = [{**row, "about": row["about"] or {}} for row in EXPECTED["asides"]]
    assert ordered(found) == ordered(expected)


def test_receipts_become_jobs(rag: Rag) -> None:
    states = {JobState.HELD: "open", JobState.DONE: "done"}
    found = []
    for row in rows(rag, tables.job, JobKind.RECEIPT):
        ts, file = receipts.message_and_file(row["key"])
        said = {"channel": row["channel"], "ts": ts, "file": file, "user": row["user"]}
        found.append({**said, "state": states[JobState(row["state"])]})
        assert row["created"] == float(ts)
    assert found == EXPECTED["receipts"]


def test_other_tables_are_kept(rag: Rag) -> None:
    searched = [{"channel": row["channel"], "looked": row["checked_until"]} for row in rows(rag, tables.conversation)]
    assert searched == EXPECTED["looked"]
    assert [row["file"] for row in rows(rag, tables.upload)] == [row["file"] for row in EXPECTED["uploads"]]
    assert len(rows(rag, tables.delivery)) == EXPECTED["tables"]["delivery"]
    with rag.read_transaction() as connection:
        assert feedback.counts(connection) == EXPECTED["status"]["feedback"]


def test_every_table_of_the_bot_has_rows_in_the_fixture() -> None:
    """An empty table would make its test pass without checking anything."""
    old = {"access_log": "access", "job": "errand"}
    new = {"message", "notice", "workspace", "api_token", "viewed_channel", "channel_setting"}
    assert all(EXPECTED["tables"][old.get(name, name)] for name in tables.metadata.tables if name not in new)
    assert all(EXPECTED["tables"][name] for name in ("linked", "departed", "removed", "queried", "wanted", "receipt"))


def test_old_tables_are_gone(rag: Rag) -> None:
    with rag.read_transaction() as connection:
        names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    assert set(tables.metadata.tables) <= names
    assert not {"errand", "aside", "receipt", "linked", "link", "access"} & names
    assert not {"departed", "removed", "queried", "wanted", "removed_share"} & names


def test_jobs_of_the_old_version_can_be_claimed(tmp_path: Path) -> None:
    with upgraded(tmp_path) as rag, rag.write_transaction() as connection:
        connection.execute(tables.job.update().where(tables.job.c.state == JobState.WAITING).values(next_try=0))
        claimed = []
        rounds = RoundRobin()
        while job := jobs.claim(connection, list(JobKind), rounds):
            claimed.append(job)
        asides = [EphemeralRequest.of(job) for job in claimed if job.kind in ephemeral_messages.KINDS]
    assert len(claimed) == len(EXPECTED["errands"]) + len(EXPECTED["asides"])
    assert {aside.text for aside in asides} == {row["text"] for row in EXPECTED["asides"]}


READING = (["status"], ["status", "--privacy"], ["find", "gateway"], ["ask", "which port?"], ["models"])


@pytest.mark.parametrize("arguments", READING)
def test_command_that_reads_does_not_upgrade_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A bot of the older version may be running on it."""
    monkeypatch.setenv("MAGPIE_ANSWER__MODEL", "")
    data = unpacked(tmp_path)
    before = (data / "catalog.db").read_bytes()
    assert main(["--data", str(data), *arguments]) == 1
    assert "older Magpie" in (shown := capsys.readouterr().err)
    assert "magpie run" in shown
    assert (data / "catalog.db").read_bytes() == before
    assert list(data.glob("catalog.before*")) == []


def test_command_that_reads_opens_a_current_folder_while_another_process_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_rag(Settings(data=tmp_path), histories=[tables.HISTORY]) as rag, rag.write_transaction():
        assert main(["--data", str(tmp_path), "status"]) == 0
    capsys.readouterr()
