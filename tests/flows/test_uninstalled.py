"""The app is uninstalled: the bot stops, waits for a token that works, and deletes everything if none comes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import time
from typing import Any

import pytest

from bot.cli.main import main
from bot.db import tables
from bot.demo.slack_server import Workspace
from bot.settings import SlackSettings
from bot.slack.errors import TokenRevoked
from bot.slack.payloads import parse
from bot.slack.uninstalled import Uninstalled, mark_uninstalled, uninstalled_since
from bot.supervise import serve
from tests.flows.team import HANDBOOK, READ, ask, receipts, said, settings, slack_settings, until
from tests.support.generator import FakeGenerator
from tests.support.migrated import migrated, open_rag

DAY = 24 * 3600.0
OPENED = partial(open_rag, generator=FakeGenerator())


@contextmanager
def served(data: Path, slack: SlackSettings, clock: Callable[[], float] = time) -> Iterator[Future[None]]:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(serve, settings(data), slack, stop, lambda _: None, 0.1, clock, opened=OPENED)
        try:
            yield future
        finally:
            stop.set()


def write_token(data: Path, token: str) -> None:
    (data / "magpie.toml").write_text(f'[slack]\nbot_token = "{token}"\n')


@pytest.mark.parametrize("kind", ["app_uninstalled", "tokens_revoked"])
def test_bot_stops_and_goes_on_with_a_new_token(ws: Workspace, channel: str, tmp_path: Path, kind: str) -> None:
    with served(tmp_path, slack_settings(ws)) as future:
        receipts(ws, channel, ws.post("ada", channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        ws.uninstall(kind)
        until(lambda: uninstalled_since(tmp_path) is not None)
        until(lambda: not ws.connections)
        assert not future.done()
        assert (tmp_path / "catalog.db").exists()
        write_token(tmp_path, ws.reinstall())
        until(lambda: bool(ws.connections))
        assert uninstalled_since(tmp_path) is None
        assert "8443" in said(ask(ws, "ben", channel, "which port does the gateway use?")[1])


def test_everything_is_deleted_if_no_token_comes(ws: Workspace, channel: str, tmp_path: Path) -> None:
    slack = slack_settings(ws)
    with served(tmp_path, slack) as future:
        receipts(ws, channel, ws.post("ada", channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        write_token(tmp_path, "xoxb-of-before")
        ws.uninstall()
        until(lambda: uninstalled_since(tmp_path) is not None)
        until(lambda: not ws.connections)
    future.result(30)
    (tmp_path / "uninstalled").write_text(f"{os.stat(tmp_path / 'uninstalled').st_mtime - 6.9 * DAY:.0f}\n")
    with served(tmp_path, slack) as future:  # the time goes on while the bot does not run
        until(lambda: len(ws.called("auth.test")) > 2)
        assert (tmp_path / "catalog.db").exists()
        (tmp_path / "uninstalled").write_text("1\n")
        with pytest.raises(Uninstalled, match="everything that it had stored was deleted"):
            future.result(30)
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".lock"}
    assert left == {"magpie.toml"}


def test_everything_is_deleted_after_the_days_that_are_set(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    migrated(tmp_path, tables.HISTORY)
    mark_uninstalled(tmp_path)
    since = uninstalled_since(tmp_path) or 0.0
    monkeypatch.setenv("SLACK_PURGE_DAYS", "1")
    monkeypatch.setenv("COLUMNS", "300")
    now = [since + 0.9 * DAY]
    with served(tmp_path, slack_settings(ws, bot_token="xoxb-refused", purge_days=1), lambda: now[0]) as future:
        until(lambda: len(ws.called("auth.test")) > 3)
        assert main(["--data", str(tmp_path), "status"]) == 0
        ends = f"{datetime.fromtimestamp(since) + timedelta(days=1):%Y-%m-%d %H:%M}"
        assert f"The app was uninstalled from Slack. Everything is deleted on {ends} if" in capsys.readouterr().out
        assert not future.done()
        now[0] = since + 1.1 * DAY
        with pytest.raises(Uninstalled, match="from Slack 1 day ago, so everything that it had stored was deleted"):
            future.result(30)
    assert not (tmp_path / "catalog.db").exists()


def test_token_that_works_cancels_the_deletion(ws: Workspace, channel: str, tmp_path: Path) -> None:
    mark_uninstalled(tmp_path)
    (tmp_path / "uninstalled").write_text("1\n")
    with served(tmp_path, slack_settings(ws)):
        until(lambda: bool(ws.connections))
        assert uninstalled_since(tmp_path) is None
    assert (tmp_path / "catalog.db").exists()


def test_token_that_never_worked_deletes_nothing(ws: Workspace, tmp_path: Path) -> None:
    stop = threading.Event()
    with pytest.raises(TokenRevoked):
        serve(settings(tmp_path), slack_settings(ws, bot_token="xoxb-refused"), stop, opened=OPENED)
    assert uninstalled_since(tmp_path) is None


def test_tokens_of_others_are_not_the_bots() -> None:
    def event(*bots: str) -> dict[str, Any]:
        return {"type": "tokens_revoked", "tokens": {"oauth": ["UME"], "bot": list(bots)}}

    assert parse(event("UOTHER"), "UME") == []
    assert parse({"type": "tokens_revoked"}, "UME") == []
    assert len(parse(event("UOTHER", "UME"), "UME")) == 1
