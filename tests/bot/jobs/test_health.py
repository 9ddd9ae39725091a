"""/health and /ready: a main loop that is stuck, a catalog that cannot be written, HTTP mode."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bot.db import tables
from bot.demo.slack_server import Workspace
from bot.jobs.health import Health
from bot.main import open_bot
from bot.slack.http import is_loopback
from rag.catalog import Catalog
from tests.bot.slack.test_http import free_port
from tests.flows.team import magpie, settings, slack_settings
from tests.support.migrated import migrated
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


def status(port: int, path: str) -> int:
    return httpx.get(f"http://127.0.0.1:{port}{path}").status_code


def test_running_bot_is_healthy_and_ready(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port):
        assert [status(port, path) for path in ("/health", "/ready", "/metrics")] == [200, 200, 200]
        assert status(port, "/slack/events") == 404


def test_revoked_token_is_neither_healthy_nor_ready(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port):
        ws.faults.fail("auth.test", 99, error="token_revoked")
        assert [status(port, path) for path in ("/health", "/ready")] == [503, 503]


def test_http_mode_shows_metrics_on_the_local_port_only(ws: Workspace, tmp_path: Path) -> None:
    local, public = free_port(), free_port()
    with magpie(ws, tmp_path, health_port=local, http_port=public):
        assert [status(local, path) for path in ("/health", "/ready", "/metrics")] == [200, 200, 200]
        assert [status(public, path) for path in ("/health", "/ready", "/metrics")] == [200, 200, 404]
        assert status(local, "/slack/events") == 404


def test_another_address_answers_under_any_name(ws: Workspace, tmp_path: Path) -> None:
    port = free_port()
    with magpie(ws, tmp_path, health_port=port, health_host="0.0.0.0"):
        found = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"host": "bot.example"})
        assert found.status_code == 200


def test_main_loop_that_does_not_move_is_unhealthy(ws: Workspace, tmp_path: Path) -> None:
    now = [0.0]
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        health = Health(bot.rag, bot.token_check, lambda: True, lambda: now[0])
        assert health.is_healthy()
        now[0] = 29
        assert health.is_ready()
        now[0] = 31
        assert not health.is_healthy()
        health.beat()
        assert health.is_ready()


def test_catalog_that_cannot_be_written_is_not_ready(ws: Workspace, tmp_path: Path) -> None:
    now = [0.0]
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        health = Health(bot.rag, bot.token_check, lambda: True, lambda: now[0])
        assert health.is_ready()
        with closing(sqlite3.connect(tmp_path / "catalog.db")) as driver, driver:
            driver.execute("CREATE TRIGGER broken BEFORE UPDATE ON alembic_version BEGIN SELECT RAISE(ABORT, ''); END")
        assert health.is_ready(), "the disk works at most every ten seconds for it"
        now[0] = 11
        assert health.is_healthy()
        assert not health.is_ready()


def test_catalog_that_another_writer_holds_counts_as_writable(tmp_path: Path) -> None:
    with closing(Catalog(tmp_path)) as catalog:
        with catalog.write_transaction():
            assert catalog.is_writable()
        assert catalog.is_writable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_catalog_in_a_read_only_folder_is_not_writable(tmp_path: Path) -> None:
    with closing(Catalog(tmp_path)) as catalog:
        catalog.path.chmod(0o400)
        assert not catalog.is_writable()


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("bot", False)]
)
def test_only_the_loopback_is_local(host: str, local: bool) -> None:
    assert is_loopback(host) is local
