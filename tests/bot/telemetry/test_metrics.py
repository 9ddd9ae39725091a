"""The metrics of a bot: every declared one is on its page, and no text or id of people and files is in a label."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.db import tables
from bot.demo.slack_server import Workspace
from bot.jobs.worker import Failure
from bot.main import open_bot
from bot.slack.client import SlackClient
from bot.telemetry.metrics import FAILURES, METRICS, Metrics, Queues
from rag import TryAgain
from tests.bot.slack.test_http import free_port
from tests.flows.team import ask, magpie, mention, reply, running, said, settings, share, slack_settings, until
from tests.flows.test_unread_files import Gate
from tests.support.generator import FakeGenerator
from tests.support.migrated import migrated
from tests.support.model_servers import APIS, Api, model_server
from tests.support.ollama_server import Script
from tests.support.prometheus import scrape
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)

NOTHING = Queues(questions=0, jobs={}, files={}, lag=0.0, connected=True)


def test_every_metric_is_on_the_page_of_a_running_bot(ws: Workspace, tmp_path: Path) -> None:
    port, ada = free_port(), ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    generator = FakeGenerator(text="The gateway listens on port 8443 [1].")
    with magpie(ws, tmp_path, health_port=port, generator=generator):
        share(ws, ada, channel)
        assert "8443" in said(ask(ws, ada, channel, "which port does the gateway use?")[1])
        until(lambda: scrape(f"http://127.0.0.1:{port}")['magpie_questions_total{outcome="answered"}'] == 1)
        ask(ws, ada, channel, "who painted the ceiling of the cathedral?")
        until(lambda: scrape(f"http://127.0.0.1:{port}")['magpie_questions_total{outcome="not_found"}'] == 1)
        ws.faults.fail("reactions.add", status=429, retry_after=1)
        ws.post(ada, channel, files=[("torn.pdf", b"%PDF-1.4 torn")])
        until(
            lambda: (
                'magpie_slack_calls_total{method="reactions.add",result="rate_limited"}'
                in scrape(f"http://127.0.0.1:{port}")
            )
        )
        until(lambda: scrape(f"http://127.0.0.1:{port}")['magpie_files_failed_total{step="read"}'] == 1)
        found = scrape(f"http://127.0.0.1:{port}")
    names = {series.split("{")[0] for series in found}
    for declared in METRICS:
        assert {declared.shown_name, f"{declared.shown_name}_count"} & names, declared.name
    assert found["magpie_pages_read_total{}"] == 3
    assert found["magpie_answer_seconds_count{}"] == 2
    for stage in ("search", "write", "check", "turn", "files"):
        assert found[f'magpie_stage_seconds_count{{stage="{stage}"}}'] >= 1, stage
    assert found['magpie_slack_calls_total{method="chat.postMessage",result="ok"}'] == 2
    assert next(found[series] for series in found if 'kind="try_again"' in series and 'work="receipt"' in series) == 1
    assert found["magpie_slack_connected{}"] == 1
    assert found["magpie_index_lag_seconds{}"] == 0
    text = " ".join(found)
    for secret in (ada, channel, ws.team_id, "handbook", "torn.pdf", "gateway", "cathedral", "harbor", "ada"):
        assert secret not in text, secret


@pytest.mark.parametrize("api", APIS)
def test_tokens_are_those_that_the_model_server_reports(ws: Workspace, tmp_path: Path, api: Api) -> None:
    port, ada = free_port(), ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    with model_server(api) as models:
        models.script = Script(text="The gateway listens on port 8443 [1].")
        answer = {"api": api, "host": models.url, "model": "reads:1b", "correct": False}
        chosen = settings(tmp_path, answer=answer)
        migrated(chosen.data, tables.HISTORY)
        with open_bot(chosen, slack_settings(ws, health_port=port)) as bot, running(bot):
            share(ws, ada, channel)
            assert "8443" in said(ask(ws, ada, channel, "which port does the gateway use?")[1])
            until(lambda: scrape(f"http://127.0.0.1:{port}")["magpie_answer_seconds_count{}"] == 1)
            found = scrape(f"http://127.0.0.1:{port}")
    assert found['magpie_tokens_total{of="prompt"}'] == sum(prompt for prompt, _ in models.usage) > 0
    assert found['magpie_tokens_total{of="answer"}'] == sum(answer for _, answer in models.usage) > 0


def test_queues_show_what_waits(ws: Workspace, tmp_path: Path) -> None:
    port, ada = free_port(), ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    url, gate = f"http://127.0.0.1:{port}", Gate()
    with magpie(ws, tmp_path, health_port=port, extractor=gate):
        ws.faults.fail("views.publish", 99, status=503)
        ws.open_home(ada)
        asked = ws.post(ada, channel, mention(ws), files=[("notes.txt", b"The gateway listens on port 8443.")])
        assert gate.waiting.wait(20)
        ws.faults.truncate(99)
        ws.post(ada, channel, files=[("log.txt", b"Herons nest here.")])
        expected = {
            "magpie_questions_open{}": 1.0,
            'magpie_jobs_open{kind="home"}': 1.0,
            'magpie_files_waiting{step="read"}': 1.0,
            'magpie_files_waiting{step="fetch"}': 1.0,
        }
        until(lambda: expected.items() <= scrape(url).items())
        lag = scrape(url)["magpie_index_lag_seconds{}"]
        assert 0 < lag < scrape(url)["magpie_index_lag_seconds{}"] < 60
        gate.opened.set()
        assert "8443" in said(reply(ws, channel, asked))
        until(lambda: scrape(url)["magpie_questions_open{}"] == 0)
        assert scrape(url)['magpie_files_waiting{step="read"}'] == 0


def test_failures_of_slack_are_counted_by_method_and_kind(ws: Workspace) -> None:
    metrics = Metrics()
    client = SlackClient(slack_settings(ws), metrics=metrics)
    channel = ws.channel("harbor", members=[ws.person("ada")])
    ws.faults.fail("conversations.info", 99, error="internal_error")
    with pytest.raises(TryAgain):
        client.get_conversation(channel)
    text = metrics.text(NOTHING).decode()
    assert 'magpie_slack_calls_total{method="conversations.info",result="unavailable"} 1.0' in text


def test_kinds_of_failures_are_those_of_the_workers() -> None:
    assert tuple(failure.name.lower() for failure in Failure) == FAILURES


def test_value_of_a_label_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ValueError, match="not declared"):
        Metrics().question_ended("Nightjar.pdf")
    with pytest.raises(ValueError, match="not declared"):
        Metrics().stage_ended("U0123", 1.0)


def test_names_follow_prometheus_and_say_their_unit() -> None:
    for declared in METRICS:
        assert re.fullmatch(r"magpie_[a-z_]+", declared.name)
        assert not declared.name.endswith("_total")
        assert declared.help.endswith(".")
        assert all(re.fullmatch(r"[a-z]+", label) for label in declared.values)
