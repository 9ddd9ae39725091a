"""The sweep of files adds what is listed and drops what is no longer shared, whatever happens to messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.db.jobs import JobKind
from bot.demo.slack_server import ManualClock, Workspace
from bot.inbox.recording import record
from bot.slack.events import FileUnshared
from bot.slack.files import KIND
from rag import Share, ShareState, put_share
from tests.bot.jobs.sweeping import Sweeps, open_sweeps
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("function", manifest=MANIFEST)
PDF = b"%PDF-1.4"


@pytest.fixture
def sweeps(ws: Workspace, tmp_path: Path) -> Iterator[Sweeps]:
    with open_sweeps(ws, tmp_path) as sweeps:
        yield sweeps


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


def test_every_page_of_a_long_listing_is_added(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    for start in range(0, 250, 50):
        ws.post(ada, channel, files=[(f"{number}.pdf", PDF) for number in range(start, start + 50)])
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert len(sweeps.shared(channel)) == 250
    assert [arguments.get("page") for arguments in ws.called("files.list")] == ["1", "2", "3"]


def test_files_that_are_not_indexed_are_skipped(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    direct = ws.direct(ada)
    ws.post(ada, channel, files=[("film.mp4", b"film"), ("shot.png", b"\x89PNG"), ("talk.pdf", PDF)])
    ws.post(ada, direct, files=[("asked.png", b"\x89PNG"), ("given.pdf", PDF)])
    outside = ws.post(ada, channel, files=[("elsewhere.pdf", PDF)])
    ws.set_mode(ws.message(channel, outside).files[0], "external", external=True)
    for each in (channel, direct):
        sweeps.request(JobKind.SWEEP_FILES, each)
    assert sweeps.names(channel) == ["shot.png", "talk.pdf"]
    assert sweeps.names(direct) == ["given.pdf"]


@pytest.mark.parametrize(
    "trouble",
    [
        {"method": "conversations.replies", "error": "thread_not_found"},
        {"method": "conversations.history", "error": "missing_scope"},
        {"method": "conversations.history", "status": 429, "retry_after": 60},
    ],
    ids=lambda trouble: trouble.get("error", "429"),
)
def test_withdrawn_file_is_dropped_although_messages_cannot_be_read(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str, trouble: dict[str, object]
) -> None:
    ts = ws.post(ada, channel, files=[("plan.pdf", PDF), ("stays.pdf", PDF)])
    root = ws.post(ada, channel, "a root")
    sweeps.everything()
    ws.post(ada, channel, "a reply", thread_ts=root)
    ws.unshare(ws.message(channel, ts).files[0], channel)
    method = str(trouble.pop("method"))
    ws.faults.fail(method, 99, **trouble)  # type: ignore[arg-type]
    sweeps.everything()
    assert sweeps.names(channel) == ["stays.pdf"]


def test_only_new_files_are_listed_between_complete_sweeps(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    ws.post(ada, channel, files=[("old.pdf", PDF)])
    sweeps.request(JobKind.SWEEP_FILES, channel)
    ws.post(ada, channel, files=[("new.pdf", PDF)])
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert sweeps.names(channel) == ["new.pdf", "old.pdf"]
    first, second = ws.called("files.list")
    assert "ts_from" not in first
    assert float(second["ts_from"]) == pytest.approx(sweeps.state(channel).reconciled_at - 3600, abs=2)


def test_old_file_that_is_shared_again_is_found_by_its_message(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    other = ws.channel("other", members=[ada])
    file = ws.message(channel, ws.post(ada, channel, files=[("old.pdf", PDF)])).files[0]
    sweeps.everything()
    with ws.hold_events():
        ts = ws.share(ada, file, other, "here it is again")
        sweeps.request(JobKind.SWEEP_MESSAGES, other)
    assert [(share.message, share.words) for share in sweeps.shared(other)] == [(ts, "here it is again")]


def test_file_that_no_listing_shows_is_looked_up_before_it_is_dropped(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    ws.pace.list_lag = 600
    posted = [ws.post(ada, channel, files=[(f"{number}.pdf", PDF)]) for number in range(3)]
    files = [ws.message(channel, ts).files[0] for ts in posted]
    with sweeps.rag.write_transaction() as connection:
        for file in (*files, "F0GONE"):
            put_share(connection, Share(KIND, file, channel, file))
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert sorted({share.ref for share in sweeps.shared(channel)}) == sorted(files)
    assert len(ws.called("files.info")) == 4


def test_many_unlisted_files_are_looked_up_at_a_bounded_rate(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    with sweeps.rag.write_transaction() as connection:
        for number in range(120):
            put_share(connection, Share(KIND, f"F0GONE{number:03}", channel, "gone.pdf"))
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert len(ws.called("files.info")) == 50
    assert len(sweeps.shared(channel)) == 70


def test_listed_files_get_their_message_and_its_words(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    ws.quirks.list_shares = False
    ts = ws.post(ada, channel, "Budget for the harbor", files=[("IMG_1.pdf", PDF)])
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert [(share.message, share.words) for share in sweeps.shared(channel)] == [(ts, "Budget for the harbor")]


def test_located_file_is_not_fetched_again(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    file = ws.message(channel, ws.post(ada, channel, files=[("a.pdf", PDF)])).files[0]
    with sweeps.rag.write_transaction() as connection:
        created = int(ws.file(file).created) * 1_000_000_000
        put_share(connection, Share(KIND, file, channel, "a.pdf", size=len(PDF), changed_ns=created))
        connection.execute(text("UPDATE source SET state = 'known'"))
    sweeps.request(JobKind.CHECK_FILE, key=file)
    assert [bool(share.message) for share in sweeps.shared(channel)] == [True]
    with sweeps.rag.read_transaction() as connection:
        assert connection.scalar(text("SELECT state FROM source")) == "known"


def test_words_of_a_message_that_is_rate_limited_are_read_later(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    ts = ws.post(ada, channel, "the words", files=[("a.pdf", PDF)])
    ws.faults.fail("conversations.history", 1, status=429, retry_after=60)
    sweeps.request(JobKind.LOCATE_FILE, channel, ws.message(channel, ts).files[0])
    assert [(share.message, share.words) for share in sweeps.shared(channel)] == [(ts, "the words")]


def test_picture_of_an_unreadable_message_is_not_shown(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    ts = ws.post(ada, channel, f"<@{ws.bot_user}> what is this?", files=[("shot.png", b"\x89PNG")])
    file = ws.message(channel, ts).files[0]
    ws.faults.fail("conversations.history", 1, status=429, retry_after=60)
    sweeps.request(JobKind.LOCATE_FILE, channel, file)
    assert sweeps.shared(channel) == []
    with sweeps.rag.write_transaction() as connection:
        connection.execute(text("UPDATE job SET next_try = 0"))
    sweeps.run()
    assert [share.state for share in sweeps.shared(channel, KIND, *ShareState)] == [ShareState.LEFT_OUT]


def test_listing_that_a_rate_limit_interrupts_is_continued(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    for start in range(0, 300, 50):
        ws.post(ada, channel, files=[(f"{number}.pdf", PDF) for number in range(start, start + 50)])
    clock = ManualClock()
    ws.limits.enforce(clock=clock, per_minute={"files.list": 1})
    for _ in range(3):
        sweeps.request(JobKind.SWEEP_FILES, channel)
        clock.advance(61)
    assert len(sweeps.shared(channel)) == 300
    assert (ws.limits.allowed("files.list"), ws.limits.refused("files.list")) == (3, 2)


def test_unshared_file_without_a_known_message_stays_hidden_until_it_is_checked(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    file = ws.message(channel, ws.post(ada, channel, files=[("kept.pdf", PDF)])).files[0]
    with sweeps.rag.write_transaction() as connection:
        put_share(connection, Share(KIND, file, channel, "kept.pdf"))
        record(connection, FileUnshared(file, channel, 9e9))
    assert sweeps.shared(channel) == []
    sweeps.run()
    assert sweeps.names(channel) == ["kept.pdf"]
