"""A file of which some pages cannot be read, in a workspace with the real bot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot, open_bot
from rag import open_rag
from tests.flows.team import READ, receipts, running, said, settings, slack_settings, wait_for_ephemeral
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.generator import FakeGenerator

REPORT = b"The gateway listens on port 8443.\f!bad\fHerons nest here.\f!bad"
MISSING = "not pages 2 and 4: This page could not be read."


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    opened = partial(open_rag, extractor=TextExtractor, embedder=NoEmbedder(), generator=FakeGenerator())
    with open_bot(settings(tmp_path / "data"), slack_settings(ws), opened) as bot, running(bot):
        yield bot


def test_only_the_sender_is_told_which_pages_could_not_be_read(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    ts = ws.post(ada, channel, files=[("report.txt", REPORT)])
    receipts(ws, channel, ts, READ)
    assert f"I read report.txt, but {MISSING}" in said(wait_for_ephemeral(ws, ada, "report.txt"))
    assert ws.ephemerals(ben) == []


def test_home_and_status_say_which_pages_could_not_be_read(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("report.txt", REPORT)]), READ)
    ws.command(ada, channel, "/magpie", "status")
    status = said(wait_for_ephemeral(ws, ada, "Here: "))
    assert "1 file (4 pages)" in status
    assert f"• report.txt: read, but {MISSING}" in status
    ws.open_home(ada)
    home = ws.wait(lambda: str(ws.home(ada)) if "report.txt" in str(ws.home(ada)) else "", 20, "Home")
    assert f"report.txt: read, but {MISSING}" in home


def test_nothing_is_said_about_a_file_that_was_read_completely(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("whole.txt", b"Herons nest here.")]), READ)
    receipts(ws, channel, ws.post(ada, channel, files=[("report.txt", REPORT)]), READ)
    wait_for_ephemeral(ws, ada, "report.txt")
    assert len(ws.ephemerals(ada)) == 1
