"""The parts of a running bot do not wait for each other, and a stopped or idle one leaves nothing behind."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, text

from bot.cli.redaction import Mask, redacted_logs
from bot.db import evidence, jobs, questions, tables
from bot.db.jobs import JobKind
from bot.db.questions import QuestionState
from bot.demo.slack_server import Workspace
from bot.jobs.questions import AnswerWorker, PlaceholderWorker
from bot.main import Bot, open_bot
from bot.slack.client import SlackClient
from bot.slack.events import Question
from bot.slack.messages import answer_texts
from bot.slack.token_check import TokenCheck
from bot.slack.transport import RetryPolicy
from rag.catalog import Catalog
from tests.bot.slack.test_http import free_port, signed
from tests.flows.team import (
    UNREADABLE,
    magpie,
    mention,
    said,
    settings,
    share,
    slack_settings,
    until,
)
from tests.support.migrated import migrated
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def channel(ws: Workspace, ada: str) -> str:
    return ws.channel("harbor", members=[ada])


@pytest.fixture
def bot(ws: Workspace, channel: str, tmp_path: Path) -> Iterator[Bot]:
    """A bot that is not started: tests take its steps."""
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        yield bot


@contextmanager
def locked(bot: Bot) -> Iterator[None]:
    """Hold the catalog's write lock."""
    with bot.rag.write_transaction():
        yield


def has_jobs(bot: Bot) -> bool:
    with bot.rag.read_transaction() as connection:
        return bool(connection.scalar(select(func.count()).select_from(tables.job)))


def ask(bot: Bot, ws: Workspace, ada: str, channel: str, words: str = "which port?") -> str:
    """Record a question without its event."""
    ts = ws.post(ada, channel, words)
    with bot.rag.write_transaction() as connection:
        questions.put_question(connection, Question(channel, ts, ts, ada, words))
    return ts


def test_workers_take_up_at_once_what_others_write_into_the_catalog(
    ws: Workspace, channel: str, tmp_path: Path
) -> None:
    with magpie(ws, tmp_path / "data") as bot:
        until(lambda: not has_jobs(bot))
        swept = len(ws.called("conversations.history"))
        with (
            closing(Catalog(tmp_path / "data", (tables.HISTORY,))) as catalog,
            catalog.write_transaction() as connection,
        ):
            jobs.request(connection, JobKind.SWEEP_CHANNEL, channel)
        ws.wait(lambda: len(ws.called("conversations.history")) > swept, 20, "the sweep")


def test_idle_workers_do_not_write(bot: Bot) -> None:
    workers = (bot.receipts, bot.maintenance, bot.ephemeral, bot.placeholders, bot.answers)
    with ThreadPoolExecutor(1) as pool, locked(bot):
        steps = pool.submit(lambda: [(worker.step(), worker.idle_seconds()) for worker in workers])
        assert steps.result(10) == [(False, 30.0)] * len(workers)


def test_question_given_up_after_a_day_gets_a_last_sentence(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    class Old(AnswerWorker):
        max_age = -1.0

    old = Old(bot.rag, bot.answers._responder, bot.answers._fair)
    asked = ask(bot, ws, ada, channel)
    assert bot.placeholders.step()
    ws.faults.fail("chat.update", status=429, retry_after=1)
    assert old.step()
    assert [said(one) for one in ws.thread(channel, asked)[1:]] == [answer_texts.GAVE_UP]
    assert ws.message(channel, asked).reactions == {}
    assert state(bot, asked) == QuestionState.FAILED


def test_last_sentence_is_tried_again_while_slack_is_busy_but_not_for_ever(
    ws: Workspace, bot: Bot, ada: str, channel: str
) -> None:
    class Old(PlaceholderWorker):
        max_age = -1.0

    class Ancient(Old):
        max_age = -25 * 3600.0

    parts = (bot.rag, bot.answers._responder, lambda: None)
    asked = ask(bot, ws, ada, channel)
    ws.faults.fail("chat.postMessage", 9, status=503)
    assert Old(*parts).step()
    assert state(bot, asked) == QuestionState.NEW
    with bot.rag.write_transaction() as connection:
        connection.execute(tables.question.update().values(next_try=0))
    assert Ancient(*parts).step()
    assert state(bot, asked) == QuestionState.FAILED


def state(bot: Bot, ts: str) -> str | None:
    with bot.rag.read_transaction() as connection:
        found: str | None = connection.scalar(select(tables.question.c.state).where(tables.question.c.ts == ts))
    return found


def test_two_placeholder_workers_share_the_shown_positions(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    """Questions leave the queue while two threads look which positions changed."""
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            bot.placeholders.claim()

    def change() -> None:
        for number in range(150):
            with bot.rag.write_transaction() as connection:
                asked = Question(channel, f"5.{number:04}", "5.1", f"U{number}", "?")
                questions.put_question(connection, asked)
                connection.execute(tables.question.update().values(state=QuestionState.QUEUED))
            with bot.rag.write_transaction() as connection:
                if number % 3 == 2:
                    connection.execute(tables.question.delete())

    with ThreadPoolExecutor(4) as pool:
        looking = [pool.submit(look) for _ in range(3)]
        pool.submit(change).result(60)
        stop.set()
        for each in looking:
            each.result(10)


def test_old_rows_are_deleted_when_the_bot_starts(ws: Workspace, channel: str, tmp_path: Path) -> None:
    with (
        open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot,
        bot.rag.write_transaction() as connection,
    ):
        connection.execute(insert(tables.delivery).values(event_id="Ev0", at=1.0))
    with magpie(ws, tmp_path) as bot:

        def is_deleted() -> bool:
            with bot.rag.read_transaction() as connection:
                return not connection.scalar(select(func.count()).select_from(tables.delivery))

        until(is_deleted, 20)


def test_receipt_does_not_wait_for_a_sweep(ws: Workspace, ada: str, channel: str, tmp_path: Path) -> None:
    ws.faults.fail("files.list", 9, delay=15)
    with magpie(ws, tmp_path):
        ws.wait(lambda: ws.called("files.list"), 10, "a sweep")
        started = time.monotonic()
        share(ws, ada, channel)
        assert time.monotonic() - started < 12
        ws.faults.clear()


@pytest.mark.parametrize("fault", [{"error": "missing_scope"}, {"status": 429, "retry_after": 30}])
def test_reactions_that_slack_refuses_alike_are_tried_once(
    ws: Workspace, bot: Bot, ada: str, channel: str, fault: dict[str, Any]
) -> None:
    with bot.rag.write_transaction() as connection:
        for _ in range(5):
            jobs.request(connection, JobKind.RETRACT_RECEIPT, channel, ws.post(ada, channel, "a plan"))
    ws.faults.fail("reactions.remove", 99, **fault)
    while bot.receipts.step():
        pass
    assert len(ws.called("reactions.remove")) == 1


def test_reason_of_an_unreadable_file_needs_no_reaction(ws: Workspace, ada: str, channel: str, tmp_path: Path) -> None:
    with magpie(ws, tmp_path):
        ws.faults.fail("reactions.add", error="too_many_reactions")
        ts = ws.post(ada, channel, files=[("torn.pdf", b"%PDF-1.4 torn")])
        ws.wait(lambda: [one for one in ws.ephemerals(ada) if "torn.pdf" in said(one)], 30, "the reason")
        assert UNREADABLE not in ws.message(channel, ts).reactions


def test_first_event_is_recorded_while_slack_answers_no_other_call(
    ws: Workspace, ada: str, channel: str, tmp_path: Path
) -> None:
    """By default, Bolt asks Slack who it is at the first event, and drops the event if that fails."""
    with magpie(ws, tmp_path) as bot:
        ws.faults.fail("auth.test", 99, error="internal_error")
        ts = ws.post(ada, channel, mention(ws))
        until(lambda: state(bot, ts) is not None, 20)
        assert "auth.test" not in {call.method for call in ws.calls_after(0)[-1:]}


def test_waiting_event_in_http_mode_blocks_neither_health_nor_the_next_event(
    ws: Workspace, ada: str, channel: str, tmp_path: Path
) -> None:
    port = free_port()

    def send(id: str) -> int:
        event = {"type": "app_mention", "user": ada, "text": "hey", "ts": f"9.{id}", "channel": channel}
        body = json.dumps({"type": "event_callback", "event_id": f"Ev{id}", "team_id": ws.team_id, "event": event})
        headers = {"content-type": "application/json", **signed(ws.signing_secret, body, time.time())}
        return httpx.post(
            f"http://127.0.0.1:{port}/slack/events", content=body, headers=headers, timeout=30
        ).status_code

    with magpie(ws, tmp_path, http_port=port) as bot, ThreadPoolExecutor(2) as pool:
        with locked(bot):
            sent = [pool.submit(send, str(number)) for number in range(2)]
            for _ in range(3):
                assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=3).status_code == 200
            assert not any(each.done() for each in sent)
        assert [each.result(30) for each in sent] == [200, 200]


def test_health_is_503_when_the_token_was_revoked(ws: Workspace, channel: str, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port):
        ws.faults.fail("auth.test", 99, error="token_revoked")
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 503


def test_token_is_checked_once_in_a_while_and_an_outage_changes_nothing(ws: Workspace) -> None:
    now = [0.0]
    check = TokenCheck(SlackClient(slack_settings(ws), RetryPolicy.IMPATIENT), lambda: now[0])
    assert all(check.is_valid() for _ in range(5))
    assert len(ws.called("auth.test")) == 1
    ws.faults.fail("auth.test", error="account_inactive")
    now[0] = 31
    assert not check.is_valid()
    ws.faults.fail("auth.test", status=503)
    now[0] = 62
    assert not check.is_valid()
    now[0] = 93
    assert check.is_valid()


def test_error_while_recording_an_event_is_logged_without_its_text(
    ws: Workspace, ada: str, channel: str, tmp_path: Path
) -> None:
    lines: list[str] = []
    with redacted_logs(lines.append, Mask()), magpie(ws, tmp_path) as bot:
        with bot.rag.write_transaction() as connection:
            connection.execute(
                text("CREATE TRIGGER broken BEFORE INSERT ON question BEGIN SELECT RAISE(ABORT, 'Nightjar.pdf'); END")
            )
        ws.post(ada, channel, mention(ws))
        until(lambda: any("could not be recorded" in line for line in lines), 20)
        with bot.rag.write_transaction() as connection:
            connection.execute(text("DROP TRIGGER broken"))
    assert "Nightjar" not in "\n".join(lines)


@pytest.mark.parametrize("space", ["\N{NO-BREAK SPACE}", "\n", "  ", "\t"])
def test_command_is_understood_with_any_space(
    ws: Workspace, ada: str, channel: str, tmp_path: Path, space: str
) -> None:
    with magpie(ws, tmp_path):
        share(ws, ada, channel)
        ws.command(ada, channel, "/magpie", f"find{space}gateway")
        ws.wait(lambda: [one for one in ws.ephemerals(ada) if answer_texts.BEST_PAGES in said(one)], 20, "the pages")


def test_picture_that_slack_refuses_to_delete_stays_for_the_next_purge_and_delays_no_other(
    ws: Workspace, bot: Bot, channel: str
) -> None:
    pictures = [f"F000000000{number}" for number in range(3)]
    with bot.rag.write_transaction() as connection:
        evidence.put_evidence(connection, channel, dict.fromkeys(pictures, 999))
        jobs.request(connection, JobKind.PURGE)
    ws.faults.fail("files.delete", error="cant_delete_file")  # the others do not exist anymore
    assert bot.maintenance.step()
    assert stale(bot) == [pictures[0]]
    with bot.rag.write_transaction() as connection:
        jobs.request(connection, JobKind.PURGE)
    assert bot.maintenance.step()
    assert stale(bot) == []


def stale(bot: Bot) -> list[str]:
    with bot.rag.read_transaction() as connection:
        return evidence.stale_evidence(connection, 9, 0.0)
