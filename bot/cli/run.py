"""run: the bot, until it is stopped."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from bot.cli.invocation import Data, invocation
from bot.cli.terminal import Screen
from bot.settings import SECRETS, load_slack_settings
from rag import TryAgain


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(context: typer.Context, data: Data = None) -> None:
    """Connect to Slack and answer there. Ends on Ctrl-C or SIGTERM, and leaves nothing half done."""
    from bot.main import open_bot

    screen, stop = Screen(), threading.Event()
    slack = load_slack_settings()
    for name in SECRETS:  # the reading processes, which open strangers' files, inherit the environment
        os.environ.pop(name, None)
    settings = invocation(context).settings(data)

    def started(port: int | None) -> None:
        screen.note(f"Magpie listens, and works in {settings.data}.{f' Health: port {port}.' if port else ''}")

    screen.note("Connecting to Slack …")
    try:
        with _ended_by_signals(stop), open_bot(settings, slack, stop=stop) as bot:
            bot.run(started)
    except TryAgain:
        if not stop.is_set():
            raise
    screen.note("Stopped. What was asked meanwhile is answered on the next start.")


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set `stop`, and raise only when they come again: raised in the middle of an import, an
    exception may be lost and leave the lock of all imports taken, at which every thread then stands still."""

    def end(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()

    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
