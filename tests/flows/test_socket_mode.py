"""The connection of Socket Mode: it ends whenever the bot is stopped."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.db import tables
from bot.demo.slack_server import Workspace
from bot.main import open_bot
from bot.slack.socket_mode import open_socket
from tests.flows.team import settings, slack_settings
from tests.support.migrated import migrated


class HoldReceiving(logging.Handler):
    """Holds the thread that begins to receive, between its look at the connection and its first step, until `go`."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.begins = threading.Event()
        self.go = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Starting to receive messages"):
            self.begins.set()
            self.go.wait(20)


def test_connection_ends_while_it_begins_to_receive(
    ws: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    holding = HoldReceiving()
    with (
        open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot,
        ThreadPoolExecutor(1) as pool,
    ):
        caplog.set_level(logging.INFO, bot.app.logger.name)
        bot.app.logger.addHandler(holding)
        socket = open_socket(bot.app, bot.settings, bot.stop)
        client = socket.__enter__().client
        try:
            assert holding.begins.wait(20)
            state = client.current_session_state
            ended = pool.submit(socket.__exit__, None, None, None)
            for _ in range(2000):  # until close() has told all threads to end
                if state.terminated and not client.is_connected():
                    break
                threading.Event().wait(0.005)
            holding.go.set()
            ended.result(20)
        finally:
            bot.app.logger.removeHandler(holding)
            client.current_session_state.terminated = True  # lets the thread end if the test fails
