"""Whether Slack still accepts the bot's token, for /health: an open connection outlives its token."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from bot.slack.client import SlackClient
from bot.slack.errors import TokenRevoked
from rag import MagpieError

log = logging.getLogger("magpie")

_SECONDS = 30.0
"""Seconds for which a result is used: anyone may request /health, but not make Slack work."""


class TokenCheck:
    """Asks Slack about the token, at most every 30 seconds. Thread-safe."""

    def __init__(self, client: SlackClient, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock()
        self._valid = True

    def is_valid(self) -> bool:
        """Return False if Slack refuses the token. Without an answer from Slack, return the last result."""
        with self._lock:
            if self._clock() >= self._next:
                self._next = self._clock() + _SECONDS
                try:
                    self._client.identify()
                    self._valid = True
                except TokenRevoked as error:
                    log.warning("%s %s", error, error.hint)
                    self._valid = False
                except MagpieError as error:
                    log.info("Could not check the token: %s", error)
            return self._valid
