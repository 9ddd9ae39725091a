"""run: the bot, until it is stopped."""

from __future__ import annotations

import os
import threading

import typer

from bot.invocation import Data, invocation
from bot.screen import Screen
from bot.settings import SECRETS, load_slack_settings


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(context: typer.Context, data: Data = None) -> None:
    """Connect to Slack and answer there. Ends on Ctrl-C or SIGTERM, and leaves nothing half done."""
    from bot.running import open_bot

    screen, stop = Screen(), threading.Event()
    slack = load_slack_settings()
    for name in SECRETS:  # the reading processes, which open strangers' files, inherit the environment
        os.environ.pop(name, None)
    settings = invocation(context).settings(data)

    def started(port: int | None) -> None:
        screen.note(f"Magpie listens, and works in {settings.data}.{f' Health: port {port}.' if port else ''}")

    screen.note("Connecting to Slack …")
    try:
        with open_bot(settings, slack, stop=stop) as bot:
            bot.run(started)
    except KeyboardInterrupt:
        screen.note("Stopped. What was asked meanwhile is answered on the next start.")
