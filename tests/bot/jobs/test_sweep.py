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
from bot.inbox import record
from bot.jobs.sweep import Sweep
from bot.slack.client import SlackClient
from bot.slack.events import Unshared
from bot.slack.files import KIND, SlackFiles, is_shared_in
from rag import Rag, RoundRobin, Share, TryAgain, hidden_shares, open_rag, put_share, shared_in
from tests.flows.team import settings, slack_settings
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("module", manifest=MANIFEST)


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with open_rag(settings(tmp_path), histories=[tables.HISTORY]) as rag:
        yield rag


@pytest.fixture
def sweep(ws: Workspace, rag: Rag) -> Sweep:
    client, slack = SlackClient(slack_settings(ws)), slack_settings(ws)
    return Sweep(client, rag, SlackFiles(client, slack, ws.bot_user, 200), ws.bot_user)


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
    client, slack = SlackClient(slack_settings(ws)), slack_settings(ws)
    sweep = Sweep(client, rag, SlackFiles(client, slack, ws.bot_user, 200), ws.bot_user, max_files=3)
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


def test_unshared_files_are_dropped_and_unlisted_ones_stay(ws: Workspace, rag: Rag, sweep: Sweep) -> None:
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


def test_changed_file_stays_shared_and_deleted_file_is_dropped(ws: Workspace, rag: Rag, sweep: Sweep) -> None:
    ada = ws.person("eli")
    room = ws.channel("changing", members=[ada])
    file = ws.message(room, ws.post(ada, room, files=[("old.pdf", b"%PDF-1.4")])).files[0]
    sweep.file(file)
    assert shared(rag, room) == []
    sweep.channel(room)
    ws.rename_file(file, "new.pdf")
    sweep.file(file)
    assert shared(rag, room) == [file]
    ws.delete_file(file)
    sweep.file(file)
    assert shared(rag, room) == []


# ---------------------------------------------------------------- file objects

SHARES = {"public": {"C1": [{"ts": "1.5"}, {"ts": "2.5"}]}}


@pytest.mark.parametrize(
    ("raw", "removed", "is_shared"),
    [
        ({"mode": "hosted", "shares": SHARES}, (), True),
        ({"mode": "hosted", "shares": SHARES}, ("2.5",), True),
        ({"mode": "hosted", "shares": SHARES}, ("1.5", "2.5"), False),
        ({"mode": "hosted", "shares": {}}, (), False),
        ({"mode": "hosted", "shares": {}, "has_more_shares": True}, (), None),
        ({"mode": "hosted"}, (), None),
        ({"mode": "hosted", "channels": ["C1"]}, (), True),
        ({"mode": "hosted", "channels": ["C1"]}, ("1.5",), None),
        ({"mode": "hosted", "channels": ["C2"], "shares": {}}, (), False),
        ({"mode": "file_access", "file_access": "check_file_info", "shares": {}}, (), None),
        ({"mode": "hidden_by_limit"}, (), None),
        ({"mode": "tombstone"}, (), False),
    ],
)
def test_file_object_disproves_a_share_only_if_it_lists_all_shares(
    raw: dict[str, object], removed: tuple[str, ...], is_shared: bool | None
) -> None:
    assert is_shared_in({"id": "F1", **raw}, "C1", removed) is is_shared


class SilentFiles(SlackFiles):
    """Files whose file objects do not say where they are shared."""

    def info(self, file: str) -> Mapping[str, Any]:
        return {key: value for key, value in super().info(file).items() if key not in WHERE}


WHERE = ("shares", "channels", "groups", "ims")


def test_file_object_without_shares_drops_nothing(ws: Workspace, rag: Rag, sweep: Sweep) -> None:
    flo = ws.person("flo")
    room = ws.channel("silent", members=[flo])
    file = ws.message(room, ws.post(flo, room, files=[("kept.pdf", b"%PDF-1.4")])).files[0]
    sweep.channel(room)
    with rag.write_transaction() as connection:
        record(connection, Unshared(file, room, 9e9, "1.5"))
    client, slack = SlackClient(slack_settings(ws)), slack_settings(ws)
    silent = Sweep(client, rag, SilentFiles(client, slack, ws.bot_user, 200), ws.bot_user)
    with pytest.raises(TryAgain, match="does not say"):
        silent.file(file)
    ws.pace.list_lag = 600
    try:
        silent.channel(room)
    finally:
        ws.pace.list_lag = 0
    assert shared(rag, room) == [file]
    with rag.read_transaction() as connection:
        assert set(hidden_shares(connection, KIND, file)) == {room}
    sweep.file(file)
    with rag.read_transaction() as connection:
        assert hidden_shares(connection, KIND, file) == {}
    assert shared(rag, room) == [file]
