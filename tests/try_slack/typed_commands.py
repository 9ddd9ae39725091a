"""Triggers for modals: Slack gives one only to a person who uses the app, and it is valid for three seconds."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, Queue
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.demo.slack_server import Workspace
from bot.settings import SlackSettings
from bot.slack.socket_mode import open_socket
from tests.try_slack.contract import GetTrigger

_TYPED_WITHIN = 120.0
"""Seconds for which a command is waited for."""


@contextmanager
def typed_commands(client: WebClient, app_token: str) -> Iterator[GetTrigger]:
    """Yield a function that asks a person to type a command, and waits until it arrives over Socket Mode."""
    triggers: Queue[str] = Queue()
    app = App(client=client)

    @app.command(re.compile(".*"))
    def command(ack: Ack, body: Mapping[str, Any]) -> None:
        ack()
        triggers.put(str(body["trigger_id"]))

    def get_trigger(_direct: str) -> str:
        print("Type /magpie settings in Slack now.", flush=True)  # noqa: T201
        try:
            return triggers.get(timeout=_TYPED_WITHIN)
        except Empty:
            print("No command arrived: is Magpie running with the same app token?")  # noqa: T201
            return ""

    settings = SlackSettings(bot_token=str(client.token), app_token=app_token, api_url=client.base_url)
    with open_socket(app, settings, threading.Event()):
        yield get_trigger


def commands_in(ws: Workspace, user: str) -> GetTrigger:
    """Return a function that types a command in a local workspace."""

    def get_trigger(direct: str) -> str:
        return str(ws.envelope(ws.command(user, direct, "/magpie", "settings")).payload["trigger_id"])

    return get_trigger
