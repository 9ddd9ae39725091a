"""What an operator can look up and delete, of a space, a person or a file, with the real engine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.api.tokens import new_token
from bot.db import (
    access_log,
    api_tokens,
    channel_settings,
    conversations,
    message_states,
    notices,
    question_queue,
    questions,
    receipts,
    reply_progress,
    retention,
    tables,
    viewed_channels,
    workspaces,
)
from bot.db.questions import QuestionState
from bot.slack.events import Question
from bot.slack.message_text import without_mention
from bot.slack.owner import Owner
from rag import Rag, Share, ShareState, StoredData, documents_allowed, end_message, put_share
from rag.model.search import Scope
from tests.bot.conftest import Magpie, Run, opener
from tests.flows.team import settings
from tests.support.engine import FakeEngine

KINGFISHER = "Which port does kingfisher listen on?"


@contextmanager
def opened(data: Path) -> Iterator[Rag]:
    rag = opener(settings(data))
    assert isinstance(rag, Rag)
    with rag:
        yield rag


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    for name, words in (("gateway.pdf", "The gateway listens on port 8443"), ("gulls.pdf", "Gulls sat on sensors")):
        (folder / name).write_text(words)
    return folder


@pytest.fixture
def team(magpie: Magpie, folder: Path, data: Path) -> Path:
    """gateway.pdf was shared by U1 in C1 and by U2 in C2, gulls.pdf by U2 in C1; U1 and U2 asked about the gateway."""
    assert magpie("index", str(folder), "--space", "C1")[0] == 0
    with opened(data) as rag:
        with rag.write_transaction() as connection:
            for name, space, user in (
                ("gateway.pdf", "C1", "U1"),
                ("gateway.pdf", "C2", "U2"),
                ("gulls.pdf", "C1", "U2"),
            ):
                path = folder / name
                known = path.stat()
                put_share(
                    connection,
                    Share("path", str(path), space, name, None, user, known.st_size, known.st_mtime_ns),
                )
        ask(rag, "C1", "5.1", "U1", KINGFISHER)
        ask(rag, "C2", "6.1", "U2", "And kingfisher again?")
    return data


def ask(rag: Rag, channel: str, ts: str, user: str, words: str) -> None:
    """Store a question that was answered from the first document, as the bot does."""
    asked = Question(channel, ts, ts, user, words, ())
    with rag.write_transaction() as connection:
        questions.put_question(connection, asked)
        greeted = question_queue.claim_new(connection)
        assert greeted is not None
        question_queue.enqueue(connection, greeted)
        claimed = question_queue.claim_question(connection)
        assert claimed is not None
        reply_progress.end_question(connection, claimed, QuestionState.DONE)
        receipts.request_receipt(connection, channel, ts, "F1", user)
        scope = Scope.of(channel)
        gateway = [row.id for row in rag.documents(scope) if row.name == "gateway.pdf"]
        access_log.log_access(
            connection, asked, documents_allowed(connection, gateway, scope), f"this conversation, {channel}"
        )


def catalog_bytes(data: Path) -> bytes:
    """Return all bytes of the catalog's files."""
    return b"".join(path.read_bytes() for path in sorted(data.glob("catalog.db*")))


def found(magpie: Magpie, words: str) -> list[str]:
    return [hit["file"] for hit in magpie("find", words)[1]["hits"]]


# ---------------------------------------------------------------- forget


def test_forgetting_a_space_keeps_files_shared_elsewhere(magpie: Magpie, team: Path) -> None:
    code, shape, _ = magpie("forget", "--yes", "--space", "C1")
    assert (code, sorted(shape["forgotten"]), shape["questions"]) == (0, ["gateway.pdf", "gulls.pdf"], 0)
    assert found(magpie, "gulls") == []
    assert found(magpie, "gateway port") == ["gateway.pdf"]
    assert magpie("forget", "--yes", "--space", "C1")[:2] == (1, {"forgotten": [], "questions": 0})


def test_forgetting_a_person_deletes_their_questions(magpie: Magpie, team: Path) -> None:
    assert b"does kingfisher listen" in catalog_bytes(team)
    code, shape, _ = magpie("forget", "--yes", "--user", "U1")
    assert (code, shape) == (0, {"forgotten": ["gateway.pdf"], "questions": 1})
    assert found(magpie, "gateway port") == ["gateway.pdf"]  # U2 shared it too
    with opened(team) as rag, rag.read_transaction() as connection:
        assert [row.user for row in access_log.list_accesses(connection, "")] == ["U2"]
        assert (retention.counts(connection), retention.count_messages_and_pictures(connection)) == ((1, 1), (1, 0))
        assert [row.user for row in receipts.held_receipts(connection)] == ["U2"]
    assert b"does kingfisher listen" not in catalog_bytes(team)
    assert magpie("forget", "--yes", "--user", "U1")[:2] == (1, {"forgotten": [], "questions": 0})


def test_forgetting_a_person_in_one_space_keeps_the_others(magpie: Magpie, team: Path) -> None:
    code, shape, _ = magpie("forget", "--yes", "--user", "U2", "--space", "C1")
    assert (code, shape) == (0, {"forgotten": ["gulls.pdf"], "questions": 0})
    assert magpie("forget", "--yes", "--user", "U2")[1] == {"forgotten": ["gateway.pdf"], "questions": 1}


def test_forgetting_files_of_a_person_keeps_their_questions(magpie: Magpie, team: Path) -> None:
    code, shape, _ = magpie("forget", "--yes", "gateway.pdf", "--user", "U1")
    assert (code, shape) == (0, {"forgotten": ["gateway.pdf"], "questions": 0})
    with opened(team) as rag, rag.read_transaction() as connection:
        assert retention.counts(connection) == (2, 2)


def test_forgetting_a_person_works_if_no_bot_ever_ran(magpie: Magpie, folder: Path) -> None:
    magpie("index", str(folder))
    assert magpie("forget", "--yes", "--user", "U1")[:2] == (1, {"forgotten": [], "questions": 0})


@pytest.mark.parametrize("state", [ShareState.LEFT_OUT, ShareState.REFUSED])
@pytest.mark.parametrize("option", [("--user", "U7"), ("--space", "C7")])
def test_forgetting_a_person_or_space_covers_files_that_were_not_indexed(
    magpie: Magpie, team: Path, state: ShareState, option: tuple[str, str]
) -> None:
    new = Share("slack", "F7", "C7", "sheet.xlsx", shared_by="U7", message="7.1", words="the zebra ledger", state=state)
    with opened(team) as rag, rag.write_transaction() as connection:
        put_share(connection, new)
    assert b"zebra" in catalog_bytes(team)
    assert magpie("forget", "--yes", *option)[1]["forgotten"] == ["sheet.xlsx"]
    assert b"zebra" not in catalog_bytes(team)


# ---------------------------------------------------------------- status --privacy


def test_privacy_lists_count_place_and_retention(magpie: Magpie, team: Path) -> None:
    magpie("ask", "On which port does the gateway listen?")  # draws evidence
    code, shape, _ = magpie("status", "--privacy")
    assert code == 0
    assert shape["data"] == "data"
    rows = {row["name"]: row for row in shape["kept"]}
    counts = {name: row["count"] for name, row in rows.items()}
    assert counts["documents"] == 2
    assert counts["names"] == 3
    assert counts["words"] >= 2
    assert counts["evidence pictures"] == len(list((team / "evidence").iterdir())) > 0
    assert (counts["questions"], counts["log of access"], counts["receipts"]) == (2, 2, 2)
    assert rows["documents"]["bytes"] == sum(path.stat().st_size for path in (team / "files").iterdir())
    assert all(row["holds"] and row["until"] for row in rows.values())
    assert "90 days" in rows["questions"]["until"]
    assert rows["documents"]["until"] == "until forgotten or no longer shared"
    there = {path.name.partition("-")[0] for path in team.iterdir() if not path.name.endswith(".lock")}
    assert there == {Path(row["path"]).name for row in rows.values() if row["count"] and row["unit"][:9] != "temporary"}


LISTED = {
    "question": "questions",
    "access_log": "log of access",
    "feedback": "feedback",
    "notice": "notices",
    "evidence": "pictures in Slack",
    "upload": "pictures being uploaded",
    "delivery": "events",
    "message": "revisions of messages",
    "conversation": "conversations",
    "workspace": "workspace",
    "api_token": "tokens of other tools",
    "viewed_channel": "viewed channels",
    "channel_setting": "settings of channels",
}
"""The row that shows each table of the bot; the table of jobs has two, for receipts and requests."""


def test_privacy_lists_every_table_of_the_bot(magpie: Magpie, team: Path) -> None:
    with opened(team) as rag, rag.write_transaction() as connection:
        connection.execute(tables.delivery.insert().values(event_id="Ev1", at=1))
        message_states.advance(connection, "C1", "1.1", 1.1)
        message_states.put_deletion(connection, "C1", "2.1")
        conversations.put(connection, "C1", checked_until=1.0)
        workspaces.adopt(connection, Owner("T1", "A1"))
        connection.execute(tables.upload.insert().values(file="F1", question=1))
        notices.put_notice(connection, "U1", "unusable:sheet")
        viewed_channels.put_viewed_channel(connection, "U1", "C1")
        channel_settings.put(connection, "C1", channel_settings.ChannelSettings(quiet=True))
        api_tokens.put_token(connection, new_token("agent", 1.0, 90, "U1")[0])
    rows = {row["name"]: row for row in magpie("status", "--privacy")[1]["kept"]}
    assert set(tables.metadata.tables) == set(LISTED) | {"job"}
    assert {"asides", "receipts"} <= set(rows)
    counts = {name: rows[name]["count"] for name in LISTED.values()}
    assert counts | {"feedback": 0, "pictures in Slack": 0} == {
        **dict.fromkeys(LISTED.values(), 1),
        "questions": 2,
        "log of access": 2,
        "feedback": 0,
        "pictures in Slack": 0,
        "revisions of messages": 2,
    }
    assert "2 days" in rows["revisions of messages"]["until"]
    assert "2 days" in rows["events"]["until"]


def test_privacy_counts_departures_apart_from_what_was_forgotten(magpie: Magpie, team: Path) -> None:
    with opened(team) as rag, rag.write_transaction() as connection:
        end_message(connection, "slack", "F9", "C1", "9.1")
    rows = {row["name"]: row for row in magpie("status", "--privacy")[1]["kept"]}
    assert rows["what was forgotten"]["count"] == 0
    assert rows["what was withdrawn"]["count"] == 1
    assert "2 days" in rows["what was withdrawn"]["until"]


def test_privacy_counts_forgotten_shares(magpie: Magpie, team: Path) -> None:
    magpie("forget", "--yes", "gulls.pdf")
    rows = {row["name"]: row for row in magpie("status", "--privacy")[1]["kept"]}
    assert (rows["documents"]["count"], rows["names"]["count"]) == (1, 2)
    assert rows["what was forgotten"]["count"] == 1


def test_privacy_shows_retention_of_the_settings(magpie: Magpie, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_KEEP__FILES_DAYS", "30")
    monkeypatch.setenv("SLACK_KEEP_DAYS", "7")
    monkeypatch.setenv("SLACK_WITHDRAW", "false")
    until = {row["name"]: row["until"] for row in magpie("status", "--privacy")[1]["kept"]}
    assert "at most 30 days" in until["words"]
    assert until["log of access"].startswith("7 days")
    assert "forever" in until["pictures in Slack"]


def test_privacy_is_printed_as_a_table(run: Run, team: Path) -> None:
    code, out, _ = run(
        FakeEngine(stores=[StoredData("words", team / "catalog.db", 4, "chunk", 120_000, "texts", "ever")]),
        "status",
        "--privacy",
        "--data",
        str(team),
    )
    assert code == 0
    assert max(len(line) for line in out.splitlines() if str(team) not in line) <= 80
    assert all(word in out for word in ("words: texts", "catalog.db", "4 chunks", "0.1 MB", "ever", "log of access"))


# ---------------------------------------------------------------- status --access


def test_access_finds_a_file_by_path_name_and_sha256(magpie: Magpie, folder: Path, team: Path) -> None:
    path = folder / "gateway.pdf"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in (str(path), "gateway.pdf", sha256, sha256[:8].upper()):
        code, shape, _ = magpie("status", "--access", name)
        assert (code, shape["days"]) == (0, 90)
        assert [(row["user"], row["channel"], row["ts"]) for row in shape["seen"]] == [
            ("U2", "C2", "6.1"),
            ("U1", "C1", "5.1"),
        ]
        assert {row["sha256"] for row in shape["seen"]} == {sha256}
        last = shape["seen"][1]
        assert (last["question"], last["removed"]) == (KINGFISHER, False)
        assert (last["scope"], last["spaces"]) == ("this conversation, C1", ["C1"])
        assert datetime.fromisoformat(last["at"]).tzinfo is not None
    assert magpie("status", "--access", "gulls.pdf")[1]["seen"] == []


def test_access_finds_a_file_by_its_slack_id(magpie: Magpie, team: Path) -> None:
    with opened(team) as rag, rag.write_transaction() as connection:
        put_share(connection, Share("slack", "F77", "C3", "from-slack.pdf"))
        connection.execute(
            text("UPDATE source SET state = 'known', document_id = (SELECT document FROM access_log) WHERE ref = 'F77'")
        )
    assert len(magpie("status", "--access", "F77")[1]["seen"]) == 2


def test_access_to_a_removed_file_is_listed_without_the_question(magpie: Magpie, folder: Path, team: Path) -> None:
    path = folder / "gateway.pdf"
    magpie("forget", "--yes", "gateway.pdf")
    code, _, err = magpie("status", "--access", "gateway.pdf")
    assert code == 1
    assert "SHA-256" in err
    _, shape, _ = magpie("status", "--access", str(path))
    assert [(row["user"], row["question"], row["removed"]) for row in shape["seen"]] == [
        ("U2", None, True),
        ("U1", None, True),
    ]


def test_access_names_mentioned_people_by_their_ids(magpie: Magpie, team: Path) -> None:
    with opened(team) as rag:
        ask(rag, "C1", "8.1", "U1", without_mention("<@U9> which port, <#C9>?", "U0"))
    assert magpie("status", "--access", "gateway.pdf")[1]["seen"][0]["question"] == "@U9 which port, #C9?"


def test_access_is_printed_as_text(run: Run, folder: Path, team: Path) -> None:
    def show(name: str) -> str:
        code, out, _ = run(FakeEngine(), "--data", str(team), "status", "--access", name)
        assert code == 0
        return out

    printed = show("gateway.pdf")
    assert printed.startswith("Used in 2 replies in the last 90 days.")
    assert f"U1 asked in C1\n  Question: {KINGFISHER}\n  Scope: this conversation, C1\n" in printed
    assert "The file was shared in: C1" in printed
    assert "The reply could be read by: everyone in the conversation at that time" in printed
    assert show("gulls.pdf") == "No answer has used this file in the last 90 days.\n"
    with opened(team) as rag:
        ask(rag, "C1", "7.1", "U3", "")
        assert "Question: (only a picture or a button)" in show("gateway.pdf")
        rag.forget(["gateway.pdf"])
    assert show(str(folder / "gateway.pdf")).count("Question: (removed with the file)") == 3


@pytest.mark.parametrize("name", ["no-such.pdf", "abcdefg", "x" * 5000, "1234567"])
def test_access_to_an_unknown_file_fails(magpie: Magpie, team: Path, name: str) -> None:
    code, shape, err = magpie("status", "--access", name)
    assert (code, shape) == (1, None)
    assert "8 digits of its SHA-256" in " ".join(err.split())


def test_privacy_and_access_exclude_each_other(run: Run) -> None:
    assert run(FakeEngine(), "status", "--privacy", "--access", "x.pdf")[0] == 2


# ---------------------------------------------------------------- on the disk


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs Unix permissions")
def test_all_written_files_are_private(magpie: Magpie, folder: Path, data: Path, tmp_path: Path) -> None:
    data.mkdir()
    data.chmod(0o1777)  # Magpie does not change the permissions of such a folder, but its own files are private
    before = os.umask(0o022)
    try:
        magpie("index", str(folder))
        magpie("ask", "On which port does the gateway listen?")
        (tmp_path / "q.jsonl").write_text('{"id": "1", "query": "port?", "file": "gateway.pdf", "pages": [1]}')
        magpie("eval", "--questions", "q.jsonl", "--report", "out.html")
        assert os.umask(0o022) == 0o022  # the command restores the umask
    finally:
        os.umask(before)
    written = [tmp_path / "out.html", *data.rglob("*")]
    assert {"catalog.db", "evidence", "files", "pictures", "out.html"} <= {path.name for path in written}
    assert len([path for path in written if path.is_file()]) > 8
    assert [path.name for path in written if path.stat().st_mode & 0o077] == []
