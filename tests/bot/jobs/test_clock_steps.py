"""The machine's clock is set by days while the bot runs: work is neither lost nor late, and nothing expires."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from sqlalchemy import func, select

from bot.db import questions, tables
from bot.db.questions import QuestionState
from bot.demo.slack_server import Workspace
from bot.jobs.clock_steps import check_clock
from bot.jobs.questions import AnswerWorker
from bot.jobs.retention import Maintenance
from bot.main import open_bot
from bot.slack.client import SlackClient
from bot.slack.events import Question
from rag import SteadyClock
from tests.flows.team import mention, reply, running, settings, slack_settings
from tests.support.migrated import migrated
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)

DAY = 24 * 3600.0


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


@pytest.mark.parametrize("step", [-3 * DAY, 3 * DAY])
def test_delayed_question_is_answered_soon_after_a_step(
    ws: Workspace, ada: str, channel: str, tmp_path: Path, step: float, caplog: pytest.LogCaptureFixture
) -> None:
    set_by = [0.0]
    clock = SteadyClock(None, lambda: time() + set_by[0])
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        text = mention(ws)
        ts = ws.post(ada, channel, text)
        with bot.rag.write_transaction() as connection:  # as if Slack had asked to wait, before the step
            questions.put_question(connection, Question(channel, ts, ts, ada, text))
            connection.execute(tables.question.update().values(next_try=time() + max(0.0, -step) + 2))
        with running(replace(bot, clock=clock)):
            set_by[0] = step
            reply(ws, channel, ts)
    direction = "back" if step < 0 else "forward"
    assert [r.getMessage() for r in caplog.records if "clock" in r.getMessage()] == [
        f"The clock of this machine was set 3 days {direction}."
    ]


def test_nothing_expires_because_of_a_step(ws: Workspace, tmp_path: Path) -> None:
    set_by = [0.0]
    clock = SteadyClock(None, lambda: time() + set_by[0])
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        ts = f"{time():.6f}"
        with bot.rag.write_transaction() as connection:
            questions.put_question(connection, Question("C1", ts, ts, "U1", "which port?"))
            connection.execute(tables.question.update().values(state=QuestionState.DONE))
            connection.execute(tables.delivery.insert().values(event_id="Ev1", at=time()))
        nothing: object = None
        maintenance = Maintenance(bot.rag, nothing, nothing, withdraw=False, keep_days=90, clock=clock.oldest)  # type: ignore[arg-type]
        for set_by[0] in (400 * DAY, -400 * DAY):
            maintenance.expire()
            with bot.rag.read_transaction() as connection:
                for table in (tables.question, tables.delivery):
                    assert connection.scalar(select(func.count()).select_from(table)) == 1


def test_question_does_not_age_by_a_step(ws: Workspace, ada: str, channel: str, tmp_path: Path) -> None:
    """After a step forward, one failure would otherwise give up every question; after one back, none for days."""
    set_by = [0.0]
    clock = SteadyClock(None, lambda: time() + set_by[0])
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        worker = AnswerWorker(bot.rag, bot.answers._responder, bot.answers._fair, clock.now)
        ts = ws.post(ada, channel, "which port?")
        with bot.rag.write_transaction() as connection:
            questions.put_question(connection, Question(channel, ts, ts, ada, "which port?"))
        assert bot.placeholders.step()
        set_by[0] = 3 * DAY
        ws.faults.fail("chat.update", status=429, retry_after=1)
        assert worker.step()
        with bot.rag.read_transaction() as connection:
            assert connection.scalar(select(tables.question.c.state)) == QuestionState.NEW


def test_wrong_clock_is_reported_and_what_it_recorded_does_not_wait(
    ws: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        with bot.rag.write_transaction() as connection:
            connection.execute(tables.job.insert().values(kind="all", key="x", created=1.0, next_try=time() + 9 * DAY))
        assert not caplog.records
        check_clock(bot.rag, SteadyClock(time() - 3 * DAY))
        with bot.rag.read_transaction() as connection:
            assert connection.scalar(select(func.max(tables.job.c.next_try))) <= time()
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith("The clock of this machine is 3 days ahead of Slack's.")


def test_slack_says_what_time_it_is(ws: Workspace) -> None:
    at = SlackClient(slack_settings(ws)).identify().at
    assert at is not None
    assert abs(at - time()) < 60
