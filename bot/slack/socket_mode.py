"""Slack's Socket Mode: one connection that receives events, and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slack_bolt import App
from slack_sdk.socket_mode.builtin.connection import ConnectionState

from bot.settings import SlackSettings
from bot.slack.waiting import wait_for_slack

if TYPE_CHECKING:
    from slack_bolt.adapter.socket_mode import SocketModeHandler

_BUFFER = 1 << 16
"""Bytes read from the socket at a time: slack_sdk may lose a message that needs several reads."""


@contextmanager
def open_socket(app: App, settings: SlackSettings, stop: threading.Event) -> Iterator[SocketModeHandler]:
    """Connect to Slack, or wait until it can be reached or `stop` is set; disconnect at the end."""
    from slack_bolt.adapter.socket_mode import SocketModeHandler

    handler = SocketModeHandler(
        app,
        settings.app_token.get_secret_value(),
        ping_interval=settings.ping_seconds,
        receive_buffer_size=_BUFFER,
    )
    try:
        wait_for_slack(handler.connect, stop)
        yield handler
    finally:
        _close(handler)


class _Ended(ConnectionState):
    """The state of a connection that is over, whatever is assigned to it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def terminated(self) -> bool:
        return True

    @terminated.setter
    def terminated(self, _value: bool) -> None:
        """Ignore it: slack_sdk's receiving thread resets the state when it starts, also after the client is closed."""


def _close(handler: SocketModeHandler) -> None:
    client = handler.client
    # Otherwise close() waits for ever for a thread that starts to receive at this moment: it resets the state.
    before, client.current_session_state = client.current_session_state, _Ended()
    before.terminated = True
    # Another of its threads waits up to a second for the next message: an empty one ends it at once.
    client.closed = True
    client.enqueue_message("")
    handler.close()  # type: ignore[no-untyped-call]
