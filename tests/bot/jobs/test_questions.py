"""The workers that post placeholders and answer questions, taken step by step."""

from __future__ import annotations

from pathlib import Path

from bot.answers import render
from bot.db import questions
from bot.db.questions import Cancellation
from bot.demo.slack_server import Workspace
from bot.main import open_bot
from bot.slack import messages
from bot.slack.events import Question
from tests.flows.team import settings, slack_settings
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


def test_late_progress_update_does_not_replace_the_note_that_a_question_was_stopped(
    ws: Workspace, tmp_path: Path
) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    ts = ws.post(ada, channel, "Which port does the gateway use?")
    with open_bot(settings(tmp_path), slack_settings(ws)) as bot:
        with bot.rag.write_transaction() as connection:
            questions.put_question(connection, Question(channel, ts, "", ada, "Which port does the gateway use?", ()))
        assert bot.placeholders.step()
        claimed = bot.answers.claim()
        assert claimed is not None
        assert claimed.placeholder
        with bot.rag.write_transaction() as connection:
            questions.cancel_question(connection, channel, ts, Cancellation.STOPPED)
        assert bot.placeholders.step()
        assert ws.message(channel, claimed.placeholder).text == messages.STOPPED
        progress = render.working_reply("Reading …")
        bot.client.update_message(channel, claimed.placeholder, progress.text, progress.blocks)
        bot.answers.discard(claimed)
        assert ws.message(channel, claimed.placeholder).text == messages.STOPPED
