"""Checks of single files find every message that shares one, whatever the events said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace
from bot.inbox.limits import Limits
from bot.inbox.recording import record
from bot.intake import ChannelRules, IntakeRules
from bot.slack.events import IntakeRefusal
from bot.slack.files import KIND
from bot.slack.payloads import parse
from rag import Share, ShareState, end_message, put_share
from tests.bot.jobs.sweeping import Sweeps, open_sweeps
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("function", manifest=MANIFEST)
PDF = b"%PDF-1.4"


@pytest.fixture
def sweeps(ws: Workspace, tmp_path: Path) -> Iterator[Sweeps]:
    with open_sweeps(ws, tmp_path) as sweeps:
        yield sweeps


def test_stub_in_a_second_question_gets_a_share_of_its_own(ws: Workspace, sweeps: Sweeps) -> None:
    ada = ws.person("ada")
    partners = ws.channel("partners", [ada, ws.person("eve", stranger_team="T9999999999")], shared=True)
    file = ws.message(partners, ws.post("eve", partners, files=[("plan.pdf", PDF)])).files[0]
    direct = ws.direct(ada)
    asked = []
    for text in ("what is this?", "and who wrote it?"):
        asked.append(ws.share(ada, file, direct, text))
        stub = {"id": file, "mode": "file_access", "file_access": "check_file_info"}
        raw = {"type": "message", "channel": direct, "channel_type": "im", "user": ada, "ts": asked[-1], "text": text}
        with sweeps.rag.write_transaction() as connection:
            for event in parse({**raw, "files": [stub]}, ws.bot_user):
                record(connection, event)
        sweeps.run()
    assert [share.message for share in sweeps.shared(direct)] == asked


def test_listed_file_is_found_in_another_message_than_one_that_ended(ws: Workspace, sweeps: Sweeps) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    first = ws.post(ada, channel, files=[("plan.pdf", PDF)])
    file = ws.message(channel, first).files[0]
    again = ws.share(ada, file, channel, "here it is again")
    ws.delete_message(channel, first)
    with sweeps.rag.write_transaction() as connection:
        put_share(connection, Share(KIND, file, channel, "plan.pdf", message=first))
        end_message(connection, KIND, file, channel, first)
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert [share.message for share in sweeps.shared(channel)] == [again]


def test_file_of_an_unreadable_message_is_not_indexed_in_a_channel_that_is_left_out(
    ws: Workspace, tmp_path: Path
) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    rules = IntakeRules(channels=ChannelRules.of([], [channel]))
    ws.faults.fail("conversations.history", 9, error="missing_scope")
    with open_sweeps(ws, tmp_path, Limits(intake=rules)) as sweeps:
        file = ws.message(channel, ws.post(ada, channel, files=[("plan.pdf", PDF)])).files[0]
        sweeps.request(JobKind.LOCATE_FILE, channel, file)
        assert sweeps.shared(channel) == []
        assert [share.reason for share in sweeps.shared(channel, KIND, ShareState.REFUSED)] == [IntakeRefusal.CHANNEL]
