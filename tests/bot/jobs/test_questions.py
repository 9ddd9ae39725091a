"""The workers that post placeholders and answer questions, taken step by step."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from bot.answers import render
from bot.db import questions, tables
from bot.db.questions import Cancellation
from bot.demo.slack_server import Workspace
from bot.jobs.questions import PlaceholderWorker
from bot.main import Bot, open_bot
from bot.slack.events import Question
from bot.slack.messages import progress_texts
from tests.flows.team import settings, slack_settings
from tests.support.migrated import migrated
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


def test_late_progress_update_does_not_replace_the_note_that_a_question_was_stopped(
    ws: Workspace, tmp_path: Path
) -> None:
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    ts = ws.post(ada, channel, "Which port does the gateway use?")
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        with bot.rag.write_transaction() as connection:
            questions.put_question(connection, Question(channel, ts, "", ada, "Which port does the gateway use?", ()))
        assert bot.placeholders.step()
        claimed = bot.answers.claim()
        assert claimed is not None
        assert claimed.placeholder
        with bot.rag.write_transaction() as connection:
            questions.cancel_question(connection, channel, ts, Cancellation.STOPPED)
        assert bot.placeholders.step()
        assert ws.message(channel, claimed.placeholder).text == progress_texts.STOPPED
        progress = render.working_reply("Reading …")
        bot.client.update_message(channel, claimed.placeholder, progress.text, progress.blocks)
        bot.answers.discard(claimed)
        assert ws.message(channel, claimed.placeholder).text == progress_texts.STOPPED


def test_question_that_moves_up_in_the_queue_shows_its_new_position(ws: Workspace, tmp_path: Path) -> None:
    people = [ws.person(name) for name in ("ada", "ben", "cleo")]
    channel = ws.channel("harbor", members=people)
    asked = [(person, ws.post(person, channel, "Which port does the gateway use?")) for person in people]
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        with bot.rag.write_transaction() as connection:
            for person, ts in asked:
                questions.put_question(connection, Question(channel, ts, ts, person, "Which port?", ()))
        assert [bot.placeholders.step() for _ in people] == [True] * 3
        assert [_placeholder_text(bot, ws, channel, ts) for _, ts in asked] == [
            progress_texts.queue_position(ahead) for ahead in range(3)
        ]
        with bot.rag.write_transaction() as connection:
            questions.cancel_question(connection, channel, asked[0][1], Cancellation.DELETED)
        # The worker that has shown the positions shows others only after seconds.
        other = PlaceholderWorker(bot.rag, bot.placeholders._responder, lambda: None)
        while other.step():
            pass
        assert [_placeholder_text(bot, ws, channel, ts) for _, ts in asked[1:]] == [
            progress_texts.queue_position(ahead) for ahead in range(2)
        ]


def _placeholder_text(bot: Bot, ws: Workspace, channel: str, ts: str) -> str:
    with bot.rag.read_transaction() as connection:
        placeholder = connection.scalar(select(tables.question.c.placeholder).where(tables.question.c.ts == ts))
    return ws.message(channel, str(placeholder)).text
