"""The sweep adds listed files and drops files that are no longer shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.db import jobs, tables
from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace
from bot.inbox import Limits, record
from bot.jobs.file_checks import FileChecks
from bot.jobs.sweep import Sweep
from bot.slack.client import SlackClient
from bot.slack.events import FileUnshared
from bot.slack.files import KIND, SlackFiles, listings
from rag import (
    Rag,
    RoundRobin,
    Share,
    ShareState,
    SpaceListing,
    TryAgain,
    list_shares,
    open_rag,
    put_share,
    shared_in,
)
from tests.flows.team import settings, slack_settings
from tests.support.slack_workspace import MANIFEST, workspace_fixture

UNLIMITED = Limits()

ws = workspace_fixture("module", manifest=MANIFEST)


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(settings(tmp_path), histories=[tables.HISTORY]) as rag:
        yield rag


def checks_of(ws: Workspace, rag: Rag, files: type[SlackFiles] = SlackFiles, limits: Limits = UNLIMITED) -> FileChecks:
    client, slack = SlackClient(slack_settings(ws)), slack_settings(ws)
    reader = files(client, slack, ws.bot_user, 200)
    return FileChecks(client, rag, reader, ws.bot_user, limits)


def sweep_of(ws: Workspace, rag: Rag, checks: FileChecks, limits: Limits = UNLIMITED) -> Sweep:
    return Sweep(SlackClient(slack_settings(ws)), rag, checks, ws.bot_user, limits)


@pytest.fixture
def checks(ws: Workspace, rag: Rag) -> FileChecks:
    return checks_of(ws, rag)


@pytest.fixture
def sweep(ws: Workspace, rag: Rag, checks: FileChecks) -> Sweep:
    return sweep_of(ws, rag, checks)


def run_checks(rag: Rag, checks: FileChecks) -> None:
    """Run the checks of single files that the sweep requested."""
    while True:
        with rag.write_transaction() as connection:
            job = jobs.claim(connection, [JobKind.CHECK_FILE, JobKind.LOCATE_FILE], RoundRobin())
        if job is None:
            return
        if job.kind is JobKind.CHECK_FILE:
            checks.check(job.key)
        else:
            checks.locate(job.channel, job.key)
        with rag.write_transaction() as connection:
            jobs.finish(connection, job)


def hidden(rag: Rag, file: str) -> set[str]:
    """Return the conversations in which a file is hidden until Slack says whether it is shared there."""
    with rag.read_transaction() as connection:
        return {share.space for share in list_shares(connection, KIND, file, states=[ShareState.CHECKING])}


def shared(rag: Rag, channel: str) -> list[str]:
    with rag.read_transaction() as connection:
        return shared_in(connection, KIND, channel)


def swept(rag: Rag) -> set[str]:
    """Return the conversations with a requested sweep."""
    found = set()
    with rag.write_transaction() as connection:
        while job := jobs.claim(connection, [JobKind.SWEEP_CHANNEL], RoundRobin()):
            found.add(job.channel)
            jobs.finish(connection, job)
    return found


def test_every_page_of_a_long_listing_is_added(ws: Workspace, rag: Rag, sweep: Sweep) -> None:
    ada = ws.person("ada")
    room = ws.channel("long", members=[ada])
    for start in range(0, 250, 50):
        ws.post(ada, room, files=[(f"{number}.pdf", b"%PDF-1.4") for number in range(start, start + 50)])
    sweep.channel(room)
    assert len(shared(rag, room)) == 250
    asked = [arguments.get("page") for arguments in ws.called("files.list")]
    assert asked == ["1", "2", "3"]
    sweep.channel(room)
    assert len(shared(rag, room)) == 250


def test_files_beyond_a_persons_limit_are_added_by_a_later_sweep(ws: Workspace, rag: Rag) -> None:
    cara = ws.person("cara")
    room = ws.channel("flood", members=[cara])
    ws.post(cara, room, files=[(f"{number}.pdf", b"%PDF-1.4") for number in range(5)])
    limits = Limits(files=3)
    sweep = sweep_of(ws, rag, checks_of(ws, rag, limits=limits), limits)
    sweep.channel(room)
    assert len(shared(rag, room)) == 3
    with rag.write_transaction() as connection:
        connection.execute(text("UPDATE source SET state = 'failed' WHERE state = 'waiting'"))
    sweep.channel(room)
    assert len(shared(rag, room)) == 5


def test_files_that_are_not_indexed_are_skipped(ws: Workspace, rag: Rag, sweep: Sweep) -> None:
    ada = ws.person("bea")
    room, here = ws.channel("mixed", members=[ada]), ws.direct(ada)
    ws.post(ada, room, files=[("film.mp4", b"film"), ("shot.png", b"\x89PNG"), ("talk.pdf", b"%PDF-1.4")])
    ws.post(ada, here, files=[("asked.png", b"\x89PNG"), ("given.pdf", b"%PDF-1.4")])
    outside = ws.post(ada, room, files=[("elsewhere.pdf", b"%PDF-1.4")])
    ws.set_mode(ws.message(room, outside).files[0], "external", external=True)
    for channel in (room, here):
        sweep.channel(channel)
    names = {file.id: file.name for file in ws.files()}
    assert sorted(names[id] for id in shared(rag, room)) == ["shot.png", "talk.pdf"]
    assert [names[id] for id in shared(rag, here)] == ["given.pdf"]


def test_unshared_files_are_dropped_and_unlisted_ones_stay(
    ws: Workspace, rag: Rag, sweep: Sweep, checks: FileChecks
) -> None:
    ada = ws.person("cy")
    room = ws.channel("going", members=[ada])
    ws.post(ada, room, files=[("stays.pdf", b"%PDF-1.4"), ("goes.pdf", b"%PDF-1.4"), ("gone.pdf", b"%PDF-1.4")])
    stays, goes, gone = (ws.files(name)[0].id for name in ("stays.pdf", "goes.pdf", "gone.pdf"))
    sweep.channel(room)
    ws.unshare(goes, room)
    ws.delete_file(gone)
    ws.pace.list_lag = 600
    try:
        late = ws.message(room, ws.post(ada, room, files=[("late.pdf", b"%PDF-1.4")])).files[0]
        with rag.write_transaction() as connection:
            put_share(connection, Share(KIND, late, room))
        sweep.channel(room)
        run_checks(rag, checks)
    finally:
        ws.pace.list_lag = 0
    assert shared(rag, room) == [stays, late]


def test_plan_requests_every_conversation_and_drops_others(ws: Workspace, rag: Rag, sweep: Sweep) -> None:
    ada = ws.person("di")
    room, left, here = ws.channel("in", members=[ada]), ws.channel("out", members=[ada], private=True), ws.direct(ada)
    with rag.write_transaction() as connection:
        for channel in (room, left):
            put_share(connection, Share(KIND, "F1", channel))
        put_share(connection, Share("path", "/notes.pdf", left))
    ws.remove_bot(left)
    sweep.plan()
    planned = swept(rag)
    assert {room, here} <= planned
    assert left not in planned
    assert shared(rag, left) == []
    with rag.read_transaction() as connection:
        assert shared_in(connection, "path", left) == ["/notes.pdf"]


def test_changed_file_stays_shared_and_deleted_file_is_dropped(
    ws: Workspace, rag: Rag, sweep: Sweep, checks: FileChecks
) -> None:
    ada = ws.person("eli")
    room = ws.channel("changing", members=[ada])
    file = ws.message(room, ws.post(ada, room, files=[("old.pdf", b"%PDF-1.4")])).files[0]
    checks.check(file)
    assert shared(rag, room) == []
    sweep.channel(room)
    ws.rename_file(file, "new.pdf")
    checks.check(file)
    assert shared(rag, room) == [file]
    ws.delete_file(file)
    checks.check(file)
    assert shared(rag, room) == []


# ---------------------------------------------------------------- file objects

SHARES = {"public": {"C1": [{"ts": "1.5"}, {"ts": "2.5"}]}}


@pytest.mark.parametrize(
    ("raw", "ts", "is_complete", "is_there"),
    [
        ({"mode": "hosted", "shares": SHARES}, {"1.5", "2.5"}, True, True),
        ({"mode": "hosted", "shares": {}}, set(), True, False),
        ({"mode": "hosted", "shares": {}, "has_more_shares": True}, set(), False, False),
        ({"mode": "hosted", "shares": SHARES, "has_more_shares": True}, {"1.5", "2.5"}, False, True),
        ({"mode": "hosted"}, set(), False, False),
        ({"mode": "hosted", "channels": ["C1"]}, set(), False, True),
        ({"mode": "hosted", "channels": ["C1"], "shares": {}}, set(), False, True),
        ({"mode": "hosted", "channels": ["C2"], "shares": {}}, set(), True, False),
        ({"mode": "file_access", "file_access": "check_file_info", "shares": {}}, set(), False, False),
        ({"mode": "hidden_by_limit"}, set(), False, False),
        ({"mode": "tombstone"}, set(), True, False),
    ],
)
def test_file_object_disproves_a_share_only_if_it_lists_all_shares(
    raw: dict[str, object], ts: set[str], is_complete: bool, is_there: bool
) -> None:
    expected = SpaceListing(dict.fromkeys(ts, ""), is_complete, is_there)
    assert listings({"id": "F1", **raw}, ["C1"]) == {"C1": expected}


class SilentFiles(SlackFiles):
    """Files whose file objects do not say where they are shared."""

    def info(self, file: str) -> Mapping[str, Any]:
        return {key: value for key, value in super().info(file).items() if key not in WHERE}


WHERE = ("shares", "channels", "groups", "ims")


def test_file_object_without_shares_drops_nothing(ws: Workspace, rag: Rag, sweep: Sweep, checks: FileChecks) -> None:
    flo = ws.person("flo")
    room = ws.channel("silent", members=[flo])
    file = ws.message(room, ws.post(flo, room, files=[("kept.pdf", b"%PDF-1.4")])).files[0]
    sweep.channel(room)
    with rag.write_transaction() as connection:
        record(connection, FileUnshared(file, room, 9e9))
    silent_checks = checks_of(ws, rag, SilentFiles)
    silent = sweep_of(ws, rag, silent_checks)
    with pytest.raises(TryAgain, match="does not say"):
        silent_checks.check(file)
    ws.pace.list_lag = 600
    try:
        silent.channel(room)
        with pytest.raises(TryAgain, match="does not say"):
            run_checks(rag, silent_checks)
    finally:
        ws.pace.list_lag = 0
    assert shared(rag, room) == [file]
    assert hidden(rag, file) == {room}
    checks.check(file)
    assert hidden(rag, file) == set()
    assert shared(rag, room) == [file]
