"""A file of which some pages or attachments cannot be read, in a workspace with the real bot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot, open_bot
from rag import Scope
from tests.flows.team import INCOMPLETE, READ, receipts, running, said, settings, slack_settings, wait_for_ephemeral
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor, attached
from tests.support.generator import FakeGenerator
from tests.support.migrated import open_rag

REPORT = b"The gateway listens on port 8443.\f!bad\fHerons nest here.\f!bad"
MISSING = "not all of it. Pages 2, 4: This page could not be read."


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    opened = partial(open_rag, extractor=TextExtractor, embedder=NoEmbedder(), generator=FakeGenerator())
    with open_bot(settings(tmp_path / "data"), slack_settings(ws), opened) as bot, running(bot):
        yield bot


def test_only_the_sender_is_told_which_pages_could_not_be_read(
    ws: Workspace, bot: Bot, ada: str, ben: str, channel: str
) -> None:
    ts = ws.post(ada, channel, files=[("report.txt", REPORT)])
    receipts(ws, channel, ts, INCOMPLETE)
    assert READ not in ws.message(channel, ts).reactions
    assert f"I read report.txt, but {MISSING}" in said(wait_for_ephemeral(ws, ada, "report.txt"))
    assert ws.ephemerals(ben) == []


def test_home_and_status_say_which_pages_could_not_be_read(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("report.txt", REPORT)]), INCOMPLETE)
    ws.command(ada, channel, "/magpie", "status")
    status = said(wait_for_ephemeral(ws, ada, "Here: "))
    assert "1 file (4 pages)" in status
    assert f"• report.txt: read, but {MISSING}" in status
    ws.open_home(ada)
    home = ws.wait(lambda: str(ws.home(ada)) if "report.txt" in str(ws.home(ada)) else "", 20, "Home")
    assert f"report.txt: read, but {MISSING}" in home


def test_nothing_is_said_about_a_file_that_was_read_completely(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    receipts(ws, channel, ws.post(ada, channel, files=[("whole.txt", b"Herons nest here.")]), READ)
    receipts(ws, channel, ws.post(ada, channel, files=[("report.txt", REPORT)]), INCOMPLETE)
    wait_for_ephemeral(ws, ada, "report.txt")
    assert len(ws.ephemerals(ada)) == 1


def test_attachment_is_found_until_its_file_is_unshared(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    report = attached("Herons nest here.", invoice_xml="Total 4711 florins", locked_pdf="!unreadable")
    ts = ws.post(ada, channel, files=[("report.txt", report.encode())])
    receipts(ws, channel, ts, INCOMPLETE)
    said_to_ada = said(wait_for_ephemeral(ws, ada, "report.txt"))
    assert "I read report.txt, but not all of it. locked.pdf: The file is encrypted." in said_to_ada
    (hit,) = bot.rag.find("florins", Scope.of(channel)).hits
    assert hit.title == "invoice.xml, attached to report.txt"
    ws.delete_message(channel, ts)
    ws.wait(lambda: not bot.rag.find("florins", Scope.of(channel)).hits, 20, "the attachment to be gone")
