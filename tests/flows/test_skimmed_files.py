"""A file can be asked about while it is read; its receipt says when it is fully read."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from bot.db import tables
from bot.demo.slack_server import Workspace
from bot.main import open_bot
from tests.flows.team import HANDBOOK, READ, receipts, reply, running, said, settings, slack_settings
from tests.rag.answer.test_skimmed_answer import Skimming
from tests.support.absent import NoEmbedder
from tests.support.generator import FakeGenerator
from tests.support.migrated import migrated, open_rag


def test_question_sent_with_a_file_is_answered_before_the_file_is_fully_read(
    ws: Workspace, tmp_path: Path, ada: str, channel: str
) -> None:
    go, chosen = threading.Event(), settings(tmp_path / "data")
    migrated(chosen.data, tables.HISTORY)
    generator = FakeGenerator()
    opened = partial(open_rag, generator=generator, extractor=lambda: Skimming(chosen, go), embedder=NoEmbedder())
    with open_bot(chosen, slack_settings(ws), opened) as bot, running(bot):
        asked = f"<@{ws.bot_user}> Which port does the gateway listen on?"
        ts = ws.post(ada, channel, asked, files=[("handbook.pdf", HANDBOOK)])
        answer = said(reply(ws, channel, ts))
        assert "8443" in answer
        assert answer.count("Pages 1 to 3 of handbook.pdf are not fully read yet.") == 1
        assert READ not in ws.message(channel, ts).reactions
        go.set()
        receipts(ws, channel, ts, READ)
        ts = ws.post(ada, channel, asked)
        assert "fully read" not in said(reply(ws, channel, ts))
