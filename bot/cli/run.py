"""`magpie run`"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from bot.cli.context import Data, invocation
from bot.cli.terminal import Screen
from bot.environment import SECRETS
from rag import TryAgain, keep_reserve, share_arenas

log = logging.getLogger("magpie")


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(context: typer.Context, data: Data = None) -> None:
    """Run the Slack bot. Stop it with Ctrl-C or SIGTERM; work in progress is finished or resumed at the next start."""
    from bot.settings import load_slack_settings
    from bot.supervise import serve

    share_arenas()
    screen, stop = Screen(), threading.Event()
    settings = invocation(context).settings(data)
    slack = load_slack_settings(settings.data)
    for name in SECRETS:  # extraction processes inherit the environment, and they open untrusted files
        os.environ.pop(name, None)

    say = log.info if settings.log.format == "json" else screen.note

    def on_start(port: int | None) -> None:
        health = f". Health check on port {port}" if port else ""
        keep_reserve(settings.data)
        say(f"Magpie is running. Data folder: {settings.data}{health}")

    say("Connecting to Slack …")
    try:
        with _stopped_by_signals(stop):
            serve(settings, slack, stop, on_start)
    except TryAgain:
        if not stop.is_set():
            raise
    say("Stopped. Questions asked in the meantime are answered at the next start.")


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Set `stop` on Ctrl-C and SIGTERM; raise KeyboardInterrupt only on the second signal.

    An exception raised in the middle of an import may be lost and leave the import lock held, which blocks all threads.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
